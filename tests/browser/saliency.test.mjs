// What the explorer of saliency maps says and unpacks, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const read = (name) => readFileSync(new URL(`${name}.js`, folder), "utf-8");
const { unpacked, heat, twoSided, signed, saliencySentences } = new Function(
  `"use strict";\n${read("common")}\n${read("saliency")}\nreturn { unpacked, heat, twoSided, signed, saliencySentences };`)();

const agreement = (size, ink, sign) => ({ size: [size, 0], ink: [ink, 0], sign: [sign, 0] });
const data = { states: ["none", "classifier", "all", "other seed"], fixed: ["edges"],
  names: { none: "nothing", classifier: "the classifier", all: "everything" }, images: [{ name: "a 7" }, { name: "a 2" }],
  agreement: { gradient: { classifier: agreement(0.4, 0.3, 0), all: agreement(0.31, 0.1, 0), "other seed": agreement(0.3, 0.2, 0.2) } } };
const say = (setting) => saliencySentences(data, { image: "a 7", method: "gradient", state: "classifier", way: "size", ...setting }).join(" ");

test("two levels a byte", () => {
  assert.deepEqual([...unpacked(btoa(String.fromCharCode(0x7e, 0x07)))], [0, 1, -1, 0]);
  assert.equal(unpacked(btoa(String.fromCharCode(0xa7)))[0], (3 / 7) ** 2);
});

test("colours begin and end where they should", () => {
  assert.deepEqual([heat(0), heat(1), heat(2)], [[0, 34, 78], [253, 234, 69], [253, 234, 69]]);
  assert.deepEqual([twoSided(-1), twoSided(0), twoSided(1)], [[118, 42, 131], [247, 247, 247], [27, 120, 55]]);
});

test("no minus before a zero", () => {
  assert.deepEqual([-0.004, 0.456, -0.02].map(signed), ["0.00", "0.46", "−0.02"]);
});

test("the other seed is the yardstick", () => {
  assert.match(say({}), /the classifier the map agrees at 0\.40.*0\.30.*more than with a network/);
  assert.match(say({ state: "all" }), /as much as with a network/);
  assert.match(say({ state: "all", way: "sign" }), /less than with a network.*here training shows/);
});

test("nothing changed, and a map that knows no network", () => {
  assert.match(say({ state: "none" }), /the trained network itself/);
  assert.match(say({ method: "edges" }), /knows no network/);
});
