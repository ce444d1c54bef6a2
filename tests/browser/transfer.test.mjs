// What the explorer of transfers says, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const read = (name) => readFileSync(new URL(`${name}.js`, folder), "utf-8");
const { leader, transferSentences } = new Function(
  `"use strict";\n${read("common")}\n${read("transfer")}\nreturn { leader, transferSentences };`)();

const flat = (...values) => values.map((value) => [value, value - 1, value + 2]);
const made = (full, pixels, scratch = [10, 10, 10]) => ({ labels: [1, 10, 100], seeds: 10, before: 99, methods: {
  full: { accuracy: flat(...full), old: flat(90, 80, 70) }, pixels: { accuracy: flat(...pixels) },
  norms: { accuracy: flat(20, 20, 20), old: flat(98, 97, 96) }, scratch: { accuracy: flat(...scratch) } } });

test("the leader is the best of those that start so, and of what is shown", () => {
  const found = made([70, 80, 90], [60, 85, 95]);
  assert.equal(leader(found, ["full", "pixels", "norms"], ["trained"], 1), "full");
  assert.equal(leader(found, ["full", "pixels"], ["pixels", "trained"], 1), "pixels");
  assert.equal(leader(found, ["norms"], ["trained"], 0), "norms");
  assert.equal(leader(found, ["scratch"], ["trained"], 0), null);
  assert.equal(leader(found, ["pixels"], ["pixels"], 0, "old"), null);
});

test("where the lines cross", () => {
  const crossing = (full, pixels) => transferSentences(made(full, pixels), ["full", "pixels"], 0, "accuracy")[2];
  assert.equal(crossing([70, 80, 90], [60, 85, 95]), "They cross between 1 and 10 labels a class.");
  assert.equal(crossing([70, 90, 94], [60, 85, 95]), "They cross between 10 and 100 labels a class.");
  assert.match(crossing([70, 80, 90], [60, 70, 80]), /do not cross: the trained network leads at every/);
  assert.match(crossing([50, 50, 50], [60, 70, 80]), /do not cross: the trained network leads nowhere/);
  assert.match(crossing([50, 90, 90], [60, 70, 80]), /with the fewest labels the trained network does not lead/);
  assert.match(crossing([70, 60, 90], [60, 70, 80]), /more than once, first between 1 and 10/);
});

test("sentences: gains, the old task, and nothing shown", () => {
  const found = made([70, 80, 90], [60, 85, 95]);
  assert.deepEqual(transferSentences(found, ["full", "pixels"], 1, "accuracy").slice(0, 2), [
    "With 10 labels a class, the best of what is shown is “logistic regression on pixels” (no network): 85\u00a0%, over 10 seeds 84 to 87.",
    "The best with a trained network against the best without: +10, −5, −5 points with 1, 10, 100 labels."]);
  assert.match(transferSentences(found, ["full", "norms"], 2, "old")[0], /“batch norms” keeps most, 96.*“all” keeps 70.*99/);
  assert.deepEqual(transferSentences(found, [], 0, "accuracy"), ["Nothing is shown. Choose what is trained."]);
  assert.equal(transferSentences(found, ["full"], 0, "accuracy").length, 1);
});
