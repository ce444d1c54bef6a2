// What the explorers share: elements, numbers as text, controls, a plot with a logarithmic axis, and the style.

const STYLE = `
.explorer { container-type: inline-size; border-top: 3px solid var(--ink); padding-top: .75rem; margin: 1.5rem 0;
  color: var(--ink); font: 400 1rem/1.5 var(--sans, system-ui, sans-serif); font-variant-numeric: tabular-nums; }
.explorer > h3 { font: 600 1.125rem/1.3 var(--serif, Georgia, serif); margin: 0 0 .5rem; }
.explorer svg { display: block; width: 100%; height: auto; overflow: visible; }
.explorer svg text { font: 400 12px var(--sans, system-ui, sans-serif); fill: var(--muted); }
.explorer svg .title { font-weight: 600; font-size: 13px; fill: var(--ink); }
.explorer svg .name { font-weight: 600; font-size: 12.5px; paint-order: stroke; stroke: var(--page); stroke-width: 4px; stroke-linejoin: round; }
.explorer svg .grid { stroke: var(--grid); stroke-width: 1; }
.explorer svg .cursor { stroke: var(--ink); stroke-width: 1; }
.explorer svg .line { fill: none; stroke-width: 2.25; stroke-linejoin: round; }
.explorer svg .fine { stroke-width: 1.25; }
.explorer svg .thin { stroke-width: 1; opacity: .6; }
.explorer svg .without { stroke-dasharray: 6 4; }
.explorer svg .prediction { fill: none; stroke: var(--predict); stroke-width: 2.5; stroke-dasharray: 2 5; stroke-linecap: round; }
.explorer .panels { display: grid; gap: 1rem 1.5rem; grid-template-columns: minmax(0, 1fr); }
.explorer .controls { display: grid; gap: .9rem 2rem; grid-template-columns: minmax(0, 1fr); margin: .75rem 0; }
@container (min-width: 34rem) { .explorer .controls, .explorer .panels.two { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
.explorer .control > label, .explorer legend { display: flex; justify-content: space-between; gap: .5rem; width: 100%; font-size: .9375rem; font-weight: 600; padding: 0; margin: 0 0 .25rem; float: none; }
.explorer output { font-weight: 400; }
.explorer input[type=range] { display: block; width: 100%; height: 32px; margin: 0; accent-color: var(--ink); cursor: pointer; }
.explorer fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
.explorer .options { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; }
.explorer .options label { display: flex; align-items: center; gap: .45rem; min-height: 32px; font-size: .9375rem; cursor: pointer; margin: 0; }
.explorer .options input { width: 1.05rem; height: 1.05rem; margin: 0; accent-color: var(--ink); }
.explorer .key { display: inline-block; width: 22px; border-top: 3px solid; }
.explorer .key.without { border-top-style: dashed; }
.explorer button { font: inherit; font-size: .9375rem; color: var(--ink); background: var(--page); border: 1px solid var(--rule); border-radius: 4px; padding: .35rem .8rem; min-height: 40px; cursor: pointer; }
.explorer button:hover:not(:disabled) { border-color: var(--ink); }
.explorer button:disabled { color: var(--muted); cursor: default; border-color: var(--line, var(--grid)); }
.explorer select { font: inherit; font-size: .9375rem; color: var(--ink); background: var(--page); border: 1px solid var(--rule); border-radius: 4px; padding: .35rem .5rem; min-height: 40px; width: 100%; margin: 0 0 .5rem; cursor: pointer; }
.explorer .buttons { display: flex; flex-wrap: wrap; gap: .5rem; margin: .5rem 0; }
.explorer :focus-visible { outline: 3px solid var(--link, var(--ink)); outline-offset: 2px; border-radius: 3px; }
.explorer .scroll { overflow-x: auto; }
.explorer table { border-collapse: collapse; width: 100%; margin: .75rem 0; font-size: .875rem; border: 0; border-top: 2px solid var(--ink); border-bottom: 2px solid var(--ink); }
.explorer table :is(th, td) { text-align: right; font-weight: 400; padding: .25rem 0 .25rem .75rem; border: 0; border-top: 1px solid var(--line, var(--grid)); background: none; }
.explorer table :is(th, td):first-child { text-align: left; padding-left: 0; }
.explorer table caption { caption-side: top; text-align: left; color: var(--muted); padding: 0 0 .25rem; }
.explorer table thead th { border-top: 0; color: var(--muted); vertical-align: bottom; }
.explorer .tight table { font-size: .8125rem; }
.explorer .tight table :is(th, td) { padding-left: .5rem; }
.explorer fieldset:disabled { color: var(--muted); }
.explorer fieldset:disabled label { cursor: default; }
.explorer .conclusion { border-left: 5px solid var(--ink); padding: 0 0 0 .9rem; margin: .75rem 0 0; max-width: 40rem; }
.explorer .conclusion p { margin: 0 0 .35rem; }
.explorer .note { color: var(--muted); font-size: .875rem; margin: .25rem 0; min-height: 1.3em; }
.explorer.elsewhere { --page: #fff; --ink: #1b1f24; --muted: #545d68; --rule: #7b8591; --grid: #e6eaef; --line: #d5dae1;
  --plain: #c24800; --residual: #0969cf; --preact: #0a6b5c; --predict: #5e5a00; --link: #0a5fbd;
  --sans: "Segoe UI", -apple-system, Roboto, "Helvetica Neue", Arial, sans-serif; }
:is([data-jp-theme-light=false], [data-vscode-theme-kind$=dark], html[theme=dark]) .explorer.elsewhere { --page: #14181e;
  --ink: #e8ebef; --muted: #aab4c0; --rule: #7f8b99; --grid: #2a313b; --line: #3c4552; --plain: #ff9146;
  --residual: #6cb0ff; --preact: #8ff0da; --predict: #ebd671; --link: #7db8ff; }
@media print { .explorer :is(.controls, .buttons) { display: none; } }
`;

