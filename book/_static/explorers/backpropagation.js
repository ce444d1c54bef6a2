// Backpropagation through a network of two layers, one operation at a time, with the real numbers.

const STEPPER_STYLE = `
.stepper .step { font-weight: 600; margin: 0; max-width: none; }
.stepper .step .phase { color: var(--muted); font-weight: 400; }
.stepper .formula { font-size: 1.125rem; margin: 0; max-width: none; overflow-wrap: anywhere; }
.stepper .shape { color: var(--muted); font-size: .875rem; margin: 0 0 .6rem; max-width: none; }
.stepper svg .cell { fill: var(--page); stroke: var(--rule); stroke-width: 1; }
.stepper svg .cell.choose { cursor: pointer; }
.stepper svg .cell.later { stroke: var(--grid); }
.stepper svg .cell.back { fill: var(--ink); stroke: var(--ink); }
.stepper svg .cell.off { fill: var(--grid); stroke: var(--grid); }
.stepper svg .cell.strip.back { stroke: var(--page); }
.stepper svg .digits { fill: var(--ink); text-anchor: middle; pointer-events: none; }
.stepper svg .digits.back { fill: var(--page); }
.stepper svg .digits.off { fill: var(--muted); }
.stepper svg .symbol { font-weight: 600; font-size: 14px; fill: var(--ink); text-anchor: middle; }
.stepper svg .symbol.later { fill: var(--muted); font-weight: 400; }
.stepper svg .middle { text-anchor: middle; }
.stepper svg .end { text-anchor: end; }
.stepper svg .strong { font-weight: 600; fill: var(--ink); }
.stepper svg .frame { fill: none; stroke: var(--ink); stroke-width: 2; pointer-events: none; }
.stepper svg .halo { fill: none; stroke: var(--page); stroke-width: 4; pointer-events: none; }
.stepper svg .frame.read { stroke-width: 1.5; stroke-dasharray: 4 3; }
.stepper svg .arrow { fill: none; stroke: var(--rule); stroke-width: 1; }
.stepper svg .arrow.strong { stroke: var(--ink); stroke-width: 2; }
.stepper svg .arrow.skip { stroke: var(--residual); stroke-width: 2.5; }
.stepper svg .arrow.none { stroke: var(--rule); stroke-dasharray: 2 5; }
.stepper svg text.skip { font-weight: 600; fill: var(--residual); }
.stepper .readout { display: grid; gap: 0 2rem; margin-top: .75rem; align-items: start;
  grid-template-columns: minmax(0, 1fr); }
.stepper .readout .sum { margin: 0 0 .35rem; font-size: .9375rem; max-width: none; }
.stepper .readout .scroll table { margin-top: 0; }
.stepper .readout .quiet { color: var(--muted); }
@container (min-width: 34rem) {
  .stepper .readout { grid-template-columns: repeat(2, minmax(0, 1fr)); grid-template-rows: auto auto 1fr; }
  .stepper .readout .numbers { grid-column: 2; grid-row: 1 / 4; }
}
`;

// Calculation -------------------------------------------------------------------------------------------------------

const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
const sum = (a, b) => a.map((value, index) => value + b[index]);
const columnOf = (matrix, index) => matrix.map((row) => row[index]);
const applied = (matrix, vector) => matrix.map((row) => dot(row, vector));
const appliedTransposed = (matrix, vector) => matrix[0].map((_, index) => dot(columnOf(matrix, index), vector));
const outer = (a, b) => a.map((left) => b.map((right) => left * right));
const norm = (vector) => Math.hypot(...vector);

/** Forward: pre-activation, ReLU, input of the second layer, output and loss. */
function forward({ W1, b1, W2, b2, x, y }, skip) {
  const a1 = sum(applied(W1, x), b1);
  const relu = a1.map((value) => Math.max(value, 0));
  const x2 = skip ? sum(relu, x) : relu;
  const y_hat = sum(applied(W2, x2), b2);
  return { a1, relu, x2, y_hat, L: y_hat.reduce((total, value, index) => total + (value - y[index]) ** 2, 0) / 2 };
}

/** Forward, backward, the update of all four parameters with the learning rate `eta`, and the loss after it. */
function learn(values, skip, eta) {
  const way = forward(values, skip);
  const delta2 = way.y_hat.map((value, index) => value - values.y[index]);
  const g2 = appliedTransposed(values.W2, delta2);
  const slope = way.a1.map((value) => (value > 0 ? 1 : 0));
  const delta1 = g2.map((value, index) => (slope[index] ? value : 0));
  const through = appliedTransposed(values.W1, delta1);
  const gradient = { W1: outer(delta1, values.x), b1: delta1, W2: outer(delta2, way.x2), b2: delta2 };
  const moved = (weight, change) => weight - eta * change;
  const updated = { ...values };
  for (const name of ["b1", "b2"]) updated[name] = values[name].map((weight, i) => moved(weight, gradient[name][i]));
  for (const name of ["W1", "W2"]) {
    updated[name] = values[name].map((row, i) => row.map((weight, j) => moved(weight, gradient[name][i][j])));
  }
  return { ...way, delta2, g2, slope, delta1, through, g1: skip ? sum(through, g2) : through, gradient, updated,
    L_after: forward(updated, skip).L };
}

