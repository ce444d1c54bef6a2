// A network that reads drawn digits, calculated here: preparation of the drawing, residual network, feature maps.

const PAGE = typeof document === "undefined" ? "" : document.currentScript?.src ?? ""; // "" in a notebook
const SHEET = 140; // pixels a side of the sheet on which the reader draws
const PEN = 6; // radius of the pen
const FAINT = 0.1; // what has less ink belongs to the paper where the digit's extent is measured
const STAGES = ["Stem", "Stage 1", "Stage 2", "Stage 3"];
const CIVIDIS = [[0, 34, 78], [26, 56, 111], [67, 78, 108], [97, 101, 111], [125, 124, 120], [155, 148, 118],
  [188, 174, 108], [222, 201, 88], [254, 232, 56]]; // at every eighth
const DIGIT_STYLE = `
.digit .board { display: grid; gap: .75rem 1.5rem; grid-template-columns: minmax(0, 1fr); }
@container (min-width: 34rem) { .digit .board { grid-template-columns: 280px minmax(0, 1fr); } }
.digit .sheet { display: block; width: 280px; height: 280px; max-width: 100%; box-sizing: border-box;
  border: 1px solid var(--rule); border-radius: 4px; touch-action: none; cursor: crosshair; }
.digit .seen { display: flex; gap: .75rem; align-items: center; margin-top: .75rem; }
.digit .seen p { margin: 0; }
.digit canvas.pixels { image-rendering: pixelated; display: block; }
.digit .seen canvas { flex: none; width: 84px; height: 84px; border: 1px solid var(--rule); box-sizing: content-box; }
.digit .examples button { display: flex; align-items: center; gap: .4rem; padding: .2rem .55rem .2rem .3rem;
  min-height: 44px; }
.digit .examples button[aria-pressed=true] { border-color: var(--ink); box-shadow: inset 0 0 0 1px var(--ink);
  font-weight: 600; }
.digit .examples canvas { width: 36px; height: 36px; }
.digit .heading { font-size: .9375rem; font-weight: 600; margin: .75rem 0 0; }
.digit .maps { display: grid; gap: .5rem; margin: .5rem 0; }
.digit .maps p { margin: 0 0 .15rem; font-size: .875rem; }
.digit .channels { display: grid; grid-template-columns: repeat(8, minmax(0, 56px)); gap: 4px; }
.digit .channels canvas { width: 100%; aspect-ratio: 1; }
.digit [hidden] { display: none; }
@media print { .digit :is(.examples, .heading) { display: none; } }
`;

// Numbers -----------------------------------------------------------------------------------------------------------

/** The bytes of a text in base64. */
function bytes(text) {
  const raw = atob(text), found = new Uint8Array(raw.length);
  for (let index = 0; index < raw.length; index += 1) found[index] = raw.charCodeAt(index);
  return found;
}

/** Numbers in half precision (IEEE 754, two bytes each, the lower first) as 32-bit numbers: exactly. */
function halves(raw) {
  const found = new Float32Array(raw.length / 2), words = new Uint32Array(found.buffer);
  for (let index = 0; index < found.length; index += 1) {
    const word = raw[2 * index] | raw[2 * index + 1] << 8, exponent = word >> 10 & 31, fraction = word & 1023;
    if (exponent === 0) found[index] = (word >> 15 ? -fraction : fraction) * 2 ** -24;
    else words[index] = (word >> 15) * 2 ** 31 + (exponent === 31 ? 255 : exponent + 112) * 2 ** 23 + fraction * 2 ** 13;
  }
  return found;
}

/** `{tensors: [[name, shape], …], halves: base64}` as numbers by name. */
function tensorsOf({ tensors, halves: text }) {
  const all = halves(bytes(text)), found = {};
  let start = 0;
  for (const [name, shape] of tensors) {
    const end = start + shape.reduce((product, side) => product * side, 1);
    found[name] = { shape, values: all.subarray(start, end) };
    start = end;
  }
  return found;
}

/** A probability in per cent, with one decimal; it is not broken into two lines. */
function share(probability) {
  if (probability < 0.0005) return "<\u00a00.1\u00a0%";
  if (probability > 0.9995) return ">\u00a099.9\u00a0%";
  return `${(100 * probability).toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 })}\u00a0%`;
}

