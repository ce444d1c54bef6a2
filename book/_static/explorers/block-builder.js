// A network drawn from its settings, and what it costs: parameters, multiply-adds, memory, receptive field.

const KINDS = {
  plain: ["plain", "Plain network", "var(--plain)"],
  residual: ["residual", "Residual network", "var(--residual)"],
  pre_activation: ["residual, pre-activation", "Residual network with pre-activation",
    "var(--preact, var(--residual))"],
};
const SHORTCUTS = { A: "A: zero padding", B: "B: projection where the shape changes",
  C: "C: projection in every block" };
const INPUTS = { digits: "digits", mnist: "MNIST", cifar10: "CIFAR-10" };
const NUMBER_BYTES = 4;

// Counting ----------------------------------------------------------------------------------------------------------

const size = (shape) => shape.reduce((product, side) => product * side, 1);
const shapeText = (shape) => shape.join("×");
const sum = (layers, key) => layers.reduce((total, layer) => total + layer[key], 0);

// `kept`: how many of the numbers that a layer puts out the backward pass needs. A convolution, a normalisation and a
// linear layer need their input, a ReLU its output; a sum that nothing else needs is not kept.
function convolution(inChannels, out, side, stride, keeps) {
  const weights = inChannels * out[0] * side * side;
  return { name: `${side}×${side}`, stride, parameters: weights, multiplyAdds: weights * out[1] * out[2],
    kept: keeps ? size(out) : 0 };
}
const norm = (shape) => ({ name: "norm", parameters: 2 * shape[0], multiplyAdds: 0, kept: 0 });
const relu = (shape) => ({ name: "ReLU", parameters: 0, multiplyAdds: 0, kept: size(shape) });
const addition = (shape, keeps) => ({ name: "+", parameters: 0, multiplyAdds: 0, kept: keeps ? size(shape) : 0 });

/** Layers of one block: `branch`, `side` (on the shortcut) and `join`; `skip` says what the shortcut is. */
function blockOf({ kind, shortcut }, inside, outside, stride) {
  const before = kind === "pre_activation", changes = stride !== 1 || inside[0] !== outside[0];
  const skip = kind === "plain" ? "none" : shortcut === "C" || (shortcut === "B" && changes) ? "projection"
    : changes ? "padding" : "identity";
  const projection = () => convolution(inside[0], outside, 1, stride, !before);
  return {
    skip,
    branch: before
      ? [norm(inside), relu(inside), convolution(inside[0], outside, 3, stride, true), norm(outside), relu(outside),
        convolution(outside[0], outside, 3, 1, false)]
      : [convolution(inside[0], outside, 3, stride, true), norm(outside), relu(outside),
        convolution(outside[0], outside, 3, 1, true), norm(outside)],
    side: skip !== "projection" ? [] : before ? [projection()] : [projection(), norm(outside)],
    join: kind === "plain" ? [relu(outside)] : before ? [addition(outside, true)]
      : [addition(outside, false), relu(outside)],
  };
}

/** Receptive field and distance between neighbours, in input pixels, after one more 3×3 convolution. */
const seen = ({ field, jump }, stride) => ({ field: field + 2 * jump, jump: jump * stride });

/**
 * What a network puts out, holds, computes and keeps for one image: `rows` for stem, stages and classifier (shape,
 * parameters, multiplyAdds, kept, field), `total`, `stages` (lists of blocks) and what lies on the shortcuts.
 * `settings`: {kind, depth, width, shortcut, shape: [channels, height, width], classes}.
 */
