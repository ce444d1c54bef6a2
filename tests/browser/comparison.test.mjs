// What the comparison of two settings says, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const read = (name) => readFileSync(new URL(`${name}.js`, folder), "utf-8");
const { comparisonSentences, domainOf, ticksOf, verdict } = new Function(
  `"use strict";\n${read("common")}\n${read("comparison")}\nreturn { comparisonSentences, domainOf, ticksOf, verdict };`)();

test("apart, overlapping, equal and single runs", () => {
  assert.equal(verdict([3, 4], [1, 2]), "Every run of the second lies below every run of the first.");
  assert.equal(verdict([1, 2], [3, 4]), "Every run of the second lies above every run of the first.");
  assert.match(verdict([1, 3], [2, 4]), /lower in 25 % of the pairs\.$/);
  assert.match(verdict([1, 2], [1, 2]), /lower in 25 % of the pairs, equal in 50 %\.$/);
  assert.match(verdict([1], [2, 3]), /^One run has no spread/);
});

test("what is said of two settings, of the same one, and of one that was not recorded", () => {
  const said = (names, ...runs) => comparisonSentences("Error, %", names, runs);
  assert.deepEqual(said(["plain, 8", "plain, 20"], [[3, 1, 2]], [[9, 7, 8, 6]]), ["Error, %.",
    "First, plain, 8: median 2 (1 to 3; 3 runs).", "Second, plain, 20: median 7.5 (6 to 9; 4 runs).",
    "Every run of the second lies above every run of the first."]);
  assert.match(said(["a", "a"], [[1, 2]], [[1, 2]])[1], /same setting/);
  assert.deepEqual(said(["a", "b"], [[1, 2]], null).slice(1), ["Second, b: not recorded.", "Choose a setting that was recorded."]);
});

test("axes hold all numbers and have some ticks", () => {
  for (const [all, log] of [[[0, 100], false], [[0.2, 0.31], false], [[1e-4, 2], true], [[0.3, 0.9], true], [[5, 5], false], [[7, 7], true]]) {
    const [from, to] = domainOf(all, log), ticks = ticksOf([from, to], log);
    const place = (value) => (log ? Math.log10(value) : value);
    assert.ok(from < place(Math.min(...all)) && place(Math.max(...all)) < to);
    assert.ok(ticks.length >= 1 && ticks.length <= 9, `${all}: ${ticks}`);
    assert.ok(ticks.every(([tick, text]) => from <= tick && tick <= to && text));
  }
});
