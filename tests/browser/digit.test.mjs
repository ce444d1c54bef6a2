// The explorer "digit" without a document: words, strokes, filters. Its numbers are compared with PyTorch's elsewhere.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const NAMES = "SHEET, share, ranked, blocksText, answerSentences, stroke, filter, place, prepare, softmax";
const it = new Function(`"use strict";\n${["common", "digit"].map((name) =>
  readFileSync(new URL(`${name}.js`, folder), "utf8")).join("\n")}\nreturn { ${NAMES} };`)();
const plain = (text) => text.replaceAll("\u00a0", " ");
const classes = [..."0123456789"];
const certain = (digit, most) => classes.map((_, index) => (index === digit ? most : (1 - most) / 9));

test("probabilities never say more than is known", () => {
  assert.deepEqual([0, 0.0004, 0.0005, 0.123456, 0.9995, 0.99951, 1].map(it.share).map(plain),
    ["< 0.1 %", "< 0.1 %", "0.1 %", "12.3 %", "100.0 %", "> 99.9 %", "> 99.9 %"]);
});

test("blocks are counted from 1 in words", () => {
  assert.equal(it.blocksText([2]), "block 3");
  assert.equal(it.blocksText([0, 5]), "blocks 1 and 6");
  assert.equal(it.blocksText([0, 1, 4]), "blocks 1, 2 and 5");
});

test("the answer, and what it was with all blocks on", () => {
  const full = certain(7, 0.991), other = certain(3, 0.61);
  assert.deepEqual(it.answerSentences(classes, full, full, [], undefined).map(plain),
    ["The network reads 7 at 99.1 %, then 0 at 0.1 % and 1 at 0.1 %."]);
  assert.deepEqual(it.answerSentences(classes, other, full, [2], "7").map(plain),
    ["With block 3 off: 7 at 99.1 % → 3 at 61.0 %.", "The digit 7 is left with 4.3 %.",
      "The label of this test image is 7: wrong."]);
  assert.deepEqual(it.answerSentences(classes, certain(7, 0.8), full, [0, 1], "7").map(plain),
    ["With blocks 1 and 2 off: 7 at 99.1 % → 7 at 80.0 %.", "The label of this test image is 7: right."]);
});

test("a stroke covers its line with a soft edge, and stays on the sheet", () => {
  const ink = new Float32Array(it.SHEET ** 2), at = (row, column) => ink[row * it.SHEET + column];
  it.stroke(ink, [20, 70], [120, 70]);
  assert.equal(at(70, 20), 1);
  assert.equal(at(70, 119), 1);
  assert.equal(at(70, 130), 0);
  assert.equal(at(60, 70), 0);
  assert.ok(ink.some((value) => value > 0 && value < 1));
  assert.ok(Math.abs(ink.reduce((sum, value) => sum + value, 0) - (100 * 12 + Math.PI * 36)) < 15);
  const before = ink.slice();
  it.stroke(ink, [70, 70], [70, 70]); // ink on ink adds nothing
  assert.deepEqual(ink, before);
  it.stroke(ink, [-500, -500], [900, 900]);
  assert.equal(at(0, 0), 1);
  assert.ok(ink.every((value) => value >= 0 && value <= 1));
});

test("each pixel of a filter is an average", () => {
  for (const [from, to] of [[1, 20], [3, 20], [20, 20], [21, 20], [140, 20], [140, 1], [7, 3]]) {
    const made = it.filter(from, to);
    assert.equal(made.length, to);
    for (const { start, weights } of made) {
      assert.ok(start >= 0 && start + weights.length <= from && weights.length > 0);
      assert.ok(weights.every((weight) => weight >= 0));
      assert.ok(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-12);
    }
  }
  assert.deepEqual(it.filter(5, 5).map(({ start, weights }) => weights.reduce((sum, weight, at) => sum + weight * (start + at), 0)),
    [0, 1, 2, 3, 4]);
});

test("no ink gives no picture", () => {
  assert.equal(it.prepare(new Float32Array(100), 10), null);
  assert.equal(it.prepare(new Float32Array(100).fill(0.09), 10), null);
});

test("large logits do not overflow", () => {
  assert.deepEqual(it.softmax([1000, 1000, -1000]), [0.5, 0.5, 0]);
});
