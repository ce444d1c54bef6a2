// What the explorer of recorded trainings calculates, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const source = ["common", "records"].map((name) => readFileSync(new URL(`${name}.js`, folder), "utf-8")).join("\n");
const { values, rangeOf, valueAt, compared, spread } =
  new Function(`${source}\nreturn { values, rangeOf, valueAt, compared, spread };`)();

const line = (changes) => ({ kind: "plain", depth: 20, rate: 0.1, seeds: 1, epochs: [1, 6, 10], train_error: [[70, 30, 15.2]],
  test_error: [[60, 30, 16.5]], train_loss: [[2, 1, 0.1]], layers: [1, 2], responses: [[0.9, 1.1]], moments: [0, 391],
  states: [1, 3], gradient: [[-100, 0], [-200, null]], kernels: [1, 2], weight_gradient: [[0, 0], [0, 0]], ...changes });

test("a logarithmic axis holds exponents, and what is no positive number is left out", () => {
  assert.deepEqual(values(line(), "train_loss", 0)[0].map((value) => Number(value.toFixed(3))), [0.301, 0, -1]);
  assert.deepEqual(values(line({ train_loss: [[0, 1, 1]] }), "train_loss", 0), [[null, 0, 0]]);
  assert.deepEqual(values(line(), "gradient", 1), [[-2, null]]);
  assert.deepEqual(values(line(), "gradient", 3), [[-2, null]]); // fewer moments than names
  assert.deepEqual(values(line(), "train_error", 0), [[70, 30, 15.2]]);
});

test("the axis holds all that is drawn", () => {
  assert.deepEqual(rangeOf([line(), line({ train_error: [[80, 40, 20]] })], "train_error", 0), [0, 84]);
  assert.deepEqual(rangeOf([line()], "train_loss", 0), [-1, 1]);
  assert.deepEqual(rangeOf([line()], "weight_gradient", 0), [-1, 1]);
  assert.deepEqual(rangeOf([], "train_error", 0), [0, 1]);
});

test("the value under the line is that of the nearest place", () => {
  assert.equal(valueAt(line(), "train_error", 0, 1), 70);
  assert.equal(valueAt(line(), "train_error", 0, 8), 30);
  assert.equal(valueAt(line(), "train_error", 0, 99), 15.2);
  assert.equal(valueAt(line(), "gradient", 0, 1), 0.1);
  assert.equal(valueAt(line(), "gradient", 1, 3), null);
  assert.equal(valueAt(line(), "responses", 0, 2), 1.1);
});

test("depths of a kind are compared, each at its best rate, with the number of seeds", () => {
  const deep = line({ depth: 56, train_error: [[88, 60, 40]] }), slow = line({ depth: 56, rate: 0.02, seeds: 2,
    train_error: [[80, 50, 30], [79, 49, 29], [81, 51, 31]] });
  const [sentence] = compared([line(), deep, slow]);
  assert.match(sentence, /56 layers end at a training error of 30\s% \(2 seeds\), 20 layers at 15\.2\s% \(one seed\)/u);
  assert.match(sentence, /worse/);
  assert.match(compared([line(), line({ depth: 56, train_error: [[1, 1, 1]] })])[0], /better/);
  assert.match(compared([deep, slow])[0], /^plain: 56 layers end at a training error of 30\s% \(2 seeds\)\.$/u); // one depth
  assert.deepEqual(compared([]), []);
  assert.equal(spread(slow, "train_error"), "30\u00a0% (29 to 31)");
  assert.equal(spread(deep, "train_error"), "40\u00a0%");
});
