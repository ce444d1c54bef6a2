// What the explorer of steps works out, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const read = (name) => readFileSync(new URL(`${name}.js`, folder), "utf-8");
const { asTrained, moments, readings, stepSentences } = new Function(
  `"use strict";\n${read("common")}\n${read("steps")}\nreturn { asTrained, moments, readings, stepSentences };`)();

const COPIES = [1, 2], SIZES = [0.5, 1], SETTINGS = COPIES.flatMap((copies) => SIZES.map((size) => [copies, size]));
// Two readings a setting; the number of wrong ones tells the setting: its digits are the three stages' places.
const counts = (add) => SETTINGS.flatMap((_, one) => SETTINGS.flatMap((__, two) => SETTINGS.flatMap((___, three) =>
  [100 + add, add + one * 16 + two * 4 + three])));
const network = { name: "residual-14", colour: "red", images: 200, stored: counts(0), recomputed: counts(10) };
const data = { copies: COPIES, sizes: SIZES, networks: [network] };

test("every setting finds its own numbers", () => {
  SETTINGS.forEach((one, first) => SETTINGS.forEach((two, second) => SETTINGS.forEach((three, third) => {
    const wrong = first * 16 + second * 4 + third;
    assert.deepEqual(readings(data, network, "stored", [one, two, three]), [50, 100 - wrong / 2]);
    assert.deepEqual(readings(data, network, "recomputed", [one, two, three]), [45, 100 - (wrong + 10) / 2]);
  })));
});

test("the way of a block", () => {
  assert.deepEqual(moments([1, 1]), [0, 1]);
  assert.deepEqual(moments([4, 0.25]), [0, 0.25, 0.5, 0.75, 1]);
  assert.deepEqual(moments([2, 1]), [0, 1, 2]);
});

test("sentences: as trained, finer, and not the whole way", () => {
  assert.deepEqual(stepSentences(data, network, "stored", asTrained), ["residual-14 as trained, one step a block: 89.5 % right.",
    "Read by the final classifier after each block of stage 3: 50 %, 89.5 %."]);
  const halves = [[2, 0.5], [2, 0.5], [2, 0.5]];
  assert.deepEqual(stepSentences(data, network, "stored", halves), [
    "residual-14, 2 steps of ½ for each ordinary block: 79 % right, as trained 89.5 %.",
    "Each block goes its whole way, in finer steps.", "With recomputed statistics it would be 74 %."]);
  const wrong = stepSentences(data, network, "recomputed", [[1, 0.5], [1, 1], [2, 1]]);
  assert.equal(wrong[0], "residual-14, stage 1 one step of ½, stage 2 one step of 1, stage 3 2 steps of 1: 91.5 % right, as trained 89.5 %.");
  assert.equal(wrong[1], "In stage 1 and stage 3 this is not the way of one block: 0.5 of it and 2 of it.");
  for (const statistics of ["stored", "recomputed"]) {
    for (const one of SETTINGS) {
      for (const two of SETTINGS) {
        assert.doesNotMatch(stepSentences(data, network, statistics, [one, two, two]).join(" "), /undefined|NaN|null|Infinity/);
      }
    }
  }
});