/** The numbers under the names that the state's references have. */
const named = ({ gradient, a1, x2, y_hat, L, delta2, g2, delta1, g1, L_after }) =>
  ({ a1, x2, y_hat, L, delta2, g2, delta1, g1, L_after, ...gradient });

/** Largest |a − b| over all numbers of two results, and how many they are. */
function compared(ours, reference) {
  let largest = 0, numbers = 0;
  for (const [name, other] of Object.entries(reference)) {
    const a = [ours[name]].flat(2), b = [other].flat(2);
    if (a.length !== b.length) throw new Error(`${name} has ${a.length} numbers, the reference ${b.length}.`);
    a.forEach((value, index) => { largest = Math.max(largest, Math.abs(value - b[index])); });
    numbers += a.length;
  }
  return { largest, numbers };
}

// Words -------------------------------------------------------------------------------------------------------------

const decimals = (value, digits) => {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
};
/** A given number: two decimals, exact. */
const given = (value) => decimals(value, 2);
/** A computed number: four decimals; an exact zero is just 0. */
const found = (value) => (value === 0 ? "0" : decimals(value, 4));
/** A number in a cell of the picture: never more than five characters. */
const short = (value) => {
  const magnitude = Math.abs(value);
  return value === 0 ? "0" : decimals(value, magnitude < 9.995 ? 2 : magnitude < 99.95 ? 1 : 0);
};

const WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
const counted = (count) => WORDS[count] ?? String(count);
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const amount = (count, noun) => `${counted(count)} ${noun}${count === 1 ? "" : "s"}`;
/** "Five of ten units are". */
const share = (count, whole, noun, one, many) =>
  `${capital(counted(count))} of ${counted(whole)} ${noun} ${count === 1 ? one : many}`;
