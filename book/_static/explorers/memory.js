// What a training step of a large model holds, by hand: weights, gradients, optimiser, activations, logits; and which card fits.

const BYTES_OF_4_BITS = 4.127 / 8; // four bits and what the scales take

/** Numbers of the linear layers of a block, of a whole block, and of the model. */
function parametersOf({ d, m, layers, heads, kv, vocabulary, tied }) {
  const linear = 2 * d * d + 2 * d * kv * d / heads + 3 * d * m, block = linear + 2 * d;
  return { linear, block, model: layers * block + d + (tied ? 1 : 2) * vocabulary * d };
}

/** Bytes that a block keeps of each token for the way back. */
function keptByBlock({ d, m, heads, kv }, { method, precision, rank, fused, length }) {
  const narrow = kv * d / heads, four = precision === "float32", low = method !== "all";
  const attention = fused ? 4 * heads : (four ? 4 : 6) * heads * length;
  const keysAndValues = (fused ? narrow : d) * (four ? 8 : 4);
  if (four) return (low ? 24 : 32) * d + keysAndValues + 16 * m + 8 + attention + (low ? 28 * rank : 0);
  if (!low) return 20 * d + keysAndValues + 8 * m + 8 + attention;
  return precision === "mixed" ? (fused ? 36 : 34) * d + keysAndValues + 10 * m + 8 + attention + 28 * rank
    : 16 * d + keysAndValues + 8 * m + 8 + attention + 14 * rank;
}

/** Bytes on one card, by what they are for. */
function memoryOf(shape, now) {
  const { d, m, layers, heads, kv, vocabulary } = shape;
  const { method, precision, optimiser, length, sequences, rank, checkpoints, cards } = now;
  const size = precision === "float32" ? 4 : 2, { linear, block, model } = parametersOf(shape);
  const learns = method === "all" ? model : layers * rank * (5 * d + 2 * (d + kv * d / heads) + 2 * (d + m) + m);
  const copy = method === "all" ? size : precision === "bfloat16" ? 2 : 4; // bytes of a number that learns
  const state = { adam: 8, momentum: 4, sgd: 0 }[optimiser] * (precision === "bfloat16" ? 0.5 : 1);
  const base = method === "all" ? 0 : method === "lora" ? size * model : size * (model - layers * linear) + BYTES_OF_4_BITS * layers * linear;
  const tokens = length * sequences, byBlock = keptByBlock(shape, now), logits = 12 * vocabulary;
  const end = (size === 4 ? 12 : 8) * d;
  const kept = checkpoints ? layers * size * d + Math.max(0, byBlock - logits) : layers * byBlock;
  const gathered = cards === 1 ? 0 : (method === "all" ? 2 : 1) * size * (block + model - layers * block);
  return { weights: (base + copy * learns) / cards, gradients: copy * learns / cards,
    optimiser: (state + (method === "all" && precision === "mixed" ? 4 : 0)) * learns / cards,
    activations: tokens * (kept + end), logits: tokens * logits, gathered };
}

const PARTS = { weights: "weights", gradients: "gradients", optimiser: "optimiser and 32-bit copy",
  activations: "activations", logits: "logits", gathered: "gathered block" };
const CARDS = [8, 16, 24, 80];
const gigabytes = (bytes) => (bytes === 0 ? "0" : bytes >= 1e8 ? `${number(bytes / 1e9)} GB` : bytes >= 1e5 ? `${number(bytes / 1e6)} MB` : `${number(bytes / 1e3)} kB`);
const sumOf = (parts) => Object.values(parts).reduce((sum, each) => sum + each, 0);

/** The fewest cards of `size` GB, a power of two up to 1,024, that hold a training; null if none do. */
function fewest(shape, now, size) {
  for (let cards = 1; cards <= 1024; cards *= 2) if (sumOf(memoryOf(shape, { ...now, cards })) <= size * 1e9) return cards;
  return null;
}

/** The conclusion, rebuilt from the numbers. */
function memorySentences(name, shape, now) {
  const parts = memoryOf(shape, now), whole = sumOf(parts);
  const [most, bytes] = Object.entries(parts).reduce((a, b) => (b[1] > a[1] ? b : a));
  const fits = CARDS.find((size) => whole <= size * 1e9), few = fewest(shape, now, 80);
  const where = now.cards === 1 ? "one card has to hold" : `each of ${now.cards.toLocaleString("en-US")} cards has to hold`;
  return [`${name}: ${where} ${gigabytes(whole)}. ${
    fits ? `A card of ${fits} GB is enough.` : "A card of 80 GB is not enough."}`,
  `Most is for ${PARTS[most]}: ${gigabytes(bytes)}, ${number(100 * bytes / whole)} %.`,
  few === null ? "Not even 1,024 cards of 80 GB hold it: take fewer tokens on a card, or checkpoints."
    : few === 1 ? "" : `With as many tokens on each, it takes ${few.toLocaleString("en-US")} cards of 80 GB at least.`].filter(Boolean);
}

