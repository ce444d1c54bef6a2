// With the explorer's state in the file STATE: the calculation, the sums in words, the sentences and the layout; no DOM.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const common = readFileSync(new URL("common.js", folder), "utf8");
const source = readFileSync(new URL("backpropagation.js", folder), "utf8");
const state = JSON.parse(readFileSync(process.env.STATE, "utf8"));
const NAMES = "learn, forward, named, compared, context, sentences, layout, short, found, isOff, STEPS, COLUMNS, norm";
const load = (text) => new Function(`"use strict";\n${common}\n${text}\nreturn { ${NAMES} };`)();
const it = load(source);
const VARIANTS = [["plain", false], ["skip", true]];

const near = (a, b, tolerance, what = "") => assert.ok(Math.abs(a - b) <= tolerance, `${what}: ${a} and ${b}`);
const results = (values = state.values, module = it) =>
  VARIANTS.map(([, skip]) => module.learn(values, skip, state.eta));
const at = (step, { row = 0, skip = false, values = state.values } = {}) =>
  it.context({ ...state, values }, results(values), { step, row, skip });
const off = state.autograd.plain.a1.filter((value) => value < 0).length;

/** Other networks of the same sizes; the state's example is one of a kind, these are not. */
function random(seed) {
  let word = seed;
  const one = () => {
    word = (word * 1664525 + 1013904223) % 4294967296;
    return Math.round(400 * (word / 4294967296 - 0.5)) / 100;
  };
  const column = (length) => Array.from({ length }, one);
  return { W1: column(10).map(() => column(10)), b1: column(10), W2: column(5).map(() => column(10)), b2: column(5),
    x: column(10), y: column(5) };
}

for (const [variant, skip] of VARIANTS) {
  test(`every number equals autograd's within 1e-9: ${variant}`, () => {
    const ours = it.named(it.learn(state.values, skip, state.eta)), reference = state.autograd[variant];
    assert.deepEqual(Object.keys(ours).sort(), Object.keys(reference).sort());
    const { largest, numbers } = it.compared(ours, reference);
    assert.ok(largest < 1e-9, String(largest));
    assert.equal(numbers, 10 + 10 + 5 + 1 + 5 + 10 + 10 + 10 + 1 + 100 + 10 + 50 + 5);
  });

  test(`the loss after the update equals PyTorch's and is lower: ${variant}`, () => {
    const ours = it.learn(state.values, skip, state.eta);
    near(ours.L_after, state.autograd[variant].L_after, 1e-9, "L after");
    assert.ok(ours.L_after < ours.L);
  });

  test(`gradients equal central differences in ten other networks: ${variant}`, () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const values = random(seed), { gradient, g1, a1 } = it.learn(values, skip, state.eta), h = 1e-5;
      assert.ok(Math.min(...a1.map(Math.abs)) > 1e-3, "clear of the kink");
      for (const [name, ours] of Object.entries({ ...gradient, x: g1 })) {
        const wide = Array.isArray(values[name][0]);
        values[name].forEach((row, i) => (wide ? row : [row]).forEach((start, j) => {
          const loss = (value) => it.forward({ ...values, [name]: values[name].map((old, index) => (index !== i ? old
            : wide ? old.map((weight, place) => (place === j ? value : weight)) : value)) }, skip).L;
          const slope = (loss(start + h) - loss(start - h)) / (2 * h), own = wide ? ours[i][j] : ours[i];
          near(own, slope, 1e-5 * Math.max(1, Math.abs(own)), `${name}[${i}, ${j}] of seed ${seed}`);
        }));
      }
    }
  });
}

// Each wrong formula must be found by the comparison with autograd in at least one variant.
const WRONG = [
  ["no slope", "(slope[index] ? value : 0)", "value"],
  ["slope at x", "const slope = way.a1.map", "const slope = values.x.map"],
  ["no identity term", "g1: skip ? sum(through, g2) : through", "g1: through"],
  ["identity term twice in x2", "skip ? sum(relu, x) : relu", "skip ? sum(sum(relu, x), x) : relu"],
  ["matrix not transposed", "through = appliedTransposed(values.W1, delta1)", "through = applied(values.W1, delta1)"],
  ["sign of the error", "value - values.y[index]", "values.y[index] - value"],
  ["outer product turned", "W1: outer(delta1, values.x)", "W1: outer(values.x, delta1)"],
  ["gradient of W2 without the skip", "W2: outer(delta2, way.x2)", "W2: outer(delta2, way.relu)"],
  ["update uphill", "weight - eta * change", "weight + eta * change"],
  ["biases not updated", "[\"b1\", \"b2\"]) updated", "[\"b1\"]) updated"],
  ["loss without the half", "(value - y[index]) ** 2, 0) / 2", "(value - y[index]) ** 2, 0)"],
];
for (const [what, right, wrong] of WRONG) {
  test(`a wrong formula is found: ${what}`, () => {
    assert.equal(source.split(right).length, 2, "the formula stands once in the source");
    const found = results(state.values, load(source.replace(right, () => wrong)));
    const differences = VARIANTS.map(([variant], index) =>
      it.compared(it.named(found[index]), state.autograd[variant]).largest);
    assert.ok(Math.max(...differences) > 1e-4, String(differences));
  });
}