function countNetwork(settings) {
  const { kind, depth, width, shape: [channels, ...sides], classes } = settings;
  const before = kind === "pre_activation", rows = [], stages = [];
  let shape = [width, ...sides], view = seen({ field: 1, jump: 1 }, 1);
  const add = (name, out, layers, field) => rows.push({ name, shape: out, parameters: sum(layers, "parameters"),
    multiplyAdds: sum(layers, "multiplyAdds"), kept: sum(layers, "kept"), field });
  const stem = convolution(channels, shape, 3, 1, true);
  add("stem", shape, before ? [stem] : [stem, norm(shape), relu(shape)], view.field);
  for (let stage = 0; stage < 3; stage += 1) {
    const blocks = [];
    for (let index = 0; index < (depth - 2) / 6; index += 1) {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const out = [width * 2 ** stage, ...shape.slice(1).map((side) => Math.ceil(side / stride))];
      blocks.push({ ...blockOf(settings, shape, out, stride), inside: shape, outside: out });
      view = seen(seen(view, stride), 1);
      shape = out;
    }
    stages.push(blocks);
    const layers = blocks.flatMap(({ branch, side, join }) => [...branch, ...side, ...join]);
    add(`stage ${stage + 1}`, shape, layers, view.field);
  }
  const weights = shape[0] * classes;
  add("classifier", [classes], [...(before ? [norm(shape), relu(shape)] : []),
    { parameters: weights + classes, multiplyAdds: weights, kept: shape[0] }], null);
  const shortcuts = stages.flat().flatMap((block) => block.side);
  return { rows, stages, projections: stages.flat().filter((block) => block.skip === "projection").length,
    total: { parameters: sum(rows, "parameters"), multiplyAdds: sum(rows, "multiplyAdds"), kept: sum(rows, "kept") },
    shortcutParameters: sum(shortcuts, "parameters") };
}

// Words -------------------------------------------------------------------------------------------------------------

const whole = (value) => value.toLocaleString("en-US");
const percent = (share) => `${number(100 * share)} %`;
const millions = (value) => (value < 1e4 ? "< 0.01" : number(value / 1e6));
const million = (value) => (value < 1e6 ? whole(value) : `${number(value / 1e6)} million`);
const kilobytes = (kept) => kept * NUMBER_BYTES / 1000;
const memory = (kept) =>
  (kilobytes(kept) < 1000 ? `${number(kilobytes(kept))} kB` : `${number(kilobytes(kept) / 1000)} MB`);
const tenths = (value) => value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** What the settings come to, as sentences. */
function networkSentences(settings) {
  const { kind, depth, width, input, shape } = settings;
  const { rows, total, projections, shortcutParameters } = countNetwork(settings);
  const most = (key, words) => {
    const row = rows.reduce((best, other) => (other[key] > best[key] ? other : best));
    return `Most ${words}: ${row.name} (${percent(row[key] / total[key])}).`;
  };
  const said = [`${KINDS[kind][1]}, ${depth} layers, ${width} channels at first, ${INPUTS[input] ?? input}: `
    + `${whole(total.parameters)} parameters, ${million(total.multiplyAdds)} multiply-adds and `
    + `${memory(total.kept)} of memory for one image.`];
  if (depth === 20) {
    const next = countNetwork({ ...settings, depth: depth + 6 }).total;
    said.push(`One block more in each stage adds ${whole(next.parameters - total.parameters)} parameters and `
      + `${million(next.multiplyAdds - total.multiplyAdds)} multiply-adds.`);
  } else {
    const twenty = countNetwork({ ...settings, depth: 20 }).total;
    said.push(`That is ${times(total.parameters / twenty.parameters)} the parameters of depth 20 with the same `
      + `settings, and ${times(total.multiplyAdds / twenty.multiplyAdds)} its multiply-adds.`);
  }
  said.push(`${most("parameters", "parameters")} ${most("multiplyAdds", "multiply-adds")} ${most("kept", "memory")}`);
  const other = countNetwork({ ...settings, kind: kind === "plain" ? "residual" : "plain", shortcut: "A" }).total;
  const same = ["parameters", "multiplyAdds", "kept"].every((key) => other[key] === total[key]);
  if (projections) {
    said.push(`The ${projections} projections hold ${whole(shortcutParameters)} parameters `
      + `(${percent(shortcutParameters / total.parameters)}).`);
  } else if (same) {
    said.push(kind === "plain"
      ? "A residual network with shortcut A has the same totals: its shortcuts add nothing to these counts."
      : "The shortcuts add nothing to these counts: a plain network has the same totals.");
  } else said.push("The shortcuts have no parameters.");
  const wider = rows.find((row) => row.field > shape[2]), { name, field } = wider ?? rows[3];
  said.push(`At the end of ${name} the receptive field, ${field}×${field} pixels, is `
    + `${wider ? "larger" : "still smaller"} than the image.`);
  return said;
}

