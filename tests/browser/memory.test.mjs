// What the explorer of memory works out, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const read = (name) => readFileSync(new URL(`${name}.js`, folder), "utf-8");
const { memoryOf, memorySentences, parametersOf, fewest, gigabytes } = new Function(
  `"use strict";\n${read("common")}\n${read("memory")}\nreturn { memoryOf, memorySentences, parametersOf, fewest, gigabytes };`)();

const cases = JSON.parse(readFileSync(new URL("memory.json", import.meta.url), "utf-8"));
const llama = { d: 4096, m: 11008, layers: 32, heads: 32, kv: 32, tied: false, vocabulary: 32000 };
const now = { method: "lora", precision: "mixed", optimiser: "adam", length: 4096, sequences: 1, rank: 16, fused: true,
  checkpoints: false, cards: 1 };

test("what the chapter works out (its test checks the same cases)", () => {
  for (const { shape, now: settings, bytes } of cases) {
    const found = memoryOf(shape, settings);
    assert.deepEqual(Object.keys(found), Object.keys(bytes));
    for (const [part, expected] of Object.entries(bytes)) {
      assert.ok(Math.abs(found[part] - expected) <= 1e-9 * Math.max(1, expected), `${part}: ${found[part]}, not ${expected}`);
    }
  }
});

test("by hand: parameters of Llama 2 7B, 16 bytes for each of them, and shares on cards", () => {
  assert.equal(parametersOf(llama).model, 6738415616);
  const all = memoryOf(llama, { ...now, method: "all" });
  assert.equal(all.weights + all.gradients + all.optimiser, 16 * 6738415616);
  const eighth = memoryOf(llama, { ...now, method: "all", cards: 8 });
  assert.equal(eighth.optimiser, all.optimiser / 8);
  assert.equal(eighth.activations, all.activations);
  assert.ok(eighth.gathered > 0 && all.gathered === 0);
});

test("the fewest cards", () => {
  assert.equal(fewest(llama, { ...now, length: 128 }, 24), 1);
  assert.ok(fewest(llama, { ...now, method: "all", length: 128 }, 80) === 2);
  assert.equal(fewest(llama, { ...now, length: 131072 }, 80), null);
});

test("sentences: the default's story, and no gap or missing number anywhere", () => {
  const [first, second] = memorySentences("Llama 2 7B", llama, now);
  assert.match(first, /^Llama 2 7B: one card has to hold [\d.]+ GB\. A card of 80 GB is enough\.$/);
  assert.match(second, /^Most is for activations: [\d.]+ GB, [\d.]+ %\.$/);
  for (const { model, shape, now: settings } of cases) {
    assert.doesNotMatch(memorySentences(model, shape, settings).join(" "), /undefined|NaN|null|–|∞|Infinity/);
  }
  assert.deepEqual([1.5e9, 2.5e6, 3e3].map(gigabytes), ["1.5 GB", "2.5 MB", "3 kB"]);
});
