// What the explorer of thresholds works out, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const read = (name) => readFileSync(new URL(`${name}.js`, folder), "utf-8");
const { THRESHOLDS, PREVALENCES, probabilities, ratesAt, thousand, byCost, cheapest, thresholdSentences } = new Function(
  `"use strict";\n${read("common")}\n${read("threshold")}\nreturn { THRESHOLDS, PREVALENCES, probabilities, ratesAt, thousand, `
  + "byCost, cheapest, thresholdSentences };")();

const near = (value, expected) => assert.ok(Math.abs(value - expected) < 1e-9, `${value}, not ${expected}`);
// Four ill children and two healthy ones, at 88, 73, 50 and 12 per cent and at 62 and 5.
const logits = [200, 100, 0, -200, 50, -300], ill = "111100", shares = probabilities(logits);
const rates = THRESHOLDS.map((threshold) => ratesAt(shares, ill, threshold));

test("logits in hundredths become per cent", () => {
  near(probabilities([0])[0], 50);
  near(probabilities([100 * Math.log(3)])[0], 75);
});

test("rates by hand: three of four found, one of two alarmed", () => {
  assert.deepEqual(ratesAt(shares, ill, 50), { sensitivity: 75, alarms: 50 });
  assert.deepEqual(ratesAt(shares, ill, 65), { sensitivity: 50, alarms: 0 });
  assert.deepEqual(ratesAt(shares, ill, 0.1), { sensitivity: 100, alarms: 100 });
});

test("a thousand children by hand", () => {
  const found = thousand({ sensitivity: 75, alarms: 50 }, 10, 5);
  assert.deepEqual(found, { ill: 100, found: 75, missed: 25, alarmed: 450, peace: 450, cost: 575, worth: 100 * 75 / 525 });
  assert.equal(thousand({ sensitivity: 0, alarms: 0 }, 10, 5).worth, null);
});

test("the threshold by cost, and the cheapest of the list", () => {
  near(byCost(1), 50);
  near(byCost(9), 10);
  for (const prevalence of PREVALENCES) {
    for (const price of [1, 10, 100]) {
      const best = thousand(rates[cheapest(rates, prevalence, price)], prevalence, price).cost;
      for (const rate of rates) assert.ok(best <= thousand(rate, prevalence, price).cost + 1e-9);
    }
  }
  assert.ok(THRESHOLDS[cheapest(rates, 50, 100)] <= 12); // misses are dear: find all
  assert.ok(THRESHOLDS[cheapest(rates, 0.5, 1)] > 62); // illness is rare: alarm nobody healthy
});

test("sentences: the numbers of the table, and no gap anywhere", () => {
  const text = thresholdSentences({}, { threshold: 50, prevalence: 10, price: 5 }, rates);
  assert.equal(text[0], "Threshold 50 %: of 1,000 children 525 are called ill, 450 of them wrongly. Of 100 ill children 25 are missed.");
  assert.equal(text[1], "An alarm is right in 14.3 % of the cases.");
  assert.match(text[2], /^The cost is 575 false alarms, where a missed child counts as 5\. At a threshold of .* it would be 250\. /);
  for (const threshold of THRESHOLDS) {
    for (const prevalence of PREVALENCES) {
      for (const price of [1, 2, 100]) {
        const all = thresholdSentences({}, { threshold, prevalence, price }, rates).join(" ");
        assert.doesNotMatch(all, /undefined|NaN|null|–|∞|Infinity/);
      }
    }
  }
  assert.match(thresholdSentences({}, { threshold: 99.9, prevalence: 10, price: 1 }, rates)[1], /no alarm at all/);
});