/** What the marks in the two drawings mean. */
function legend({ kind, shortcut }) {
  const arcs = kind === "plain" ? "No shortcuts."
    : { A: "Arc: identity; dashed: every second pixel, and zeros for new channels.",
      B: "Arc: identity; with a box: 1×1 projection.", C: "Arc with a box: 1×1 projection." }[shortcut];
  return `Bar: 3×3 convolution, taller for larger maps, wider for more channels. ${arcs} In the single block, a number `
    + "is a count of parameters, and /2 is a stride of 2.";
}

// Pictures ----------------------------------------------------------------------------------------------------------

const mapHeight = (side) => 17 * Math.sqrt(side);
const wire = (d) => draw("path", { d, fill: "none", stroke: "var(--muted)", "stroke-width": 1.5 });
const tip = (x, y) => wire(`M${x - 6} ${y - 4}L${x} ${y}L${x - 6} ${y + 4}`);
/** A box around its centre. */
const around = (x, y, width, height, attributes) => draw("rect", { x: x - width / 2, y: y - height / 2, width, height,
  rx: 1, fill: "var(--page)", ...attributes });
const lines = (x, y, anchor, title, ...texts) => [draw("text", { class: "title", x, y, "text-anchor": anchor }, title),
  ...texts.map((text, index) => draw("text", { x, y: y + 16 * (index + 1), "text-anchor": anchor }, text))];

/** A skip over [from, to], from the wire at `mid` up to `top`, with rounded corners. */
const arc = (from, to, mid, top, colour, dashed) => draw("path", { fill: "none", stroke: colour, "stroke-width": 2,
  "stroke-dasharray": dashed ? "4 3" : null,
  d: `M${from} ${mid}V${top + 8}Q${from} ${top} ${from + 8} ${top}H${to - 8}Q${to} ${top} ${to} ${top + 8}V${mid}` });

function sign(x, y, radius, colour) {
  const arm = radius - 2;
  return [draw("circle", { cx: x, cy: y, r: radius, fill: "var(--page)", stroke: colour, "stroke-width": 1.5 }),
    draw("path", { d: `M${x - arm} ${y}h${2 * arm}M${x} ${y - arm}v${2 * arm}`, stroke: colour, "stroke-width": 1.5 })];
}

/** Stem, three stages and classifier: one row, or three where there is no room. */
function architecture(settings, counts, width, describe) {
  const colour = KINDS[settings.kind][2], narrow = width < 560, { stages, rows } = counts;
  const head = narrow ? 60 : 62, tail = narrow ? 64 : 70, start = 2 * head, between = narrow ? 0 : 14;
  const slot = narrow ? (width - start - tail) / 3 : (width - start - tail - 2 * between) / 9;
  const mids = narrow ? [70, 240, 336] : [70, 70, 70], height = narrow ? 408 : 178;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": describe });
  const thickness = (slot - 34) / 2 / Math.log2(4 * settings.widest); // the widest bars just fit
  const bar = (x, y, [channels, side]) =>
    around(x, y, thickness * Math.log2(channels), mapHeight(side), { fill: colour });
  const end = width - tail / 2, under = mids[0] + 66;

  if (narrow) {
    const right = start + 3 * slot + 12, left = start - 10;
    svg.append(wire(`M${head / 2} ${mids[0]}H${right}V${under + 46}H${left}V${mids[1]}H${right}V${mids[1] + 50}H${left}`
      + `V${mids[2]}H${end - 8}`),
    tip(start, mids[1]), tip(start, mids[2]));
  } else svg.append(wire(`M${head / 2} ${mids[0]}H${end - 8}`));
  svg.append(tip(end - 8, mids[2]));

  const [, side] = settings.shape;
  svg.append(around(head / 2, mids[0], 6, mapHeight(side), { stroke: "var(--ink)" }),
    ...lines(head / 2, under, "middle", "Image", shapeText(settings.shape)),
    bar(1.5 * head, mids[0], rows[0].shape),
    ...lines(1.5 * head, under, "middle", "Stem", shapeText(rows[0].shape), "1 layer"),
    around(end - 1, mids[2], 6, 30, { stroke: "var(--ink)" }),
    ...lines(end, narrow ? mids[2] + 34 : under, "middle", "Classifier", `${settings.classes} classes`, "1 layer"));

  stages.forEach((blocks, stage) => {
    const mid = mids[stage], x0 = start + (narrow ? 0 : (3 * slot + between) * stage), { shape } = rows[stage + 1];
    const shown = blocks.length > 3 ? [blocks[0], null, blocks.at(-1)] : blocks;
    shown.forEach((block, index) => {
      const centre = x0 + slot * (index + (3 - shown.length) / 2 + 0.5);
      if (!block) {
        svg.append(around(centre, mid, 22, 6),
          ...[-7, 0, 7].map((offset) => draw("circle", { cx: centre + offset, cy: mid, r: 2, fill: "var(--muted)" })),
          draw("text", { x: centre, y: mid - 10, "text-anchor": "middle" }, `${blocks.length - 2} more`));
        return;
      }
      const thick = thickness * Math.log2(shape[0]), from = centre - thick - 12, to = centre + thick + 9;
      const top = mid - mapHeight(shape[1]) / 2 - 9;
      if (block.skip !== "none") svg.append(arc(from, to, mid, top, colour, block.skip === "padding"));
      svg.append(bar(centre - thick / 2 - 4, mid, shape), bar(centre + thick / 2, mid, shape));
      if (block.skip === "projection") {
        svg.append(around((from + to) / 2, top, 12, 10, { stroke: colour, "stroke-width": 2 }));
      }
      if (block.skip !== "none") svg.append(...sign(to, mid, 5, colour));
    });
    const title = `Stage ${stage + 1}`, n = blocks.length;
    const counted = [`${n} block${n > 1 ? "s" : ""}`, `${2 * n} layers`];
    svg.append(...(narrow && stage ? lines(0, mid - 20, "start", title, shapeText(shape), ...counted)
      : lines(x0 + 1.5 * slot, under, "middle", title, shapeText(shape), counted.join(", "))));
  });
  return svg;
}

