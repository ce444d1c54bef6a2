// What the explorer of trainability says, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const read = (name) => readFileSync(new URL(`${name}.js`, folder), "utf-8");
const { middleLoss, networkAt, trainabilitySentences, verdict } = new Function(
  `"use strict";\n${read("common")}\n${read("trainability")}\nreturn { middleLoss, networkAt, trainabilitySentences, verdict };`)();

const made = (sensitivity, alike, ...losses) => ({ sensitivity, alike, losses, rate: 0.03 });
const data = { trained: 0.3, found: {
  "plain,56,bias,0": made(1.1, 0.5, 2, 2.2), "plain,56,bias,1": made(0.1, 0.9, 0.2, 0.22), "plain,56,bias,2": made(0.02, 0.999, 1, null),
  "plain,56,slope,0.5": made(0.1, 0.2, 0.5, 0.5), "plain,20,bias,0": made(0.4, 0.5, 0.01, 0.01) } };
const say = (setting, hidden = false) => trainabilitySentences(data, { depth: 56, change: "bias", dose: 1, ...setting }, hidden).join(" ");

test("chaotic, collapsed, between", () => {
  assert.deepEqual(["0", "1", "2"].map((dose) => verdict(data.found[`plain,56,bias,${dose}`])), ["chaotic", "between", "collapsed"]);
});

test("dose 0 is one network for both changes", () => {
  assert.equal(networkAt(data, "plain", 56, "slope", 0), data.found["plain,56,bias,0"]);
  assert.equal(networkAt(data, "residual", 38, "bias", 1), null);
});

test("a loss that is no number counts as the largest", () => {
  assert.equal(middleLoss([1, null, 2]), 2);
  assert.equal(middleLoss([1, null]), Infinity);
});

test("the loss stays unsaid until it is asked for", () => {
  assert.match(say({}, true), /neither chaotic nor collapsed.*Will it train\?/);
  assert.doesNotMatch(say({}, true), /loss/);
  assert.match(say({}), /ended at a loss of 0\.21, 1\/10 of that of the ordinary plain-56\.$/);
});

test("where the two numbers are wrong it is said", () => {
  assert.match(say({ change: "slope", dose: 0.5 }), /did not train well all the same/);
  assert.match(say({ depth: 20, dose: 0 }), /trained all the same: the two numbers are no law/);
  assert.match(say({ dose: 0 }), /chaotic.*ended at a loss of 2\.1\.$/);
  assert.match(say({ dose: 2 }), /collapsed.*∞/);
});