const listed = (items) => (items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`);
const where = (vector, test) => vector.flatMap((value, index) => (test(value) ? [index] : []));
const largestAt = (vector) =>
  vector.reduce((best, value, index) => (Math.abs(value) > Math.abs(vector[best]) ? index : best), 0);

/** "(0.45)(−1.19) + (0.20)(0.31)": a product of two vectors in full. */
const spelled = (a, b, textA, textB) => a.map((value, index) => `(${textA(value)})(${textB(b[index])})`).join(" + ");
const size = (vector) => number(norm(vector));
/** "= 0" when that is exact, else "≈ 0.1234". */
const about = (value) => (value === 0 ? "= 0" : `≈ ${found(value)}`);

// Steps -------------------------------------------------------------------------------------------------------------

/**
 * One entry an operation. `c` holds values, result (this variant), other (the other variant), skip, eta, row (from 0),
 * nth (the same from 1) and the sizes n (inputs), h (hidden units), k (outputs). `writes` and `reads` name columns of
 * the picture: with "row" one entry, with "all" the column. `strip` is the row of numbers below them: title, numbers,
 * kind, and the place of the entry when only one is read.
 */
const STEPS = [
  {
    phase: "forward", place: "line 1",
    title: "the first layer", rows: "unit", writes: "a1", reads: [["x", "all"]],
    formula: () => "a₁ = W₁ x + b₁",
    shape: ({ n, h }) => `(${h}×${n})(${n}) + (${h}) → ${h}`,
    strip: ({ values, row, nth }) => [`W₁, row ${nth}`, values.W1[row].map(given)],
    sum: ({ values, result, row, nth }) => [
      `a₁[${nth}] = ${spelled(values.W1[row], values.x, given, given)} + (${given(values.b1[row])})`
      + ` = ${found(result.a1[row])}`],
    table: ({ values, result, h }) => ["First layer", ["unit", "W₁ x", "b₁", "a₁"], indices(h).map((i) =>
      [found(dot(values.W1[i], values.x)), given(values.b1[i]), found(result.a1[i])])],
    says: ({ result, h }) => {
      const closed = closedUnits(result).length;
      return [closed ? `${share(closed, h, "pre-activations", "is", "are")} negative: ReLU will switch the`
        + ` ${closed === 1 ? "unit" : "units"} off.` : "No pre-activation is negative: all units will be on."];
    },
  },
  {
    phase: "forward", place: "line 2",
    title: "ReLU", rows: "unit", writes: "x2", reads: [["a1", "row"]], skipReads: [["x", "row"]],
    formula: ({ skip }) => `x₂ = ReLU(a₁)${skip ? " + x" : ""}`,
    shape: ({ h, skip }) => (skip ? `(${h}) + (${h}) → ${h}` : `(${h}) → ${h}`),
    sum: ({ values, result, skip, row, nth }) => [
      `x₂[${nth}] = max(${found(result.a1[row])}, 0)${skip ? ` + (${given(values.x[row])})` : ""}`
      + ` = ${found(result.x2[row])}`],
    table: ({ values, result, skip, h }) => ["Input of the second layer",
      ["unit", "a₁", "ReLU(a₁)", ...(skip ? ["x"] : []), "x₂"], indices(h).map((i) =>
        [found(result.a1[i]), found(result.relu[i]), ...(skip ? [given(values.x[i])] : []), found(result.x2[i])])],
    says: ({ result, skip, h }) => {
      const closed = closedUnits(result);
      if (!closed.length) return ["No unit is switched off."];
      return [`${share(closed.length, h, "units", "is", "are")} switched off: ${listed(closed.map((i) => i + 1))}.`
        + " ReLU gives 0 there.", skip && `The skip adds x to all ${counted(h)}: there x₂ = x.`];
    },
  },
  {
    phase: "forward", place: "line 3",
    title: "the second layer", rows: "output", writes: "y_hat", reads: [["x2", "all"]],
    formula: () => "ŷ = W₂ x₂ + b₂",
    shape: ({ h, k }) => `(${k}×${h})(${h}) + (${k}) → ${k}`,
    strip: ({ values, row, nth }) => [`W₂, row ${nth}`, values.W2[row].map(given)],
    sum: ({ values, result, row, nth }) => [
      `ŷ[${nth}] = ${spelled(values.W2[row], result.x2, given, found)} + (${given(values.b2[row])})`
      + ` ${about(result.y_hat[row])}`],
    table: ({ values, result, k }) => ["Second layer", ["output", "W₂ x₂", "b₂", "ŷ"], indices(k).map((i) =>
      [found(dot(values.W2[i], result.x2)), given(values.b2[i]), found(result.y_hat[i])])],
    says: ({ result, k }) => {
      const negative = where(result.y_hat, (value) => value < 0).length;
      return ["The output has no ReLU, so it can be negative."
        + ` Here ${negative ? counted(negative) : "none"} of the ${counted(k)} numbers`
        + ` ${negative === 1 ? "is" : "are"}.`];
    },
  },
  {
    phase: "forward", place: "line 4",
    title: "the loss", rows: "output", writes: "L", reads: [["y_hat", "all"], ["y", "all"]],
    formula: () => "L = ½‖y − ŷ‖²",
    shape: ({ k }) => `(${k}), (${k}) → one number`,
    sum: ({ values, result, row, nth }) => [
      `Output ${nth}: ½(${given(values.y[row])} − (${found(result.y_hat[row])}))² ≈ ${found(halfSquares(result)[row])}`,
      `L = ${halfSquares(result).map(found).join(" + ")} ≈ ${found(result.L)}`],
    table: ({ values, result, k }) => ["Loss", ["output", "y", "ŷ", "½(y − ŷ)²"], indices(k).map((i) =>
      [given(values.y[i]), found(result.y_hat[i]), found(halfSquares(result)[i])]), ["L", "", "", found(result.L)]],
    says: ({ result }) => {
      const at = largestAt(result.delta2);
      return [`The loss is ${number(result.L)}. Output ${at + 1} is the farthest from its target and adds`
        + ` ${number(halfSquares(result)[at])}.`];
    },
  },
  {
    phase: "backward", place: "step 1",
    title: "the output", rows: "output", writes: "delta2", reads: [["y_hat", "row"], ["y", "row"]],
    formula: () => "δ₂ = ŷ − y",
    shape: ({ k }) => `(${k}) − (${k}) → ${k}`,
    sum: ({ values, result, row, nth }) => [
      `δ₂[${nth}] = ${found(result.y_hat[row])} − (${given(values.y[row])}) ${about(result.delta2[row])}`],
    table: ({ values, result, k }) => ["Error at the output", ["output", "ŷ", "y", "δ₂"], indices(k).map((i) =>
      [found(result.y_hat[i]), given(values.y[i]), found(result.delta2[i])])],
    says: ({ result }) => {
      const at = largestAt(result.delta2);
      return [`The derivative of the loss is the error itself: ‖δ₂‖ = ${size(result.delta2)}.`,
        `The largest is at output ${at + 1}, which is too ${result.delta2[at] > 0 ? "large" : "small"}`
        + ` by ${number(Math.abs(result.delta2[at]))}.`];
    },
  },
  {
    phase: "backward", place: "step 2",
    title: "the second layer’s weights", rows: "output", reads: [["delta2", "row"], ["x2", "all"]],
    formula: () => "∂L/∂W₂ = δ₂ x₂ᵀ,  ∂L/∂b₂ = δ₂",
    shape: ({ h, k }) => `(${k}×1)(1×${h}) → ${k}×${h};  ${k}`,
    strip: ({ result, row, nth }) => [`∂L/∂W₂, row ${nth}`, result.gradient.W2[row].map(short), "gradient"],
    sum: ({ result, row, nth }) => {
      const at = largestAt(result.x2);
      return [`∂L/∂W₂[${nth}, ${at + 1}] = δ₂[${nth}] x₂[${at + 1}]`
        + ` ≈ (${found(result.delta2[row])})(${found(result.x2[at])})`
        + ` ${about(result.gradient.W2[row][at])}, in size the largest of row ${nth}`,
      `∂L/∂b₂[${nth}] = δ₂[${nth}] ${about(result.delta2[row])}`];
    },
    table: ({ result, row, nth, h }) => [`Row ${nth} of ∂L/∂W₂`, ["unit", "x₂", `δ₂[${nth}]`, "product"],
      indices(h).map((i) => [found(result.x2[i]), found(result.delta2[row]), found(result.gradient.W2[row][i])]),
      ["∂L/∂b₂", "", "", found(result.delta2[row])]],
    says: ({ result, skip, h, k }) => {
      const empty = where(result.x2, (value) => value === 0).length;
      return [`${h * k} weights and ${k} biases get their gradients.`, empty
        ? `${share(empty, h, "columns of ∂L/∂W₂", "is", "are")} zero, because x₂ is zero there.`
        : `No column of ∂L/∂W₂ is zero${skip ? ": with the skip x₂ is not zero where a unit is off" : ""}.`];
    },
  },
  {
    phase: "backward", place: "step 3",
    title: "back through the second layer", rows: "unit", writes: "g2", reads: [["delta2", "all"]],
    formula: () => "g₂ = W₂ᵀ δ₂",
    shape: ({ h, k }) => `(${h}×${k})(${k}) → ${h}`,
    strip: ({ values, row, nth }) => [`W₂ᵀ, row ${nth}: column ${nth} of W₂`, columnOf(values.W2, row).map(given)],
    sum: ({ values, result, row, nth }) => [
      `g₂[${nth}] = ${spelled(columnOf(values.W2, row), result.delta2, given, found)} ${about(result.g2[row])}`],
    table: ({ result, h }) => ["Gradient at the input of layer 2", ["unit", "a₁", "g₂"],
      indices(h).map((i) => [found(result.a1[i]), found(result.g2[i])])],
    says: ({ result, h, k }) => {
      const reached = where(result.g2, (value) => value !== 0).length;
      return [`Each unit gathers the errors of all ${counted(k)} outputs, so the matrix is transposed.`,
        `The error reaches ${reached === h ? "all" : `${counted(reached)} of`} ${counted(h)} hidden units:`
        + ` ‖g₂‖ = ${size(result.g2)}.`];
    },
  },
  {
    phase: "backward", place: "step 4",
    title: "back through the ReLU", rows: "unit", writes: "delta1", reads: [["a1", "row"], ["g2", "row"]],
    formula: () => "δ₁ = f′(a₁) ⊙ g₂",
    shape: ({ h }) => `(${h}) ⊙ (${h}) → ${h}`,
    strip: ({ result, row }) => ["f′(a₁): 1 where a unit is on, 0 where it is off", result.slope.map(String), "slope",
      row],
    sum: ({ result, row, nth }) => [
      `a₁[${nth}] = ${found(result.a1[row])}, so f′(a₁[${nth}]) = ${result.slope[row]}`,
      `δ₁[${nth}] = ${result.slope[row]} · g₂[${nth}] ${about(result.delta1[row])}`],
    table: ({ result, h }) => ["Error at the pre-activation", ["unit", "a₁", "f′(a₁)", "g₂", "δ₁"],
      indices(h).map((i) =>
        [found(result.a1[i]), String(result.slope[i]), found(result.g2[i]), found(result.delta1[i])])],
    says: ({ result, skip, h }) => {
      const closed = closedUnits(result);
      if (!closed.length) return ["All units are on: the error passes unchanged."];
      return [`${share(closed.length, h, "units", "is", "are")} switched off: the error stops there`
        + `${skip ? " on its way through the layer" : ""}.`,
      `‖g₂‖ = ${size(result.g2)} becomes ‖δ₁‖ = ${size(result.delta1)}: the part at the silent units, of norm`
        + ` ${number(norm(closed.map((i) => result.g2[i])))}, goes no further.`,
      skip && "In step 6 the skip will take all of g₂ past the layer."];
    },
  },
  {
    phase: "backward", place: "step 5",
    title: "the first layer’s weights", rows: "unit", reads: [["delta1", "row"], ["x", "all"]],
    formula: () => "∂L/∂W₁ = δ₁ xᵀ,  ∂L/∂b₁ = δ₁",
    shape: ({ n, h }) => `(${h}×1)(1×${n}) → ${h}×${n};  ${h}`,
    strip: ({ result, row, nth }) => [`∂L/∂W₁, row ${nth}`, result.gradient.W1[row].map(short), "gradient"],
    sum: ({ values, result, row, nth }) => {
      if (result.slope[row] === 0) {
        return [`Unit ${nth} is switched off, δ₁[${nth}] = 0: row ${nth} of ∂L/∂W₁ and ∂L/∂b₁[${nth}] are 0.`];
      }
      const at = largestAt(values.x);
      return [`∂L/∂W₁[${nth}, ${at + 1}] = δ₁[${nth}] x[${at + 1}]`
        + ` ≈ (${found(result.delta1[row])})(${given(values.x[at])})`
        + ` ${about(result.gradient.W1[row][at])}, in size the largest of row ${nth}`,
      `∂L/∂b₁[${nth}] = δ₁[${nth}] ${about(result.delta1[row])}`];
    },
    table: ({ values, result, row, nth, n }) => [
      `Row ${nth} of ∂L/∂W₁: unit ${nth}, ${result.slope[row] ? "on" : "switched off"}`,
      ["input", "x", `δ₁[${nth}]`, "product"],
      indices(n).map((i) => [given(values.x[i]), found(result.delta1[row]), found(result.gradient.W1[row][i])]),
      ["∂L/∂b₁", "", "", found(result.delta1[row])]],
    says: ({ result, n, h }) => {
      const closed = closedUnits(result).length;
      return [`${h * n} weights and ${h} biases get their gradients.`, closed
        ? `${share(closed, h, "rows of ∂L/∂W₁", "is", "are")} zero: the weights into the silent units learn nothing`
          + " from this example."
        : "No row of ∂L/∂W₁ is zero."];
    },
  },
  {
    phase: "backward", place: "step 6",
    title: "back to the input", rows: "input", writes: "g1", reads: [["delta1", "all"]],
    skipReads: [["g2", "row"]],
    formula: ({ skip }) => `g₁ = W₁ᵀ δ₁${skip ? " + g₂" : ""}`,
    shape: ({ n, h, skip }) => `(${n}×${h})(${h})${skip ? ` + (${n})` : ""} → ${n}`,
    strip: ({ values, row, nth }) => [`W₁ᵀ, row ${nth}: column ${nth} of W₁`, columnOf(values.W1, row).map(given)],
    sum: ({ values, result, skip, row, nth }) => [
      `g₁[${nth}] = ${spelled(columnOf(values.W1, row), result.delta1, given, found)}`
      + `${skip ? ` + (${found(result.g2[row])})` : ""} ${about(result.g1[row])}`],
    table: ({ result, skip, n }) => ["Gradient at the input", ["input", "W₁ᵀ δ₁", ...(skip ? ["+ g₂"] : []), "g₁"],
      indices(n).map((i) => [found(result.through[i]), ...(skip ? [found(result.g2[i])] : []), found(result.g1[i])])],
    says: ({ result, other, skip, h }) => {
      const closed = closedUnits(result).length, open = h - closed;
      const here = size(result.g1), there = size(other.g1);
      const smaller = norm((skip ? result : other).g1) < norm((skip ? other : result).g1);
      const passing = !open ? "No unit passes" : !closed ? "All units pass"
        : `Only the ${amount(open, "open unit")} ${open === 1 ? "passes" : "pass"}`;
      const lesson = smaller ? " So a skip need not make the gradient larger: it adds a path." : "";
      return skip
        ? ["The identity term adds g₂: it reaches the input past the"
          + ` ${closed ? amount(closed, "silent unit") : "layer"}.`,
        `‖W₁ᵀδ₁‖ = ${size(result.through)} comes through the layer, ‖g₂‖ = ${size(result.g2)} past it;`
          + ` their sum has ‖g₁‖ = ${here}.`, `Without the skip ‖g₁‖ is ${there}.${lesson}`]
        : [`${passing} the error on: ‖g₁‖ = ${here}.`, `With a skip ‖g₁‖ is ${there}.${lesson}`];
    },
  },
  {
    phase: "update", place: "step 7",
    title: "the update", rows: "unit", writes: "after", reads: [],
    formula: () => "W ← W − η ∂L/∂W,  b ← b − η ∂L/∂b",
    shape: ({ eta }) => `both layers, learning rate η = ${eta}`,
    strip: ({ result, row, nth }) => [`W₁, row ${nth}, after the update`, result.updated.W1[row].map(short), "result"],
    sum: ({ values, result, eta, row, nth }) => {
      const at = largestAt(result.gradient.W1[row]);
      return [result.slope[row] === 0 ? `Unit ${nth} is switched off: row ${nth} of W₁ and b₁[${nth}] stay.`
        : `W₁[${nth}, ${at + 1}] ← ${given(values.W1[row][at])} − ${eta} · (${found(result.gradient.W1[row][at])})`
        + ` ≈ ${found(result.updated.W1[row][at])}`,
      `L was ${found(result.L)} and is now ${found(result.L_after)}`];
    },
    table: ({ values, result, row, nth, n }) => [
      `Row ${nth} of W₁: unit ${nth}, ${result.slope[row] ? "on" : "switched off"}`,
      ["input", "before", "gradient", "after"], indices(n).map((i) =>
        [given(values.W1[row][i]), found(result.gradient.W1[row][i]), found(result.updated.W1[row][i])]),
      ["b₁", given(values.b1[row]), found(result.delta1[row]), found(result.updated.b1[row])]],
    says: ({ result, other, skip, eta }) => {
      const [plain, residual] = skip ? [other, result] : [result, other];
      return [`One step with η = ${eta} takes the loss from ${number(result.L)} to ${number(result.L_after)}.`
        + ` ${skip ? "Without the" : "With a"} skip: from ${number(other.L)} to ${number(other.L_after)}.`,
      `‖g₁‖ was ${size(plain.g1)} without the skip and ${size(residual.g1)} with it. x is given and stays;`
        + " a layer in front would need g₁."];
    },
  },
];

const heading = ({ phase, place }) => (phase === "forward" ? "Forward" : capital(place));
const indices = (length) => Array.from({ length }, (_, index) => index);
const closedUnits = (result) => where(result.slope, (slope) => slope === 0);
const halfSquares = (result) => result.delta2.map((value) => value ** 2 / 2);

/** All that a step needs to be shown; `now`: {step, row, skip}, both from 0. A row that the step lacks is its last. */
function context(data, results, now) {
  const { values, eta } = data;
  const sizes = { n: values.x.length, h: values.W1.length, k: values.W2.length };
  const rows = { unit: sizes.h, output: sizes.k, input: sizes.n }[STEPS[now.step].rows];
  const row = Math.min(now.row, rows - 1);
  return { ...sizes, values, eta, skip: now.skip, rows, row, nth: row + 1, step: now.step,
    result: results[now.skip ? 1 : 0], other: results[now.skip ? 0 : 1] };
}

const sentences = (c) => STEPS[c.step].says(c).filter(Boolean);

// Picture -----------------------------------------------------------------------------------------------------------

/** The picture's columns: name, symbol, the step from which it is filled, backward? */
const COLUMNS = [
  ["x", "x", 0], ["g1", "g₁", 9, true], ["a1", "a₁", 0], ["delta1", "δ₁", 7, true], ["x2", "x₂", 1],
  ["g2", "g₂", 6, true], ["y_hat", "ŷ", 2], ["y", "y", 3], ["delta2", "δ₂", 4, true], ["L", "L", 3],
  ["after", "new L", 10],
];

/** Where everything stands at a width: left edges, tops and sizes. The target stands below the output on a phone. */
function layout(width, { n, h, k }) {
  const narrow = width < 480, index = narrow ? 18 : 22, inner = narrow ? 4 : 6, rowHeight = narrow ? 22 : 24;
  const across = narrow ? 8 : 9, pairs = across - 4, least = narrow ? 8 : 30;
  const cell = Math.min(54, (width - index - pairs * inner - 3 * least) / across);
  const gap = (width - index - across * cell - pairs * inner) / 3;
  const top = 84, low = top + k * rowHeight + 28;
  const left = {};
  let x = index;
  const last = narrow ? ["y_hat", "delta2"] : ["y_hat", "y", "delta2"];
  for (const group of [["x", "g1"], ["a1", "delta1"], ["x2", "g2"], last]) {
    for (const name of group) { left[name] = x; x += cell + inner; }
    x += gap - inner;
  }
  left.y ??= left.y_hat;
  left.L = left.after = left.delta2;
  const places = {};
  const lengths = { x: n, g1: n, a1: h, delta1: h, x2: h, g2: h, y_hat: k, delta2: k, y: k, L: 1, after: 1 };
  for (const [name] of COLUMNS) {
    const start = name === "L" || (name === "y" && narrow) ? low : name === "after" ? low + rowHeight + 24 : top;
    places[name] = { x: left[name], y: start, length: lengths[name] };
  }
  const bottom = Math.max(top + Math.max(n, h) * rowHeight, narrow ? low + k * rowHeight : low + 2 * rowHeight + 24);
  return { width, narrow, cell, rowHeight, places, bottom, height: bottom + 102 };
}

function picture(c, width, choose) {
  const { narrow, cell, rowHeight, places, bottom, height } = layout(width, c);
  const step = STEPS[c.step], tall = rowHeight - 4, style = `font-size:${narrow ? 12 : 13}px`;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${heading(step)}: ${step.title}${c.skip ? ", with a skip" : ""}. ${sentences(c).join(" ")}` });
  const centre = (name) => places[name].x + cell / 2;
  const numbers = { ...c.result, x: c.values.x, y: c.values.y, L: [c.result.L], after: [c.result.L_after] };

  // Which unit is which, and the row looked at.
  indices(Math.max(c.n, c.h)).forEach((i) => svg.append(draw("text", { class: `end${i === c.row ? " strong" : ""}`,
    x: places.x.x - 5, y: places.x.y + i * rowHeight + tall / 2 + 4 }, String(i + 1))));
  for (const [name, symbol, from, back] of COLUMNS) {
    const place = places[name], done = c.step >= from;
    if (name === "after" && !done) continue;
    svg.append(draw("text", { class: `symbol${done ? "" : " later"}`, x: centre(name), y: place.y - 8,
      ...(name === "after" ? { style: "font-size:12px" } : {}) }, symbol));
    for (const i of indices(place.length)) {
      const closed = c.step >= 1 && c.result.slope[i] === 0
        && (name === "a1" || name === "delta1" || (name === "x2" && !c.skip));
      const kind = !done ? " later" : closed ? " off" : back ? " back" : "";
      const y = place.y + i * rowHeight;
      const press = done && place.length === c.rows ? { onclick: () => choose(i) } : {};
      svg.append(draw("rect", { class: `cell${kind}${press.onclick ? " choose" : ""}`, x: place.x, y, width: cell,
        height: tall, rx: 2, ...press }));
      if (!done) continue;
      svg.append(draw("text", { class: `digits${kind}`, x: centre(name), y: y + tall / 2 + 4.5, style },
        short(numbers[name][i])));
    }
  }

  // Operations: forward above the columns, backward below them.
  const arrow = (from, to, y, kind = "") => {
    const head = to > from ? -5 : 5;
    svg.append(draw("path", { class: `arrow${kind}`,
      d: `M${from} ${y}H${to}M${to + head} ${y - 4}L${to} ${y}L${to + head} ${y + 4}` }));
  };
  const operations = [[0, "x", "a1", "W₁, b₁"], [1, "a1", "x2", "ReLU"], [2, "x2", "y_hat", "W₂, b₂"],
    [6, "delta2", "g2", "W₂ᵀ"], [7, "g2", "delta1", "slope f′"], [9, "delta1", "g1", "W₁ᵀ"]];
  for (const [when, from, to, text] of operations.filter(([when]) => when <= c.step)) {
    const strong = when === c.step ? " strong" : "", ahead = when < 4;
    const ends = ahead ? [centre(from) + 6, centre(to) - 6] : [centre(from) - 6, centre(to) + 6];
    arrow(...ends, ahead ? 54 : bottom + 10, strong);
    const at = { x: (ends[0] + ends[1]) / 2, y: ahead ? 47 : bottom + 25 };
    svg.append(draw("text", { class: `middle${strong}`, ...at }, text));
  }
  const arc = (from, to, base, far, kind) => {
    const up = Math.sign(far - base), on = Math.sign(to - from) * 9, turn = far - up * 9;
    const head = `M${to - 4} ${base + up * 6}L${to} ${base}L${to + 4} ${base + up * 6}`;
    svg.append(draw("path", { class: `arrow ${kind}`, d: `M${from} ${base}V${turn}Q${from} ${far} ${from + on} ${far}`
      + `H${to - on}Q${to} ${far} ${to} ${turn}V${base}${kind === "skip" ? head : ""}` }));
  };
  const middle = (centre("x") + centre("x2")) / 2;
  arc(centre("x"), centre("x2"), 62, 8, c.skip ? "skip" : "none");
  svg.append(draw("text", { class: `middle${c.skip ? " skip" : ""}`, x: middle, y: 24 }, c.skip ? "+ x" : "no skip"));
  if (c.skip && c.step >= 9) {
    arc(centre("g2"), centre("g1"), bottom + 4, bottom + 42, "skip");
    svg.append(draw("text", { class: "middle skip", x: (centre("g1") + centre("g2")) / 2, y: bottom + 37 }, "+ g₂"));
  }

  // What the number is made from (dashed) and the number (solid).
  const frame = (name, extent, kind) => {
    const place = places[name], row = extent === "row" ? c.row : 0, long = extent === "row" ? 1 : place.length;
    const around = { x: place.x - 2, y: place.y + row * rowHeight - 2, width: cell + 4,
      height: (long - 1) * rowHeight + tall + 4, rx: 3 };
    svg.append(draw("rect", { class: "halo", ...around }), draw("rect", { class: `frame${kind}`, ...around }));
  };
  [...step.reads, ...(c.skip ? step.skipReads ?? [] : [])].forEach(([name, extent]) => frame(name, extent, " read"));
  if (step.writes) frame(step.writes, places[step.writes].length === 1 ? "all" : "row", "");

  // The weights or the gradient of the row looked at, all side by side.
  if (step.strip) {
    const [text, texts, kind = "weights", only] = step.strip(c), y = bottom + 74;
    const first = narrow ? 0 : places.x.x, each = Math.min((width - first) / c.h, cell + 6);
    svg.append(draw("text", { class: "strong", x: first, y: y - 7 }, text));
    texts.forEach((digits, i) => {
      const tone = kind !== "gradient" ? "" : digits === "0" ? " off" : " back";
      svg.append(draw("rect", { class: `cell strip${tone}`, x: first + i * each, y, width: each, height: tall }),
        draw("text", { class: `digits${tone}`, x: first + (i + 0.5) * each, y: y + tall / 2 + 4.5, style },
          digits));
    });
    const long = only === undefined ? texts.length : 1;
    svg.append(draw("rect", { class: `frame${kind === "weights" || kind === "slope" ? " read" : ""}`, rx: 2, y: y - 1,
      x: first + (only ?? 0) * each - 1, width: long * each + 2, height: tall + 2 }));
  }
  return svg;
}