/** The layers of one block with their parameters: the first block of stage 2, where the shape changes. */
function oneBlock(settings, counts, width) {
  const { branch, side, join, skip, inside, outside } = counts.stages[1][0], colour = KINDS[settings.kind][2];
  const title = `First block of stage 2: ${shapeText(inside)} → ${shapeText(outside)}`;
  const text = (layer) => (layer.stride === 2 ? `${layer.name}, /2` : layer.name);
  const weighed = (layer) => text(layer) + (layer.parameters ? `, ${whole(layer.parameters)} parameters` : "");
  const told = (layers) => layers.map(weighed).join("; ");
  const zeros = `every second pixel, ${outside[0] - inside[0]} zero channels`;
  const shortcut = skip === "none" ? "No shortcut" : `Shortcut: ${skip === "padding" ? zeros : told(side)}`;
  const svg = draw("svg", { viewBox: `0 0 ${width} 132`, role: "img",
    "aria-label": `${title}. Branch: ${told(branch)}. ${shortcut}. Then: ${told(join)}.` });
  const mid = 96, top = 52, grow = Math.min(1.5, width / 328), layers = [...branch, ...join];
  const widthOf = (layer) => (layer.name === "+" ? 16 : grow * (layer.stride === 2 ? 47 : layer.stride ? 40 : 36));
  const gap = (width - 8 - layers.reduce((total, layer) => total + widthOf(layer), 0)) / (layers.length + 1);
  const box = (centre, y, layer, label) => svg.append(
    around(centre, y, widthOf(layer), 28,
      { rx: 3, stroke: layer.stride ? colour : "var(--rule)", "stroke-width": layer.stride ? 2 : 1.25 }),
    draw("text", { x: centre, y: y + 4, "text-anchor": "middle", style: "fill:var(--ink)" }, text(layer)),
    layer.parameters ? draw("text", { x: centre, y: label, "text-anchor": "middle" }, whole(layer.parameters)) : "");
  svg.append(draw("text", { class: "title", x: 0, y: 13 }, title), wire(`M4 ${mid}H${width - 4}`), tip(width - 4, mid));
  let x = 4;
  const centres = layers.map((layer) => {
    x += gap + widthOf(layer);
    return x - widthOf(layer) / 2;
  });
  if (skip !== "none") {
    // With pre-activation a projection sees the activated input.
    const activated = settings.kind === "pre_activation" && skip === "projection";
    const from = gap / 2 + (activated ? centres[1] + widthOf(layers[1]) / 2 : 4);
    const to = centres[branch.length], middle = (from + to) / 2;
    svg.append(arc(from, to, mid, top, colour, skip === "padding"));
    if (skip === "padding") svg.append(draw("text", { x: middle, y: top - 8, "text-anchor": "middle" }, zeros));
    const places = side.length < 2 ? [middle]
      : [middle - (gap + widthOf(side[1])) / 2, middle + (gap + widthOf(side[0])) / 2];
    side.forEach((layer, index) => box(places[index], top, layer, top - 18));
    svg.append(...sign(to, mid, 8, colour));
  }
  layers.forEach((layer, index) => { if (layer.name !== "+") box(centres[index], mid, layer, mid + 30); });
  return svg;
}