// Elements ----------------------------------------------------------------------------------------------------------

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

// JupyterLab takes the arrow keys, to go from cell to cell, unless an element says that it needs them.
const ownKeys = { input: { "data-lm-suppress-shortcuts": "true" } };
const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), { ...ownKeys[tag], ...attributes }, children);
const draw = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// Names within the document, in which other explorers have copies of this counter.
const mine = Math.random().toString(36).slice(2, 10);
let serial = 0;
const unique = (name) => `explorer-${mine}-${name}-${serial += 1}`;

/** Prepare `el` as an explorer: its style, its title, and a fresh start when it is rendered again. */
function begin(el, title) {
  if (!document.getElementById("explorer-style")) {
    document.head.append(make("style", { id: "explorer-style" }, STYLE));
  }
  const site = getComputedStyle(document.documentElement).getPropertyValue("--residual") !== "";
  el.replaceChildren();
  el.classList.add("explorer");
  el.classList.toggle("elsewhere", !site);
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", title);
  el.append(make("h3", {}, title));
  // In JupyterLab arrows and Enter would go to the notebook, unless the element that has the focus says otherwise.
  el.addEventListener("focusin", ({ target }) => { target.dataset.lmSuppressShortcuts = "true"; });
}

// Numbers -----------------------------------------------------------------------------------------------------------

const raised = (text) => [...String(text)].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"["0123456789".indexOf(c)] ?? "⁻").join("");

/** 0.001, 1, 1000 as they are read, powers of ten beyond. */
const power = (exponent) => (exponent >= -3 && exponent <= 3 ? String(Number(`1e${exponent}`)) : `10${raised(exponent)}`);

/** A number with three significant digits: 0.0123, 12.3, 1,230, 1.23 × 10⁵. */
function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return "∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 99950)) {
    const [digits, exponent] = value.toExponential(1).split("e");
    return `${digits.replace("-", "−")} × 10${raised(Number(exponent))}`;
  }
  return Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 5 }).replace("-", "−");
}

/** The middle of a list of numbers; a diverged seed (null) counts as the largest. */
function median(values) {
  const sorted = values.map((value) => value ?? Infinity).sort((a, b) => a - b), half = sorted.length / 2;
  const middle = sorted.length % 2 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2;
  return Number.isFinite(middle) ? middle : null;
}

/** "3 times" or "1/3 of". */
const times = (ratio) => (ratio >= 0.95 ? `${number(ratio)} times` : `1/${number(1 / ratio)} of`);

// Controls ----------------------------------------------------------------------------------------------------------

/** A slider over a list; `text(value)` is shown beside the label and read aloud. */
function slider(label, values, value, change, text = String) {
  const id = unique("slider");
  const output = make("output", { for: id });
  const input = make("input", { id, type: "range", min: 0, max: values.length - 1, step: 1 });
  const control = { element: make("div", { class: "control" }, make("label", { for: id }, label, output), input), input };
  control.set = (next) => {
    input.value = values.indexOf(next);
    output.textContent = text(next);
    input.setAttribute("aria-valuetext", text(next));
  };
  control.over = (others) => { values = others; input.max = others.length - 1; };
  input.addEventListener("input", () => { control.set(values[input.value]); change(values[input.value]); });
  control.set(value);
  return control;
}

/** Labelled inputs under one heading; the heading and each content are text, or a list of text and elements. */
function group(legend, inputs, contents) {
  const labels = contents.map((content, index) => make("label", {}, inputs[index], ...[content].flat()));
  return make("fieldset", {}, make("legend", {}, ...[legend].flat()), make("div", { class: "options" }, ...labels));
}

