// What the explorer of loss landscapes works out, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const read = (name) => readFileSync(new URL(`${name}.js`, folder), "utf-8");
const { plane, heightOf, shade, seen, isoline, landscapeSentences } = new Function(
  `"use strict";\n${read("common")}\n${read("landscape")}\nreturn { plane, heightOf, shade, seen, isoline, landscapeSentences };`)();

const bowl = plane({ name: "plain-56", colour: "var(--plain)", stored: [[300, 200, 300], [200, -100, 200], [400, 200, 300]],
  recomputed: [[30, 20, 30], [20, -100, 20], [40, 20, 30]] });

test("losses, the rim and the highest point", () => {
  assert.equal(bowl.at("stored", 1, 1), 0.1);
  assert.equal(bowl.at("stored", 2, 0), 10000);
  assert.equal(bowl.highest("stored"), 10000);
  assert.equal(bowl.rim("stored"), 1000);
  assert.deepEqual([0, 1, 2].map(bowl.distance), [-1, 0, 1]);
});

test("both scales end at their labelled ends, and say what is cut off", () => {
  assert.deepEqual(heightOf(0.001, "log", 5), { share: 0, cut: false });
  assert.equal(heightOf(1e5, "log", 5).share, 1);
  assert.deepEqual(heightOf(5, "cut", 5), { share: 0.5, cut: false });
  assert.deepEqual(heightOf(26000, "cut", 5), { share: 1, cut: true });
});

test("colours run from one end of the map to the other", () => {
  assert.equal(shade(0), "#00224e");
  assert.equal(shade(1), "#fee838");
  assert.match(shade(0.37), /^#[0-9a-f]{6}$/);
});

test("a turn moves points on the floor around the middle", () => {
  const [right, down] = seen([0.5, 0, 0], 90, 90);
  assert.ok(Math.abs(right) < 1e-9 && Math.abs(down + 0.5) < 1e-9);
  assert.ok(seen([0, 0, 1], 0)[1] < 0);
  assert.ok(seen([0, -0.5, 0], 0)[2] > seen([0, 0.5, 0], 0)[2]);
});

test("a contour lies between the grid's values", () => {
  const pieces = isoline([[0, 0], [1, 1]], 0.25);
  assert.deepEqual(pieces.map((piece) => piece.map(([, row]) => row)), [[0.25, 0.25]]);
  assert.equal(isoline([[0, 1], [1, 0]], 0.5).length, 2);
  assert.deepEqual(isoline([[1, 1], [1, 1]], 0.5), []);
});

test("what is said", () => {
  const stored = landscapeSentences(bowl, "stored", 2, 0).join(" ");
  assert.match(stored, /0\.1 in the middle, 1,000 typically along the rim, 10,000 at the highest point/);
  assert.match(stored, /the same plane is 2\.51: 1\/3,980 of this/);
  assert.match(stored, /At the mark \(−1 to the right, 1 up\): 10,000 with stored, 2\.51 with recomputed/);
  assert.match(landscapeSentences(bowl, "recomputed", 1, 1).join(" "), /Guessing costs 2\.3\. The highest point is 1\.09 times that/);
});
