// What the explorer of processes works out, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const read = (name) => readFileSync(new URL(`${name}.js`, folder), "utf-8");
const { workedOut, duration, longer, processSentences } = new Function(
  `"use strict";\n${read("common")}\n${read("processes")}\nreturn { workedOut, duration, longer, processSentences };`)();

const resnet = { parameters: 25557032, multiplyAdds: 4089184256, images: 90 * 1.28e6 };
const assumed = { speed: 139 * 3 * 4089184256, perMachine: 8, hides: 0.52 };
const now = { processes: 256, batch: 32, gigabits: 50, delay: 30, watts: 300 };
const at = (changes = {}) => workedOut(resnet, { ...now, ...changes }, assumed);
const near = (value, expected, share = 1e-9) => assert.ok(Math.abs(value - expected) <= share * Math.abs(expected), `${value}, not ${expected}`);

test("a step computes for its images at the assumed speed", () => {
  near(at().compute, 32 / 139);
  near(at({ batch: 64 }).compute, 64 / 139);
  assert.equal(at({ processes: 1024 }).compute, at().compute);
});

test("the ring by hand: 32 machines send 62 pieces each", () => {
  near(at().ring, 62 * (4 * 25557032 / 32 / 6.25e9 + 30e-6));
  near(at({ processes: 16 }).ring, 2 * (2 * 25557032 / 6.25e9 + 30e-6));
  for (const processes of [1, 2, 8]) assert.equal(at({ processes }).ring, 0);
  assert.ok(at({ processes: 1024, delay: 1 }).ring < 2 * 4 * 25557032 / 6.25e9 + 1e-3); // less than twice the gradient
});

test("efficiency, hours and energy", () => {
  const { compute, ring, nothing, hidden } = at();
  near(nothing.efficiency, 100 * compute / (compute + ring));
  assert.equal(hidden.efficiency, 100);
  near(hidden.hours, 90 * 1.28e6 / 139 / 256 / 3600);
  near(nothing.energy, 256 * 0.3 * nothing.hours);
  assert.ok(at({ gigabits: 1 }).hidden.efficiency < 100);
  for (const gigabits of [1, 10, 100]) {
    const found = at({ gigabits, batch: 4 });
    assert.ok(found.nothing.efficiency < found.hidden.efficiency && found.nothing.energy > found.hidden.energy);
  }
});

test("times as they are read", () => {
  assert.deepEqual([0, 2.5e-5, 0.0341, 2.3].map(duration), ["0 ms", "25 µs", "34.1 ms", "2.3 s"]);
  assert.deepEqual([0.001, 0.5, 29].map(longer), ["3.6 seconds", "30 minutes", "29 hours"]);
});

test("sentences: the default's story, and no gap or missing number anywhere", () => {
  assert.deepEqual(processSentences("ResNet-50", resnet, now, assumed), [
    "ResNet-50, 256 processes with 32 images each: a step takes 8,192 images in all. It computes for 230 ms; the ring takes 33.6 ms.",
    "Efficiency: 87.3 % if nothing is hidden, 100 % if all that fits is hidden behind the way back.",
    "With nothing hidden the whole training takes 61.8 minutes and 79.1 kWh."]);
  assert.match(processSentences("ResNet-50", resnet, { ...now, processes: 1, batch: 1 }, assumed)[0],
    /1 process with 1 image each: a step takes 1 image in all.*nothing is sent from machine to machine\.$/);
  for (const processes of [1, 8, 16, 1024]) {
    for (const gigabits of [1, 800]) {
      const text = processSentences("ResNet-50", resnet, { ...now, processes, gigabits }, assumed).join(" ");
      assert.doesNotMatch(text, /undefined|NaN|null|–|∞|Infinity/);
    }
  }
});