/** Radio buttons: one of `options`, a list of [value, content]. */
function choice(legend, options, value, change) {
  const name = unique("choice");
  const inputs = options.map(([option]) => make("input", { type: "radio", name, value: String(option) }));
  inputs.forEach((input, index) => input.addEventListener("change", () => change(options[index][0])));
  const set = (next) => inputs.forEach((input, index) => { input.checked = options[index][0] === next; });
  set(value);
  return { element: group(legend, inputs, options.map(([, content]) => make("span", {}, ...[content].flat()))), set, inputs };
}

/** Checkboxes: any of `options`, a list of [value, content]. */
function several(legend, options, values, change) {
  const inputs = options.map(([option]) => make("input", { type: "checkbox", value: String(option) }));
  const chosen = () => options.map(([option]) => option).filter((option, index) => inputs[index].checked);
  inputs.forEach((input) => input.addEventListener("change", () => change(chosen())));
  const set = (next) => inputs.forEach((input, index) => { input.checked = next.includes(options[index][0]); });
  set(values);
  return { element: group(legend, inputs, options.map(([, content]) => content)), set };
}

const button = (text, press) => make("button", { type: "button", onclick: press }, text);

/** The short line that stands for a curve in tables and choices. */
const key = (colour, dashed = false) =>
  make("span", { class: `key${dashed ? " without" : ""}`, style: `border-color:${colour}` });

/** A sentence or more, rebuilt from the data and read aloud after a pause. */
function conclusion() {
  const element = make("div", { class: "conclusion", role: "status" });
  let waiting;
  const say = (...sentences) => {
    clearTimeout(waiting);
    const show = () => element.replaceChildren(...sentences.filter(Boolean).map((sentence) => make("p", {}, sentence)));
    if (element.childElementCount) waiting = setTimeout(show, 120);
    else show();
  };
  return { element, say, stop: () => clearTimeout(waiting) };
}

/** Rows of cells as a table; the first cell of each row is its heading. */
function table(caption, columns, rows) {
  const cell = (content, index, scope) => make(scope && index === 0 ? "th" : "td", scope && index === 0 ? { scope } : {}, ...[content].flat());
  return scrollable(make("div", { class: "scroll" }, make("table", {}, make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...columns.map((column) => make("th", { scope: "col" }, column)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((content, index) => cell(content, index, "row"))))))));
}

/** The element, which the keyboard reaches, and scrolls, while its content is wider than it. */
function scrollable(element) {
  const observer = new ResizeObserver(() => {
    if (element.scrollWidth > element.clientWidth + 1) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  });
  for (const watched of [element, ...element.children]) observer.observe(watched);
  return element;
}

// Networks ----------------------------------------------------------------------------------------------------------

/** A layer of a network as `in_bytes` has it: bytes times scale, in the order row, column, input channel, output channel. */
function layerFrom({ shape, bytes: text, scale, shift }, stride, Numbers = Float64Array) {
  const raw = atob(text), [to, from, taps] = [shape[0], shape[1], shape.length > 2 ? 9 : 1];
  const weights = new Numbers(raw.length);
  for (let out = 0; out < to; out += 1) {
    for (let inside = 0; inside < from; inside += 1) {
      for (let tap = 0; tap < taps; tap += 1) {
        const code = raw.charCodeAt((out * from + inside) * taps + tap);
        weights[(tap * from + inside) * to + out] = (code > 127 ? code - 256 : code) * scale[out];
      }
    }
  }
  return { from, to, stride, weights, shift };
}

// Plot --------------------------------------------------------------------------------------------------------------

/** Places for names so that they do not cover each other: each at least `gap` below the one before, within [top, bottom]. */
function apart(places, gap, top, bottom) {
  const order = places.map((_, index) => index).sort((a, b) => places[a] - places[b]);
  const found = [...places];
  let last = top - gap;
  for (const index of order) last = found[index] = Math.max(found[index], last + gap);
  last = bottom + gap;
  for (const index of order.reverse()) last = found[index] = Math.min(found[index], last - gap);
  return found;
}

/**
 * A panel. `lines`: {x, y, colour, dashed, thin, fine, name, low, high}, the band between low and high is shaded; `range` and
 * `domain`: y and x from and to. On a logarithmic axis y holds exponents of ten; `linear` is for per cent and the like, with a line `every` so many. Names stand
 * at the end at which the lines differ more. Returns {svg, at}: `at(clientX)` is the x below the pointer.
 */