test("a reference of another length is an error", () => {
  const ours = it.named(it.learn(state.values, false, state.eta));
  assert.throws(() => it.compared(ours, { ...state.autograd.plain, a1: [1, 2] }), /a1 has 10 numbers/);
});

test("sums in full: their numbers give the result", () => {
  const value = (text) => Number(text.replace("−", "-"));
  const factor = "\\((−?[\\d.]+)\\)";
  const targets = { 0: "a1", 2: "y_hat", 6: "g2", 9: "g1" };
  for (const [, skip] of VARIANTS) {
    for (const [step, name] of Object.entries(targets)) {
      for (let row = 0; row < at(Number(step)).rows; row += 1) {
        const c = at(Number(step), { row, skip });
        const [left, right] = it.STEPS[step].sum(c)[0].split(/ = (.*)/s);
        let total = 0, rest = right;
        for (const [whole, a, b] of right.matchAll(new RegExp(factor + factor, "g"))) {
          total += value(a) * value(b);
          rest = rest.replace(whole, "");
        }
        for (const [, alone] of rest.matchAll(new RegExp(factor, "g"))) total += value(alone);
        assert.ok(left.endsWith(`[${row + 1}]`), left);
        near(total, c.result[name][row], name === "a1" ? 1e-9 : 1e-3, right);
        near(value(right.match(/[=≈] (−?[\d.]+)$/)[1]), c.result[name][row], 5.1e-5, right);
      }
    }
  }
});

test("a pre-activation is exact with four decimals, a silent unit's numbers are exactly 0", () => {
  assert.match(it.STEPS[0].sum(at(0))[0], / = −?\d\.\d{4}$/);
  for (const row of [2, 3]) {
    assert.ok(state.autograd.plain.a1[row] < 0);
    assert.ok(it.STEPS[1].sum(at(1, { row }))[0].endsWith(" = 0"));
    assert.ok(it.STEPS[7].sum(at(7, { row }))[1].endsWith(" = 0"));
  }
});