// Explorer ----------------------------------------------------------------------------------------------------------

/** Is row `i` of a step's table a hidden unit that ReLU has switched off by then? */
const isOff = (c, columns, i) => columns[0] === "unit" && c.step >= 1 && c.result.slope[i] === 0;

/** The numbers of a step as a table; hidden units that are switched off say so. */
function numbersOf(c) {
  const [caption, columns, rows, last] = STEPS[c.step].table(c);
  const whole = STEPS[c.step].rows === columns[0];
  const body = rows.map((row, i) => {
    const off = isOff(c, columns, i), chosen = whole && i === c.row;
    const cells = [`${i + 1}${off ? ", off" : ""}`, ...row];
    if (!chosen && !off) return cells;
    return cells.map((cell) => (chosen ? make("strong", {}, cell) : make("span", { class: "quiet" }, cell)));
  });
  return table(`${caption}${c.skip ? ", with a skip" : ""}`, columns, last ? [...body, last] : body);
}

function render({ model, el }) {
  const data = model.get("state");
  const results = [false, true].map((skip) => learn(data.values, skip, data.eta));
  const checks = [compared(named(results[0]), data.autograd.plain), compared(named(results[1]), data.autograd.skip)];
  const now = { step: 7, row: 2, skip: false }; // where the error stops: what a reader who changes nothing should see
  const linked = (address.read("steps") ?? "").split(",").map(Number);
  if (linked.length === 3 && STEPS[linked[0] - 1] && linked[1] >= 1 && linked[1] <= data.values.W1.length
    && Number.isInteger(linked[1])) {
    Object.assign(now, { step: linked[0] - 1, row: linked[1] - 1, skip: linked[2] === 1 });
  }
  const current = () => context(data, results, now);

  begin(el, "Backpropagation, one operation at a time");
  el.classList.add("stepper");
  const shown = make("div", { class: "picture" });
  const lines = make("div");
  const numbers = make("div", { class: "numbers" });
  const said = conclusion();

  function update() {
    const c = current(), step = STEPS[now.step];
    shown.replaceChildren(
      make("p", { class: "step" }, make("span", { class: "phase" }, `${heading(step)}: `), step.title),
      make("p", { class: "formula" }, step.formula(c)), make("p", { class: "shape" }, step.shape(c)),
      picture(c, Math.max(280, shown.clientWidth), (row) => change({ row })),
      make("p", { class: "note" }, "Outlined: forward. Filled: backward. Grey: switched off by"
        + " ReLU. Solid frame: the number worked out. Dashed: what it is made from."));
    lines.replaceChildren(...step.sum(c).map((line) => make("p", { class: "sum" }, line)));
    numbers.replaceChildren(numbersOf(c), make("p", { class: "note" },
      `All ${checks[0].numbers + checks[1].numbers} numbers of both networks against PyTorch’s autograd: the largest`
      + ` difference is ${number(Math.max(...checks.map((check) => check.largest)))}.`));
    said.say(...sentences(c));
    const ends = [[back, next, now.step === 0], [next, back, now.step === STEPS.length - 1]];
    for (const [one, other, end] of ends) {
      if (end && document.activeElement === one) { other.disabled = false; other.focus(); }
      one.disabled = end;
    }
    if (now.step === 0 && document.activeElement === first) next.focus();
    first.disabled = now.step === 0;
    address.write("steps", [now.step + 1, now.row + 1, now.skip ? 1 : 0].join());
  }

  function change(settings) {
    Object.assign(now, settings);
    const c = current();
    controls.step.set(now.step);
    controls.row.over(indices(c.rows));
    controls.row.set(c.row);
    update();
  }

  const controls = {
    step: slider("Operation", indices(STEPS.length), now.step, (step) => change({ step }),
      (step) => `${step + 1} of ${STEPS.length}: ${STEPS[step].phase}, ${STEPS[step].place}`),
    row: slider("Looked at", indices(current().rows), current().row, (row) => change({ row }), (row) => {
      const c = current(), { rows } = STEPS[now.step];
      return `${rows} ${row + 1} of ${c.rows}${rows === "unit" && c.result.slope[row] === 0 ? ", switched off" : ""}`;
    }),
    skip: several("Network", [["skip", [key("var(--residual)"),
      make("span", {}, "with a skip around the first layer")]]], now.skip ? ["skip"] : [],
    (chosen) => change({ skip: chosen.length > 0 })),
  };
  const first = button("From the start", () => change({ step: 0 }));
  const back = button("Back", () => change({ step: now.step - 1 }));
  const next = button("Next", () => change({ step: now.step + 1 }));
  el.append(make("style", {}, STEPPER_STYLE), shown, make("div", { class: "buttons" }, back, next, first),
    make("div", { class: "controls" }, controls.step.element, controls.row.element), controls.skip.element,
    make("div", { class: "readout" }, lines, numbers, said.element));
  const stop = whenResized(shown, update);
  return () => { stop(); said.stop(); };
}
