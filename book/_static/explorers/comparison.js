// Two settings of a recorded study, every run of both: is their difference larger than the spread of the runs?

const SIDES = ["First", "Second"];

/** From the least to the most of all numbers of a measure, a little wider; on a logarithmic axis as exponents of ten. */
function domainOf(all, log) {
  const known = log ? all.filter((value) => value > 0).map(Math.log10) : all;
  const [least, most] = [Math.min(...known), Math.max(...known)], margin = 0.04 * (most - least) || 0.5;
  return [least - margin, most + margin];
}

/** Places of the ticks on an axis, and their texts; at most about `count`. */
function ticksOf([from, to], log, count = 5) {
  const rough = (to - from) / count;
  if (log && to - from > 1) {
    const step = Math.max(1, Math.round(rough));
    return Array.from({ length: Math.floor(to) - Math.ceil(from) + 1 }, (_, index) => Math.ceil(from) + index)
      .filter((exponent, index) => index % step === 0).map((exponent) => [exponent, power(exponent)]);
  }
  if (log) {
    return [-3, -2, -1, 0, 1, 2].flatMap((exponent) => [1, 2, 5].map((digit) => digit * 10 ** exponent))
      .filter((value) => Math.log10(value) >= from && Math.log10(value) <= to).map((value) => [Math.log10(value), number(value)]);
  }
  const unit = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 5, 10].find((digit) => digit * unit >= rough) * unit;
  return Array.from({ length: Math.floor(to / step) - Math.ceil(from / step) + 1 }, (_, index) => (Math.ceil(from / step) + index) * step)
    .map((value) => [value, String(Number(value.toPrecision(6))).replace("-", "−")]);
}

/** "median 2.5 (1.9 to 3.1; 10 runs)" */
function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 1 ? `${number(sorted[0])} (one run)`
    : `median ${number(median(values))} (${number(sorted[0])} to ${number(sorted.at(-1))}; ${sorted.length} runs)`;
}

/** How two lists of numbers lie to each other, in a sentence. */
function verdict(first, second) {
  const pairs = first.flatMap((one) => second.map((other) => Math.sign(other - one)));
  const lower = pairs.filter((sign) => sign < 0).length, equal = pairs.filter((sign) => sign === 0).length;
  if (first.length === 1 || second.length === 1) return "One run has no spread: it cannot tell a difference from luck.";
  if (lower === pairs.length) return "Every run of the second lies below every run of the first.";
  if (lower + equal === 0) return "Every run of the second lies above every run of the first.";
  return `They overlap: take one run of each, and the second is lower in ${number(100 * lower / pairs.length)} % of the pairs`
    + `${equal ? `, equal in ${number(100 * equal / pairs.length)} %` : ""}.`;
}

/** The conclusion, rebuilt from the numbers; `runs` holds a list of numbers a measure for each side, or null. */
function comparisonSentences(measure, names, runs) {
  const said = names.map((name, side) => `${SIDES[side]}, ${name}: ${runs[side] ? summary(runs[side][0]) : "not recorded"}.`);
  if (names[0] === names[1]) return [said[0], "Both sides show the same setting. Change one of them."];
  if (!runs[0] || !runs[1]) return [...said, "Choose a setting that was recorded."];
  return [`${measure}.`, ...said, verdict(runs[0][0], runs[1][0])];
}

/** A drop-down list: one of `options`, which are texts. */
function dropDown(label, options, index, change) {
  const id = unique("list");
  const input = make("select", { id }, ...options.map((option, number) => make("option", { value: number }, option)));
  input.value = index;
  input.addEventListener("change", () => change(Number(input.value)));
  return { element: make("div", { class: "control" }, make("label", { for: id }, label), input), input };
}

/** One measure: a row a side, a mark a run, and a bar at the median. */
function strip(measure, all, runs, width, describe) {
  const height = 112, left = 62, right = 10, domain = domainOf(all, measure.log);
  const place = (value) => (measure.log ? Math.log10(Math.max(value, 1e-300)) : value);
  const x = (value) => left + (width - left - right) * Math.min(Math.max((value - domain[0]) / (domain[1] - domain[0]), 0), 1);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": describe });
  svg.append(draw("text", { class: "title", x: 0, y: 13 }, measure.name));
  for (const [tick, text] of ticksOf(domain, measure.log)) {
    svg.append(draw("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 24, y2: 88 }),
      draw("text", { x: x(tick), y: 105, "text-anchor": "middle" }, text));
  }
  runs.forEach((values, side) => {
    const row = 40 + 32 * side;
    svg.append(draw("text", { x: 0, y: row + 4 }, SIDES[side]));
    if (!values) return;
    const sorted = [...values].sort((a, b) => a - b);
    sorted.forEach((value, index) => {
      const at = { fill: side ? "none" : "var(--ink)", stroke: "var(--ink)", "stroke-width": 1.5, opacity: 0.75 };
      const cx = x(place(value)), cy = row + 5 * (index % 3 - 1);
      svg.append(side ? draw("rect", { ...at, x: cx - 4, y: cy - 4, width: 8, height: 8 }) : draw("circle", { ...at, cx, cy, r: 4 }));
    });
    const at = x(place(median(values)));
    svg.append(draw("line", { x1: at, x2: at, y1: row - 14, y2: row + 14, stroke: "var(--ink)", "stroke-width": 3 }));
  });
  return svg;
}

function render({ model, el }) {
  const { choices, measures, values, first, second } = model.get("state");
  const now = [[...first], [...second]];
  const linked = (address.read("comparison") ?? "").split(".").map((side) => side.split(",").map(Number));
  const possible = (side) => side?.length === choices.length && side.every((index, which) => choices[which].options[index] !== undefined);
  if (linked.length === 2 && linked.every(possible)) linked.forEach((side, index) => { now[index] = side; });

  begin(el, "Two settings, run by run");
  const pictures = make("div", { class: "panels" });
  const said = conclusion();
  const name = (side) => side.map((index, which) => choices[which].options[index]).join(", ");

  function update() {
    const runs = now.map((side) => values[side.join()] ?? null);
    const sentences = comparisonSentences(measures[0].name, now.map(name), runs);
    const width = panelWidth(pictures, 1);
    pictures.replaceChildren(...measures.map((measure, number) => strip(measure,
      Object.values(values).flatMap((lists) => lists[number]), runs.map((lists) => lists?.[number] ?? null), width,
      `${measure.name}. ${sentences.join(" ")}`)));
    said.say(...sentences);
    address.write("comparison", now.map((side) => side.join()).join("."));
  }

  const lists = now.map((side, index) => choices.map(({ name: label, options }, which) =>
    dropDown(`${SIDES[index]}: ${label}`, options, side[which], (chosen) => { now[index][which] = chosen; update(); })));
  const swap = button("Swap the two", () => {
    now.reverse();
    lists.forEach((side, index) => side.forEach((list, which) => { list.input.value = now[index][which]; }));
    update();
  });
  el.append(pictures, make("div", { class: "controls" }, ...lists.map((side) => make("div", {}, ...side.map((list) => list.element)))),
    make("div", { class: "buttons" }, swap), said.element);
  const stop = whenResized(pictures, update);
  return () => { stop(); said.stop(); };
}