test("every step has its words in both variants and for every row", () => {
  assert.equal(it.STEPS.length, 11);
  assert.deepEqual(it.STEPS.map(({ place }) => place), ["line 1", "line 2", "line 3", "line 4",
    "step 1", "step 2", "step 3", "step 4", "step 5", "step 6", "step 7"]);
  const wanted = /undefined|NaN|null|Infinity|\[object/;
  for (const [, skip] of VARIANTS) {
    it.STEPS.forEach((step, index) => {
      for (let row = 0; row < at(index).rows; row += 1) {
        const c = at(index, { row, skip }), [caption, columns, rows, last] = step.table(c);
        const texts = [step.formula(c), step.shape(c), ...step.sum(c), ...it.sentences(c), caption, ...columns,
          ...rows.flat(), ...(last ?? []), ...(step.strip ? [step.strip(c)[0], ...step.strip(c)[1]] : [])];
        texts.forEach((text) => { assert.equal(typeof text, "string"); assert.doesNotMatch(text, wanted); });
        assert.ok(it.sentences(c).length >= 1 && it.sentences(c).every((sentence) => /^[A-Z0-9‖].*\.$/.test(sentence)));
        [...rows, ...(last ? [last] : [])].forEach((cells) => assert.ok(
          cells.length === columns.length - (cells === last ? 0 : 1), `${caption}: ${cells.length} cells`));
      }
    });
  }
});

test("formulas and shapes", () => {
  const shapes = it.STEPS.map((step, index) => step.shape(at(index)));
  assert.equal(shapes[0], "(10×10)(10) + (10) → 10");
  assert.equal(shapes[5], "(5×1)(1×10) → 5×10;  5");
  assert.equal(shapes[6], "(10×5)(5) → 10");
  assert.equal(it.STEPS[1].formula(at(1, { skip: true })), "x₂ = ReLU(a₁) + x");
  assert.equal(it.STEPS[9].formula(at(9, { skip: true })), "g₁ = W₁ᵀ δ₁ + g₂");
  assert.equal(it.STEPS[9].formula(at(9)), "g₁ = W₁ᵀ δ₁");
});

test("the sentences follow the data", () => {
  const words = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"];
  const say = (step, options) => it.sentences(at(step, options)).join(" ");
  assert.ok(say(7).startsWith(`${words[off]} of ten units are switched off: the error stops there.`));
  assert.ok(say(9, { skip: true }).startsWith(
    `The identity term adds g₂: it reaches the input past the ${words[off].toLowerCase()} silent units.`));
  for (const skip of [false, true]) {
    for (const variant of ["plain", "skip"]) {
      const size = it.norm(state.autograd[variant].g1).toPrecision(3);
      for (const step of [9, 10]) assert.ok(say(step, { skip }).includes(size), `${size} in ${say(step, { skip })}`);
      assert.ok(say(10, { skip }).includes(state.autograd[variant].L_after.toPrecision(3)));
    }
    const larger = it.norm(state.autograd.skip.g1) >= it.norm(state.autograd.plain.g1);
    assert.equal(say(9, { skip }).includes("need not make the gradient larger"), !larger);
  }
  assert.ok(say(5).includes(`${words[off]} of ten columns`));
  assert.ok(!say(5, { skip: true }).includes("columns"), "with the skip no column is zero");
});

test("all units off: nothing reaches the input without the skip, all of g₂ with it", () => {
  const values = { ...state.values, b1: state.values.b1.map((bias) => bias - 100) };
  const [plain, skip] = results(values);
  assert.equal(it.norm(plain.g1), 0);
  skip.g1.forEach((value, index) => near(value, skip.g2[index], 1e-12));
  assert.ok(it.sentences(at(7, { values }))[0].startsWith("Ten of ten units are switched off"));
  assert.equal(it.sentences(at(9, { values }))[0], "No unit passes the error on: ‖g₁‖ = 0.");
});

test("all units on, one unit off", () => {
  const on = { ...state.values, b1: state.values.b1.map(() => 100) };
  for (const [, skip] of VARIANTS) it.STEPS.forEach((step, index) => it.sentences(at(index, { values: on, skip })));
  assert.deepEqual(it.sentences(at(1, { values: on })), ["No unit is switched off."]);
  const one = { ...on, b1: on.b1.map((bias, index) => (index === 0 ? -100 : bias)) };
  assert.ok(it.sentences(at(7, { values: one }))[0].startsWith("One of ten units is switched off"));
  assert.ok(it.sentences(at(9, { values: one, skip: true }))[0].endsWith("past the one silent unit."));
});

test("the table marks switched-off units, only where rows are units and only once ReLU has acted", () => {
  const marked = (step) => {
    const c = at(step), [, columns, rows] = it.STEPS[step].table(c);
    return rows.filter((_, index) => it.isOff(c, columns, index)).length;
  };
  assert.deepEqual(it.STEPS.map((_, step) => marked(step)), [0, off, 0, 0, 0, off, off, off, 0, 0, 0]);
});

test("an output step shows the last row when the unit has no such row", () => {
  assert.equal(at(2, { row: 8 }).row, 4);
  assert.equal(at(0, { row: 8 }).row, 8);
});

test("numbers in cells have at most five characters", () => {
  assert.deepEqual([0, -0, -0.001, 9.996, -2.171, 123.4, -12.34].map(it.short),
    ["0", "0", "0.00", "10.0", "−2.17", "123", "−12.3"]);
  assert.equal(it.found(-0.00001), "0.0000");
});

test("columns stand side by side inside the width", () => {
  for (const width of [288, 328, 479, 480, 680, 900]) {
    const { places, cell, rowHeight } = it.layout(width, { n: 10, h: 10, k: 5 });
    const boxes = Object.entries(places).map(([name, { x, y, length }]) =>
      ({ name, x, y, right: x + cell, low: y + length * rowHeight }));
    for (const a of boxes) {
      assert.ok(a.x >= 0 && a.right <= width + 1e-6, `${a.name} at ${width}`);
      for (const b of boxes) {
        if (a.name < b.name) {
          assert.ok(a.right < b.x || b.right < a.x || a.low < b.y || b.low < a.y,
            `${a.name} and ${b.name} at ${width}`);
        }
      }
    }
  }
});