function render({ model, el }) {
  const data = model.get("state"), names = Object.keys(data.models);
  const powers = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => 2 ** (from + index));
  const choices = { model: names, method: ["all", "lora", "qlora"], precision: ["float32", "mixed", "bfloat16"],
    optimiser: ["adam", "momentum", "sgd"], length: powers(7, 17), sequences: powers(0, 8), rank: powers(0, 8),
    fused: [true, false], checkpoints: [true, false], cards: powers(0, 10) };
  const now = { ...data.default, ...address.chosen("memory", choices) };

  begin(el, "What does a training step hold?");
  const picture = make("div", { class: "panels" });
  const readout = make("div");
  const said = conclusion();

  function bars(parts, describe) {
    const width = panelWidth(picture, 1), whole = sumOf(parts), row = 27, top = 44, left = width < 420 ? 96 : 176, right = 74;
    const rows = [...Object.entries(parts).map(([key, bytes]) => [PARTS[key], bytes]), ["together", whole]];
    const span = Math.max(whole / 1e9, CARDS.find((size) => whole <= size * 1e9) ?? 80);
    const x = (value) => left + (width - left - right) * value / span, bottom = top + rows.length * row;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${bottom + 8}`, role: "img", "aria-label": describe });
    svg.append(draw("text", { class: "title", x: 0, y: 13 }, "Memory of a step on one card"));
    let last = -Infinity;
    for (const size of CARDS.filter((each) => each <= span)) {
      svg.append(draw("line", { class: "cursor", x1: x(size), x2: x(size), y1: top - 6, y2: bottom, "stroke-dasharray": "2 3" }));
      if (x(size) - last > 40) svg.append(draw("text", { x: x(size), y: top - 10, "text-anchor": "middle" }, `${size} GB`));
      last = x(size) - last > 40 ? x(size) : last;
    }
    rows.forEach(([name, bytes], index) => {
      const y = top + index * row, together = index === rows.length - 1;
      const short = width < 420 ? name.replace(" and 32-bit copy", "").replace("gathered block", "gathered") : name;
      svg.append(draw("text", { x: left - 8, y: y + 15, "text-anchor": "end", class: together ? "title" : "" }, short),
        draw("rect", { x: left, y: y + 3, width: Math.max(0, x(bytes / 1e9) - left), height: row - 9,
          style: `fill:var(--${together ? "ink" : "muted"})` }),
        draw("text", { x: x(bytes / 1e9) + 6, y: y + 15, class: "name", style: "fill:var(--ink)" }, gigabytes(bytes)));
    });
    return svg;
  }

  function update() {
    const shape = data.models[now.model], parts = memoryOf(shape, now), sentences = memorySentences(now.model, shape, now);
    picture.replaceChildren(bars(parts, sentences.join(" ")));
    readout.replaceChildren(table("The fewest cards that hold it, with as many tokens on each, worked out", ["card", "cards"],
      CARDS.map((size) => [`${size} GB`, fewest(shape, now, size)?.toLocaleString("en-US") ?? "more than 1,024"])));
    controls[2].element.hidden = now.method === "all";
    said.say(...sentences);
    address.write("memory", Object.keys(choices).map((setting) => now[setting]).join());
  }

  const change = (setting) => (value) => { now[setting] = value; update(); };
  const over = (setting, label, text) => slider(label, choices[setting], now[setting], change(setting), text);
  const named = (value) => value.toLocaleString("en-US");
  const controls = [over("length", "Tokens in a sequence", named), over("sequences", "Sequences on a card", named),
    over("rank", "Rank of LoRA", named), over("cards", "Cards that share the model (FSDP)", named)];
  const options = several("Also", [["fused", "fused attention"], ["checkpoints", "checkpoints"]],
    ["fused", "checkpoints"].filter((each) => now[each]), (chosen) => {
      now.fused = chosen.includes("fused");
      now.checkpoints = chosen.includes("checkpoints");
      update();
    });
  el.append(picture, choice("Model", names.map((name) => [name, name]), now.model, change("model")).element,
    choice("What learns", [["all", "all weights"], ["lora", "LoRA"], ["qlora", "QLoRA"]], now.method, change("method")).element,
    choice("Numbers", [["float32", "float32"], ["mixed", "mixed"], ["bfloat16", "bfloat16 alone"]], now.precision, change("precision")).element,
    choice("Optimiser", [["adam", "Adam"], ["momentum", "SGD with momentum"], ["sgd", "SGD"]], now.optimiser, change("optimiser")).element,
    options.element, make("div", { class: "controls" }, ...controls.map((control) => control.element)), readout, said.element);
  const stop = whenResized(picture, update);
  return () => { stop(); said.stop(); };
}