// The explorer ------------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const data = model.get("state");
  const choices = { kind: data.kinds, depth: data.depths, width: data.widths, shortcut: data.shortcuts,
    input: Object.keys(data.inputs) };
  const now = { ...data.default, ...address.chosen("blocks", choices) };

  begin(el, "Block builder");
  const picture = make("div", { class: "panels" });
  const note = make("p", { class: "note" });
  const readout = make("div");
  const said = conclusion();

  function costs(counts, narrow) {
    const { rows, total } = counts;
    const adds = narrow ? millions : whole;
    const line = (name, shape, row, field) => [...(narrow ? [shape ? [name, make("br"), shape] : name] : [name, shape]),
      whole(row.parameters), adds(row.multiplyAdds), tenths(kilobytes(row.kept)), field];
    const caption = "One image. Multiply-adds: convolutions and the linear layer, weights × output pixels. Memory, for "
      + "the backward pass: what each convolution, normalisation and linear layer takes in and each ReLU puts out, each "
      + `once, ${NUMBER_BYTES} bytes a number, in the row that puts it out, without the image. Receptive field: side in `
      + "pixels at the end of the row."
      + (now.kind === "pre_activation" ? " The row of the classifier has the last normalisation and ReLU." : "");
    const cells = table(caption, [...(narrow ? ["part, output"] : ["part", "output"]), "parameters",
      narrow ? "multiply-adds, millions" : "multiply-adds", "memory, kB", "receptive field"],
    [...rows.map((row) => line(row.name, shapeText(row.shape), row, row.field === null ? "all" : String(row.field))),
      line("total", "", total, "")]);
    cells.classList.toggle("tight", narrow);
    return cells;
  }

  function update() {
    const width = Math.max(280, picture.clientWidth), narrow = width < 560;
    const settings = { ...now, shape: data.inputs[now.input], classes: data.classes, widest: Math.max(...data.widths) };
    const counts = countNetwork(settings), sentences = networkSentences(settings);
    picture.replaceChildren(architecture(settings, counts, width, sentences.join(" ")),
      oneBlock(settings, counts, width));
    note.textContent = legend(settings);
    note.style.minHeight = narrow ? "5lh" : "3lh"; // the controls below stay where they are
    controls.shortcut.element.disabled = now.kind === "plain";
    readout.replaceChildren(costs(counts, narrow));
    said.say(...sentences);
    address.write("blocks", Object.keys(choices).map((setting) => now[setting]).join());
  }

  const change = (setting) => (value) => { now[setting] = value; update(); };
  const controls = {
    depth: slider("Depth", data.depths, now.depth, change("depth"),
      (depth) => `${depth} layers, n = ${(depth - 2) / 6}`),
    width: slider("Channels of the first stage", data.widths, now.width, change("width")),
    kind: choice("Network", data.kinds.map((kind) => [kind, KINDS[kind][0]]), now.kind, change("kind")),
    shortcut: choice("Shortcut", data.shortcuts.map((option) => [option, SHORTCUTS[option]]), now.shortcut,
      change("shortcut")),
    input: choice("Input", Object.entries(data.inputs).map(([input, shape]) =>
      [input, `${INPUTS[input] ?? input}, ${shapeText(shape)}`]), now.input, change("input")),
  };
  el.append(picture, note, make("div", { class: "controls" }, controls.depth.element, controls.width.element),
    make("div", { class: "controls" }, controls.kind.element, controls.input.element), controls.shortcut.element,
    readout, said.element);
  const stop = whenResized(picture, update);
  return () => { stop(); said.stop(); };
}