// Network -----------------------------------------------------------------------------------------------------------

/**
 * A 3×3 convolution and the batch normalisation after it: weights in the order row, column, input channel, output
 * channel, and what each output channel is multiplied with and has added to it.
 */
function layerOf(tensors, convolution, norm, stride) {
  const { shape: [to, from], values } = tensors[`${convolution}.weight`];
  const [gain, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
    .map((name) => tensors[`${norm}.${name}`].values);
  const weights = new Float32Array(values.length), scale = new Float64Array(to), shift = new Float64Array(to);
  for (let out = 0; out < to; out += 1) {
    for (let inside = 0; inside < from; inside += 1) {
      for (let tap = 0; tap < 9; tap += 1) {
        weights[(tap * from + inside) * to + out] = values[(out * from + inside) * 9 + tap];
      }
    }
    scale[out] = gain[out] / Math.sqrt(variance[out] + 1e-5);
    shift[out] = bias[out] - mean[out] * scale[out];
  }
  return { from, to, stride, weights, scale, shift };
}

/** The network of a state's `network` with its weights: {stem, stages: blocks with two layers each, classifier}. */
function networkOf(tensors, { blocks, stride, mean, std }) {
  const stages = blocks.map((count, stage) => Array.from({ length: count }, (_, block) => {
    const name = `stages.${stage}.${block}`, step = stage > 0 && block === 0 ? 2 : 1;
    return { first: layerOf(tensors, `${name}.conv1`, `${name}.norm1`, step),
      second: layerOf(tensors, `${name}.conv2`, `${name}.norm2`, 1) };
  }));
  return { mean, std, stem: layerOf(tensors, "stem.0", "stem.1", stride), stages,
    weight: tensors["classifier.weight"].values, bias: tensors["classifier.bias"].values };
}

/** Feature maps {side, channels, values in the order row, column, channel} after a layer; border of zeros. */
function convolve({ side, values }, { from, to, stride, weights, scale, shift }) {
  const end = Math.ceil(side / stride), found = new Float64Array(end * end * to), sums = new Float64Array(to);
  for (let row = 0; row < end; row += 1) {
    for (let column = 0; column < end; column += 1) {
      sums.fill(0);
      for (let tap = 0; tap < 9; tap += 1) {
        const y = row * stride + Math.floor(tap / 3) - 1, x = column * stride + tap % 3 - 1;
        if (y < 0 || x < 0 || y >= side || x >= side) continue;
        const start = (y * side + x) * from;
        for (let inside = 0; inside < from; inside += 1) {
          const value = values[start + inside];
          if (value === 0) continue; // what a ReLU has shut, about half of all
          const at = (tap * from + inside) * to;
          for (let out = 0; out < to; out += 1) sums[out] += value * weights[at + out];
        }
      }
      const at = (row * end + column) * to;
      for (let out = 0; out < to; out += 1) found[at + out] = sums[out] * scale[out] + shift[out];
    }
  }
  return { side: end, channels: to, values: found };
}

/** ReLU, in place. */
function rectify(maps) {
  const { values } = maps;
  for (let index = 0; index < values.length; index += 1) if (values[index] < 0) values[index] = 0;
  return maps;
}

/** Shortcut A: every second pixel where the map is halved, and zeros for the channels that are new. */
function shortcut({ side, channels, values }, { stride, to }) {
  const end = Math.ceil(side / stride), found = new Float64Array(end * end * to);
  for (let row = 0; row < end; row += 1) {
    for (let column = 0; column < end; column += 1) {
      const start = (row * stride * side + column * stride) * channels;
      found.set(values.subarray(start, start + channels), (row * end + column) * to);
    }
  }
  return { side: end, channels: to, values: found };
}

/**
 * What the network makes of 28×28 pixels in [0, 1]: `maps` after the stem and each stage, and `logits`. The blocks whose
 * numbers (from 0) are in `off` pass on what their shortcut carries, and nothing else.
 */
function forward(network, pixels, off = []) {
  const side = Math.sqrt(pixels.length);
  const image = { side, channels: 1, values: Float64Array.from(pixels, (pixel) => (pixel - network.mean) / network.std) };
  let maps = rectify(convolve(image, network.stem)), number = 0;
  const kept = [maps];
  for (const stage of network.stages) {
    for (const { first, second } of stage) {
      const carried = shortcut(maps, first);
      if (!off.includes(number)) {
        const { values } = convolve(rectify(convolve(maps, first)), second);
        for (let index = 0; index < values.length; index += 1) carried.values[index] += values[index];
      }
      maps = rectify(carried);
      number += 1;
    }
    kept.push(maps);
  }
  const { channels, values } = maps, area = maps.side ** 2, features = new Float64Array(channels);
  values.forEach((value, index) => { features[index % channels] += value / area; });
  const logits = Array.from(network.bias, (bias, digit) =>
    features.reduce((sum, feature, channel) => sum + feature * network.weight[digit * channels + channel], bias));
  return { maps: kept, logits };
}

function softmax(logits) {
  const largest = Math.max(...logits), powers = logits.map((logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

// Preparation -------------------------------------------------------------------------------------------------------

/** For each of `to` pixels, which of `from` pixels it is made of and with which weights: a triangle, as wide as the step. */
function filter(from, to) {
  const step = from / to, reach = Math.max(step, 1);
  return Array.from({ length: to }, (_, index) => {
    const centre = (index + 0.5) * step;
    const start = Math.max(Math.floor(centre - reach + 0.5), 0), end = Math.min(Math.floor(centre + reach + 0.5), from);
    const weights = Array.from({ length: end - start }, (_each, at) =>
      Math.max(0, 1 - Math.abs((start + at + 0.5 - centre) / reach)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { start, weights: weights.map((weight) => weight / total) };
  });
}

/** Where a row of pixels starts when the centre of mass of its ink lies at the centre of `size` pixels. */
function place(ink, size) {
  const total = ink.reduce((sum, value) => sum + value, 0);
  const centre = ink.reduce((sum, value, index) => sum + value * (index + 0.5), 0) / total;
  const start = Math.floor(size / 2 - centre + 0.5 + 1e-6); // halves go up, however they were rounded
  return Math.min(Math.max(start, 0), size - ink.length);
}

/**
 * A drawing (rows of ink in [0, 1], `width` to a row) as MNIST would hold it, 28×28: its ink scaled to fit 20×20, its
 * centre of mass at the centre. null where there is no ink. As `prepare` in resnet_lib/pictures.py.
 */
function prepare(ink, width, size = 28, box = 20) {
  let left = width, right = -1, top = -1, bottom = -1;
  for (let index = 0; index < ink.length; index += 1) {
    if (!(ink[index] > FAINT)) continue;
    const column = index % width;
    if (top < 0) top = Math.floor(index / width);
    bottom = Math.floor(index / width);
    left = Math.min(left, column);
    right = Math.max(right, column);
  }
  if (bottom < 0) return null;
  const tall = bottom - top + 1, wide = right - left + 1;
  const [rows, columns] = [tall, wide].map((side) =>
    Math.max(1, Math.floor(side * box / Math.max(tall, wide) + 0.5)));
  const across = filter(wide, columns), narrow = new Float64Array(tall * columns);
  for (let row = 0; row < tall; row += 1) {
    const start = (top + row) * width + left;
    across.forEach(({ start: from, weights }, column) => {
      narrow[row * columns + column] = weights.reduce((sum, weight, at) => sum + weight * ink[start + from + at], 0);
    });
  }
  const small = new Float64Array(rows * columns);
  filter(tall, rows).forEach(({ start, weights }, row) => {
    for (let column = 0; column < columns; column += 1) {
      small[row * columns + column] = weights.reduce((sum, weight, at) =>
        sum + weight * narrow[(start + at) * columns + column], 0);
    }
  });
  const ofRows = new Float64Array(rows), ofColumns = new Float64Array(columns);
  small.forEach((value, index) => { ofRows[Math.floor(index / columns)] += value; ofColumns[index % columns] += value; });
  const y = place(ofRows, size), x = place(ofColumns, size), found = new Float32Array(size * size);
  for (let row = 0; row < rows; row += 1) {
    found.set(small.subarray(row * columns, (row + 1) * columns), (y + row) * size + x);
  }
  return found;
}

/** Ink along the line between two points, [x, y] in pixels of the sheet, with a soft edge. */
function stroke(ink, [x0, y0], [x1, y1], side = SHEET, radius = PEN) {
  const dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy, reach = radius + 1;
  const within = (value) => Math.min(Math.max(Math.floor(value), 0), side);
  const columns = [within(Math.min(x0, x1) - reach), within(Math.max(x0, x1) + reach + 1)];
  for (let row = within(Math.min(y0, y1) - reach); row < within(Math.max(y0, y1) + reach + 1); row += 1) {
    for (let column = columns[0]; column < columns[1]; column += 1) {
      const x = column + 0.5 - x0, y = row + 0.5 - y0;
      const along = length ? Math.min(Math.max((x * dx + y * dy) / length, 0), 1) : 0;
      const value = Math.min(Math.max(radius + 0.5 - Math.hypot(x - along * dx, y - along * dy), 0), 1);
      if (value > ink[row * side + column]) ink[row * side + column] = value;
    }
  }
}

// Words -------------------------------------------------------------------------------------------------------------

/** The classes from the most to the least probable. */
const ranked = (probabilities) => [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);

/** "block 3", "blocks 3 and 5": the numbers in `off` count from 0. */
function blocksText(off) {
  const numbers = off.map((block) => String(block + 1));
  const last = numbers.pop();
  return numbers.length ? `blocks ${numbers.join(", ")} and ${last}` : `block ${last}`;
}

/** What the network answers, and what it answered with all blocks on; `truth` is the label of a test image. */
function answerSentences(classes, probabilities, full, off, truth) {
  const order = ranked(probabilities), [first] = order, said = [];
  const text = (digit) => `${classes[digit]} at ${share(probabilities[digit])}`;
  if (off.length && full) {
    const [before] = ranked(full);
    said.push(`With ${blocksText(off)} off: ${classes[before]} at ${share(full[before])} → ${text(first)}.`);
    if (before !== first) {
      said.push(`The digit ${classes[before]} is left with ${share(probabilities[before])}.`);
    }
  } else said.push(`The network reads ${text(first)}, then ${text(order[1])} and ${text(order[2])}.`);
  if (truth !== undefined) {
    said.push(`The label of this test image is ${truth}: ${classes[first] === truth ? "right" : "wrong"}.`);
  }
  return said;
}

// Pictures ----------------------------------------------------------------------------------------------------------

/** The class probabilities as bars; a line across marks each probability with all blocks on. */
function bars(classes, probabilities, full, off, width) {
  const line = 24, top = 22, left = 18, right = 64, height = top + line * classes.length + (off.length ? 18 : 2);
  const x = (probability) => left + (width - left - right) * probability;
  const told = probabilities ? classes.map((name, index) => `${name}: ${share(probabilities[index])}`
    + (off.length ? `, with all blocks on ${share(full[index])}` : "")).join("; ") : "nothing drawn yet";
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Probability of each digit. ${told}.` },
    draw("text", { class: "title", x: 0, y: 13 }, "Probability of each digit"));
  const first = probabilities ? ranked(probabilities)[0] : -1;
  classes.forEach((name, index) => {
    const y = top + line * index, strong = index === first ? "title" : "";
    svg.append(draw("text", { class: strong, x: 0, y: y + 16 }, name),
      draw("line", { class: "grid", x1: left, x2: x(1), y1: y + 20, y2: y + 20 }));
    if (!probabilities) return;
    svg.append(draw("rect", { x: left, y: y + 5, width: Math.max(x(probabilities[index]) - left, 0.5), height: 14,
      fill: "var(--residual)" }),
    draw("text", { class: strong, x: width, y: y + 16, "text-anchor": "end" }, share(probabilities[index])));
    if (off.length) {
      svg.append(draw("line", { x1: x(full[index]), x2: x(full[index]), y1: y + 2, y2: y + 22, stroke: "var(--ink)",
        "stroke-width": 2 }));
    }
  });
  if (off.length) svg.append(draw("text", { x: width, y: height - 3, "text-anchor": "end" }, "line across: all blocks on"));
  return svg;
}

/** Ink of the element's own colour on a canvas; what has no ink stays transparent. */
function paintInk(canvas, ink) {
  const colour = getComputedStyle(canvas).color.match(/[\d.]+/g);
  if (!colour) return; // it is not on the page yet, and is painted when it gets there
  const [red, green, blue] = colour.map(Number);
  const data = new Uint8ClampedArray(4 * ink.length);
  ink.forEach((value, index) => data.set([red, green, blue, 255 * value], 4 * index));
  canvas.getContext("2d").putImageData(new ImageData(data, canvas.width), 0, 0);
}

/** One feature map on a canvas of its size; 0 is dark blue, `largest` is yellow. */
function paintMap(canvas, { side, channels, values }, channel, largest) {
  const data = new Uint8ClampedArray(4 * side * side);
  for (let pixel = 0; pixel < side * side; pixel += 1) {
    const at = largest ? 8 * values[pixel * channels + channel] / largest : 0, low = Math.min(Math.floor(at), 7);
    const colour = CIVIDIS[low].map((value, index) => value + (at - low) * (CIVIDIS[low + 1][index] - value));
    data.set([...colour, 255], 4 * pixel);
  }
  canvas.width = canvas.height = side;
  canvas.getContext("2d").putImageData(new ImageData(data, side), 0, 0);
}

const pixelated = (side, attributes = {}) => make("canvas", { class: "pixels", width: side, height: side,
  "aria-hidden": "true", ...attributes });

/** Call `redraw` when the page's theme changes the colour of the element; returns what stops it. */
function whenThemed(element, redraw) {
  let colour = getComputedStyle(element).color;
  const observer = new MutationObserver(() => {
    const next = getComputedStyle(element).color;
    if (next !== colour) { colour = next; redraw(); }
  });
  for (const themed of [document.documentElement, document.body]) observer.observe(themed, { attributes: true });
  return () => observer.disconnect();
}

// Weights -----------------------------------------------------------------------------------------------------------

/** The weights: on a page from a script beside this one, in a notebook from the kernel; a promise. */
function fetchWeights(model, { file, version }) {
  return new Promise((resolve, reject) => {
    const take = (found) => (found?.version === version ? resolve(found)
      : reject(new Error("The network's file is not the one that belongs to this page.")));
    if (!PAGE) {
      const arrived = () => { if (model.get("weights")?.version) take(model.get("weights")); };
      model.on("change:weights", arrived);
      arrived();
      model.set("wanted", true);
      model.save_changes();
      return;
    }
    const script = make("script", { src: new URL(`${file}.js?${version}`, PAGE) });
    script.addEventListener("load", () => { script.remove(); take(window.explorerWeights?.[file]); });
    script.addEventListener("error", () => {
      script.remove();
      reject(new Error(`The network's file ${file}.js could not be loaded.`));
    });
    document.head.append(script);
  });
}

// The explorer ------------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const { network: shape, weights, examples: given } = model.get("state");
  const { classes } = shape, blocks = shape.blocks.flatMap((count, stage) => Array(count).fill(stage + 1));
  const examples = given.map((example) => ({ ...example, pixels: Float32Array.from(bytes(example.pixels), (b) => b / 255) }));
  const now = { example: 0, off: [] };
  const [linkedExample, linkedOff] = (address.read("digit") ?? "1,").split(",");
  if (examples[Number(linkedExample) - 1]) now.example = Number(linkedExample) - 1;
  if (linkedOff) now.off = blocks.map((_, block) => block).filter((block) => linkedOff.includes(String(block + 1)));
  const ink = new Float32Array(SHEET * SHEET);
  let network = null, loading = null, pen = null, waiting = 0;
  const cursor = { x: SHEET / 2, y: SHEET / 2, down: false, shown: false };

  begin(el, "Draw a digit");
  el.classList.add("digit");
  const sheet = make("canvas", { class: "sheet", width: SHEET, height: SHEET, tabindex: 0, role: "application",
    "aria-label": "Sheet to draw on: arrow keys move the pen, the space bar lowers and lifts it" });
  const seen = pixelated(28), caption = make("p", { class: "note" });
  const picture = make("div"), note = make("p", { class: "note", role: "status" });
  const penNote = make("p", { class: "note pen", role: "status" });
  const keys = make("p", { class: "note" }, "Draw with mouse or finger. By keyboard: arrows move the pen, the space bar "
    + "lowers and lifts it.");
  const maps = make("div", { class: "maps" }), mapsNote = make("p", { class: "note" });
  const rows = STAGES.map((name, stage) => {
    const label = make("p", {}, name), canvases = shape.channels.map(() => pixelated(1));
    const row = make("div", { class: "channels", role: "img", "aria-label": name }, ...canvases);
    maps.append(make("div", {}, label, row));
    return { name, stage, label, row, canvases };
  });
  const said = conclusion();

  const example = () => examples[now.example];
  const pixels = () => (example() ? example().pixels : prepare(ink, SHEET));

  /** What is calculated about the picture: null where there is none, without `maps` before the network is there. */
  function results() {
    const there = pixels();
    if (!there) return null;
    if (!network) return example() ? { probabilities: example().probabilities, full: example().probabilities } : null;
    const start = performance.now(), found = forward(network, there, now.off), milliseconds = performance.now() - start;
    const probabilities = softmax(found.logits);
    return { ...found, probabilities, milliseconds,
      full: now.off.length ? softmax(forward(network, there).logits) : probabilities };
  }

  function paintSheet() {
    if (example()) {
      paintInk(sheet, ink.map((_, index) => example().pixels[28 * Math.floor(index / SHEET / 5) + Math.floor(index % SHEET / 5)]));
    } else paintInk(sheet, ink);
    if (!cursor.shown) return;
    const context = sheet.getContext("2d");
    context.strokeStyle = getComputedStyle(sheet).outlineColor;
    context.lineWidth = cursor.down ? 3 : 1.5;
    context.beginPath();
    context.arc(cursor.x, cursor.y, PEN + 2, 0, 2 * Math.PI);
    context.stroke();
  }

  function paintMaps(found) {
    maps.hidden = !found?.maps;
    if (maps.hidden) {
      mapsNote.textContent = network ? "Draw something, and the feature maps appear here."
        : "Feature maps appear here once the network is loaded.";
      return;
    }
    for (const { name, stage, label, row, canvases } of rows) {
      const all = found.maps[stage], { side, channels, values } = all;
      const largest = values.reduce((most, value, index) =>
        (value > most && shape.channels.includes(index % channels) ? value : most), 0);
      canvases.forEach((canvas, index) => paintMap(canvas, all, shape.channels[index], largest));
      label.textContent = `${name}: ${shape.channels.length} of ${channels} maps, ${side}×${side} pixels`;
      const means = shape.channels.map((channel) => values.reduce((sum, value, index) =>
        (index % channels === channel ? sum + value : sum), 0));
      const strongest = shape.channels[ranked(means)[0]];
      row.setAttribute("aria-label", `${label.textContent}; the strongest is channel ${strongest + 1}; `
        + `the largest value is ${number(largest)}`);
    }
    mapsNote.textContent = "Dark blue is 0, yellow the row's largest value. A column is one channel "
      + `(${shape.channels.map((channel) => channel + 1).join(", ")}): shortcuts carry it from row to row. `
      + `Calculated in this browser in ${number(found.milliseconds)} ms.`;
  }

  function update() {
    const found = results(), there = pixels();
    paintSheet();
    paintInk(seen, there ?? new Float32Array(784));
    caption.textContent = !there ? "28×28 pixels: nothing yet."
      : example() ? `What the network sees: a test image of MNIST, 28×28 pixels.`
        : "What the network sees: your drawing in 28×28 pixels, scaled to fit 20×20, its centre of mass at the centre.";
    const off = found?.maps ? now.off : [];
    picture.replaceChildren(bars(classes, found?.probabilities, found?.full, off,
      Math.max(240, picture.clientWidth)));
    paintMaps(found);
    buttons.forEach((each, index) => each.setAttribute("aria-pressed", String(index === now.example)));
    allOn.disabled = !now.off.length;
    loader.hidden = Boolean(network);
    if (found) said.say(...answerSentences(classes, found.probabilities, found.full, off, example()?.label));
    else said.say(there ? "The network is not loaded yet." : "Draw a digit, or choose one of the test images.");
    address.write("digit", [example() ? now.example + 1 : "", now.off.map((block) => block + 1).join("")].join());
  }

  /** Redraw once before the next frame, however often it is asked for. */
  function soon() {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(update);
  }

  function load() {
    if (network || loading) return;
    loader.disabled = true;
    note.textContent = PAGE ? "The network is being loaded." : "The kernel is asked for the network.";
    loading = fetchWeights(model, weights).then((found) => {
      network = networkOf(tensorsOf(found), shape);
      note.textContent = "The network is here.";
      update();
    }).catch((error) => {
      loading = null;
      loader.disabled = false;
      note.textContent = error.message;
    });
  }

  // Drawing: by pointer, and by keyboard in steps of one of the 28 pixels.

  function line(from, to) {
    if (example()) {
      now.example = -1;
      ink.fill(0);
    }
    stroke(ink, from, to);
    load();
    soon();
  }

  const placeOf = ({ clientX, clientY }) => {
    const box = sheet.getBoundingClientRect();
    return [(clientX - box.left) * SHEET / box.width, (clientY - box.top) * SHEET / box.height];
  };
  sheet.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    sheet.setPointerCapture(event.pointerId);
    Object.assign(cursor, { shown: false, down: false });
    pen = placeOf(event);
    line(pen, pen);
  });
  sheet.addEventListener("pointermove", (event) => {
    if (!pen || !event.isPrimary) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const each of between.length ? between : [event]) {
      const next = placeOf(each);
      line(pen, next);
      pen = next;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) sheet.addEventListener(end, () => { pen = null; });
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  sheet.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey || (!move && event.key !== " ")) return;
    event.preventDefault();
    cursor.shown = true;
    const before = [cursor.x, cursor.y], step = SHEET / 28, edge = (value) => Math.min(Math.max(value, step), SHEET - step);
    if (move) {
      cursor.x = edge(cursor.x + step * move[0]);
      cursor.y = edge(cursor.y + step * move[1]);
    } else if (!event.repeat) cursor.down = !cursor.down;
    if (cursor.down) line(before, [cursor.x, cursor.y]);
    else paintSheet();
    penNote.textContent = `Pen ${cursor.down ? "down" : "up"}, column ${Math.round(cursor.x / step)}, row `
      + `${Math.round(cursor.y / step)} of 27.`;
  });
  sheet.addEventListener("blur", () => {
    Object.assign(cursor, { shown: false, down: false });
    paintSheet();
  });

  const clear = button("Clear", () => {
    now.example = -1;
    ink.fill(0);
    cursor.down = false;
    update();
  });
  const loader = button(`Load the network, ${weights.kilobytes} kB`, load);
  const buttons = examples.map(({ label, probabilities }, index) => {
    const answer = classes[ranked(probabilities)[0]], wrong = answer !== label;
    const found = button("", () => { now.example = index; update(); });
    found.append(pixelated(28), wrong ? `${label}, read as ${answer}` : label);
    found.setAttribute("aria-label", `Test image ${index + 1}: ${found.textContent}`);
    return found;
  });
  const switches = several("Branches that are on", blocks.map((stage, block) => [block, `Block ${block + 1}, stage ${stage}`]),
    [...blocks.keys()].filter((block) => !now.off.includes(block)), (on) => {
      now.off = [...blocks.keys()].filter((block) => !on.includes(block));
      load();
      update();
    });
  const allOn = button("All on", () => {
    now.off = [];
    switches.set([...blocks.keys()]);
    update();
    switches.element.querySelector("input").focus(); // the button can no longer be pressed
  });
  const paintExamples = () => buttons.forEach((each, index) =>
    paintInk(each.querySelector("canvas"), examples[index].pixels));

  el.append(make("style", {}, DIGIT_STYLE), make("div", { class: "board" },
    make("div", {}, sheet, keys, make("div", { class: "buttons" }, clear, loader), penNote, note),
    make("div", {}, picture, make("div", { class: "seen" }, seen, caption))),
  make("p", { class: "heading" }, "Test images"), make("div", { class: "buttons examples" }, ...buttons),
  switches.element, make("p", { class: "note" }, "A block whose branch is off passes on what its shortcut carries."),
  make("div", { class: "buttons" }, allOn), said.element,
  make("p", { class: "heading" }, "Feature maps"), mapsNote, maps);
  paintExamples();
  if (now.off.length) load(); // a link asks for it
  const stopThemed = whenThemed(el, () => { update(); paintExamples(); });
  const stop = whenResized(picture, () => { update(); paintExamples(); });
  return () => { stop(); stopThemed(); said.stop(); cancelAnimationFrame(waiting); };
}
