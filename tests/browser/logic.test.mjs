// What the explorers calculate, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const read = (name) => readFileSync(new URL(`${name}.js`, folder), "utf-8");

/** The named functions of an explorer's source. */
const load = (name, ...names) => new Function(`${read("common")}\n${name === "common" ? "" : read(name)}\nreturn {${names}};`)();

test("numbers have three significant digits", () => {
  const { number } = load("common", "number");
  const cases = [[0, "0"], [0.012345, "0.0123"], [1234.5, "1,230"], [99949, "99,900"], [99950, "1.0 × 10⁵"],
    [0.00012, "1.2 × 10⁻⁴"], [-2.5, "−2.5"], [Infinity, "∞"], [null, "–"], [NaN, "–"]];
  for (const [value, text] of cases) assert.equal(number(value), text);
});

test("powers of ten and ratios are said as they are read", () => {
  const { power, times } = load("common", "power", "times");
  assert.deepEqual([-4, -3, 0, 3, 4].map(power), ["10⁻⁴", "0.001", "1", "1000", "10⁴"]);
  assert.equal(times(3), "3 times");
  assert.equal(times(0.25), "1/4 of");
});

test("names keep their distance and stay inside", () => {
  const { apart } = load("common", "apart");
  const found = apart([100, 101, 99, 10], 15, 0, 120);
  const sorted = [...found].sort((a, b) => a - b);
  sorted.slice(1).forEach((place, index) => assert.ok(place - sorted[index] >= 15 - 1e-9));
  assert.ok(sorted[0] >= 0 && sorted.at(-1) <= 120);
  assert.deepEqual(apart([10, 60], 15, 0, 120), [10, 60]);
});

test("a diverged seed counts as the worst in the median and is left out of the band", () => {
  const { median, spread } = load("degradation", "median", "spread");
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([1, 2, 3, null]), 2.5);
  assert.equal(median([1, null, null]), null);
  assert.deepEqual(spread([[3, 1], null, [1, 5], [2, 2]]), [[1, 2, 3], [1, 2, 5]]);
  assert.deepEqual(spread([null]), []);
});

test("verdicts change at the stated thresholds", () => {
  const { verdict } = load("gradient-flow", "verdict");
  assert.deepEqual([1001, 31, 29, 1, 1 / 29, 1 / 31, 1 / 1001].map(verdict),
    ["It explodes.", "It grows.", "It holds.", "It holds.", "It holds.", "It shrinks.", "It vanishes."]);
});
