// What the explorer of lesions works out, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const read = (name) => readFileSync(new URL(`${name}.js`, folder), "utf-8");
const { choices, pressed, patient, lesionSentences } = new Function(
  `"use strict";\n${read("common")}\n${read("lesions")}\nreturn { choices, pressed, patient, lesionSentences };`)();

test("the order of the recorded numbers is that of the study: by size, then by block", () => {
  assert.deepEqual(choices(3, 3), ["", "0", "1", "2", "0,1", "0,2", "1,2", "0,1,2"]);
  assert.deepEqual(choices(3, 2).at(-1), "1,2");
  assert.equal(choices(9, 9).length, 512);
  assert.equal(choices(27, 2).length, 1 + 27 + 351);
});

test("a press deletes, a second one puts back, and one too many brings the first back", () => {
  assert.deepEqual(pressed([], 4, 2), [4]);
  assert.deepEqual(pressed([4, 1], 4, 2), [1]);
  assert.deepEqual(pressed([4, 1], 7, 2), [1, 7]);
  assert.deepEqual(pressed([0, 1], 2, 3), [0, 1, 2]);
});

// Three blocks, 200 test images; wrong for nothing, each, and each pair.
const network = patient({ name: "plain-8", most: 2, images: 200, change: [1.2, 0.3, 0.05], colour: "red",
  stored: [2, 180, 4, 2, 190, 181, 1], recomputed: [2, 170, 2, 2, 180, 171, 2] });

test("accuracy and costs by hand, whatever the order of the presses", () => {
  assert.equal(network.right([], "stored"), 99);
  assert.equal(network.right([0], "stored"), 10);
  assert.equal(network.right([2, 0], "stored"), network.right([0, 2], "stored"));
  assert.equal(network.right([2, 0], "stored"), 9.5);
  assert.deepEqual(network.costs("stored").map((cost) => Math.round(10 * cost) / 10), [89, 1, 0]);
});

test("sentences: nothing, one block, two, and a deletion that helps", () => {
  assert.deepEqual(lesionSentences(network, [], "stored"),
    ["plain-8, nothing deleted: 99 % right.", "Deleted alone, 2 of its 3 blocks cost at most 2 points."]);
  assert.deepEqual(lesionSentences(network, [1], "stored"), ["plain-8 without block 2: 99 % → 98 % right.",
    "This block changes what the shortcut would pass on by 30 % of its size, and costs 1 point."]);
  assert.deepEqual(lesionSentences(network, [1, 0], "stored"), ["plain-8 without blocks 1 and 2: 99 % → 5 % right.",
    "Together they cost 94 points; deleted one at a time, the sum of their costs is 90 points."]);
  assert.match(lesionSentences(network, [2, 1], "stored")[1], /nothing: it is better by 0.5 points/);
  for (const statistics of ["stored", "recomputed"]) {
    for (const removed of choices(3, 2)) {
      const all = lesionSentences(network, removed ? removed.split(",").map(Number) : [], statistics).join(" ");
      assert.doesNotMatch(all, /undefined|NaN|null|Infinity/);
    }
  }
});