function panel({ title, label, domain, ticks, lines, range, linear, every, cursor, width, height = 260, describe }) {
  const shown = lines.filter((line) => line.y.some((value) => value !== null));
  const named = shown.filter((line) => line.name);
  const ends = named.map((line) => line.y.filter((value) => value !== null)).map((known) => [known[0], known.at(-1)]);
  const spread = (side) => Math.max(...ends.map((end) => end[side])) - Math.min(...ends.map((end) => end[side]));
  const atStart = ends.length > 1 && spread(0) > spread(1);
  const left = 44, right = atStart ? 12 : width < 420 ? 78 : 110, top = 30, bottom = height - 34;
  const x = (value) => left + (width - left - right) * (value - domain[0]) / (domain[1] - domain[0] || 1);
  const y = (value) => bottom - (bottom - top) * (Math.min(Math.max(value, range[0]), range[1]) - range[0]) / (range[1] - range[0] || 1);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": describe });
  svg.append(draw("text", { class: "title", x: 0, y: 13 }, title));
  const span = range[1] - range[0];
  const step = every ?? (linear ? (span > 50 ? 20 : span > 20 ? 10 : span > 4 ? 5 : span > 2 ? 1 : span > 0.8 ? 0.5 : 0.1)
    : Math.max(1, Math.ceil((range[1] - range[0]) * 24 / (bottom - top))));
  for (let value = Math.ceil(range[0] / step) * step; value <= range[1]; value += step) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }),
      draw("text", { x: left - 7, y: y(value) + 4, "text-anchor": "end" }, linear ? String(Number(value.toFixed(3))) : power(value)));
  }
  ticks.forEach((tick) => svg.append(draw("text", { x: x(tick), y: bottom + 17, "text-anchor": "middle" }, String(tick))));
  svg.append(draw("text", { x: width - right, y: bottom + 32, "text-anchor": "end" }, label));
  const path = (xs, ys) => ys.map((value, index) => (value === null ? ""
    : `${index && ys[index - 1] !== null ? "L" : "M"}${x(xs[index]).toFixed(1)} ${y(value).toFixed(1)}`)).join("");
  for (const line of shown.filter((each) => each.low)) {
    const there = path(line.x, line.high), back = path([...line.x].reverse(), [...line.low].reverse()).replace("M", "L");
    svg.append(draw("path", { d: `${there}${back}Z`, fill: line.colour, opacity: 0.15 }));
  }
  shown.forEach((line) => svg.append(draw("path", { stroke: line.colour, d: path(line.x, line.y),
    class: `${line.prediction ? "prediction" : "line"}${line.dashed ? " without" : ""}${line.thin ? " thin" : ""}${line.fine ? " fine" : ""}` })));
  if (cursor !== undefined) {
    svg.append(draw("line", { class: "cursor", x1: x(cursor), x2: x(cursor), y1: top, y2: bottom }));
  }
  const heights = ends.map((end) => y(end[atStart ? 0 : 1]) + (atStart ? -5 : 4));
  apart(heights, 16, top + 8, bottom).forEach((place, index) => svg.append(draw("text", {
    class: "name", x: atStart ? left + 8 : width - right + 7, y: place, style: `fill:${named[index].colour}` },
  named[index].name)));
  const at = (clientX) => {
    const box = svg.getBoundingClientRect();
    const share = ((clientX - box.left) * width / box.width - left) / (width - left - right);
    return domain[0] + Math.min(Math.max(share, 0), 1) * (domain[1] - domain[0]);
  };
  return { svg, at };
}

/** The width of each of `count` panels, which stand side by side from 34rem on, as the style says. */
function panelWidth(panels, count) {
  const width = Math.max(280, panels.clientWidth);
  return count > 1 && width >= 544 ? (width - 24) / count : width;
}

/** Call `redraw` now and whenever the element's width changes; returns what stops it. */
function whenResized(element, redraw) {
  let width = 0;
  const observer = new ResizeObserver(() => {
    const now = Math.round(element.clientWidth);
    if (now && now !== width) { width = now; redraw(); }
  });
  observer.observe(element);
  return () => observer.disconnect();
}

/** Settings kept in the address (a link that a teacher can share); elsewhere, for example in a notebook, nothing is kept. */
const address = {
  read: (key) => { try { return new URLSearchParams(location.hash.slice(1)).get(key); } catch { return null; } },
  /** The settings under `key`, one a choice in their order and with commas between; those that are no option are left out. */
  chosen: (key, choices) => {
    const linked = (address.read(key) ?? "").split(",");
    return Object.fromEntries(Object.entries(choices).flatMap(([setting, options], index) =>
      options.filter((option) => String(option) === linked[index]).map((option) => [setting, option])));
  },
  write: (key, value) => {
    if (!document.querySelector("[data-explorer]")) return;
    const parameters = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    parameters.set(key, value);
    try { history.replaceState(null, "", `#${parameters}`); } catch { /* a sandboxed frame */ }
  },
};
