// A trained network for another task: accuracy against labelled images a class, by case and by what is trained.

// Name, short name on the picture, what it starts from, whether its line is dashed.
const METHODS = {
  pixels: ["logistic regression on pixels", "pixels", "pixels", false],
  nearest: ["nearest neighbour on pixels", "nearest", "pixels", true],
  "random, probe": ["random network: classifier only", "rand. probe", "random", true],
  "random, last stage": ["random network: last stage", "rand. stage", "random", true],
  scratch: ["from scratch: all", "scratch", "random", false],
  probe: ["classifier only (probe)", "probe", "trained", true],
  "last stage": ["last stage", "last stage", "trained", true],
  norms: ["batch norms", "norms", "trained", true],
  LoRA: ["low-rank additions (LoRA)", "LoRA", "trained", true],
  gradual: ["all, unfrozen gradually", "gradual", "trained", false],
  discriminative: ["all, slower towards the input", "discrim.", "trained", false],
  full: ["all", "full", "trained", false],
  "frozen statistics": ["all, frozen statistics", "frozen", "trained", false],
};
const COLOURS = { pixels: "var(--ink)", random: "var(--muted)", trained: "var(--residual)" };
const STARTS = { pixels: "no network", random: "random weights", trained: "a trained network" };
const percent = (value) => `${number(value)}\u00a0%`;
const labelled = (count) => `${count} ${count === 1 ? "label" : "labels"} a class`;

/** The method that is best at place `index` among those that start from one of `starts`. */
function leader(found, names, starts, index, measure = "accuracy") {
  const among = names.filter((name) => found.methods[name]?.[measure] && starts.includes(METHODS[name][2]));
  if (!among.length) return null;
  return among.reduce((best, name) =>
    (found.methods[name][measure][index][0] > found.methods[best][measure][index][0] ? name : best), among[0]);
}

/** The conclusion, rebuilt from the numbers that are shown. */
function transferSentences(found, names, index, measure) {
  const at = (name, place = index) => found.methods[name][measure][place];
  const every = Object.keys(STARTS);
  const first = leader(found, names, every, index, measure);
  if (!first) return ["Nothing is shown. Choose what is trained."];
  const best = `With ${labelled(found.labels[index])}, the best of what is shown is “${METHODS[first][0]}” (${STARTS[METHODS[first][2]]}): `
    + `${percent(at(first)[0])}, over ${found.seeds} seeds ${number(at(first)[1])} to ${number(at(first)[2])}.`;
  if (measure === "old") {
    const worst = names.filter((name) => found.methods[name]?.old)
      .reduce((least, name) => (least === null || at(name)[0] < at(least)[0] ? name : least), null);
    return [`The old task, with its old classifier: “${METHODS[first][0]}” keeps most, ${percent(at(first)[0])} of the images; `
      + `“${METHODS[worst][0]}” keeps ${percent(at(worst)[0])}. Before, it was ${percent(found.before)}.`];
  }
  const gains = found.labels.map((_, place) => {
    const [own, other] = [leader(found, names, ["trained"], place), leader(found, names, ["pixels", "random"], place)];
    return own && other ? at(own, place)[0] - at(other, place)[0] : null;
  });
  if (gains.includes(null)) return [best];
  const wins = gains.map((gain) => gain > 0);
  const from = wins.indexOf(false);
  const gain = `The best with a trained network against the best without: ${gains.map((each, place) =>
    `${each < 0 ? "−" : "+"}${number(Math.abs(each))}`).join(", ")} points with ${found.labels.join(", ")} labels.`;
  const crossing = from === -1 ? "The lines do not cross: the trained network leads at every number of labels."
    : from === 0 ? (wins.includes(true) ? "They cross, and with the fewest labels the trained network does not lead."
      : "The lines do not cross: the trained network leads nowhere.")
      : wins.slice(from).includes(true) ? `They cross more than once, first between ${found.labels[from - 1]} and ${found.labels[from]} labels a class.`
        : `They cross between ${found.labels[from - 1]} and ${found.labels[from]} labels a class.`;
  return [best, gain, crossing];
}

function render({ model, el }) {
  const { cases } = model.get("state");
  const titles = Object.keys(cases);
  const all = Object.keys(METHODS);
  const measures = { accuracy: "the new task", old: "the old task" };
  const every = [...new Set(titles.flatMap((title) => cases[title].labels))].sort((a, b) => a - b);
  const now = { title: titles[0], measure: "accuracy", labels: 3, names: ["pixels", "scratch", "probe", "last stage", "full"] };
  const linked = (address.read("transfer") ?? "").split("~");
  if (linked.length === 4 && titles.includes(linked[0]) && linked[1] in measures && every.includes(Number(linked[2]))) {
    Object.assign(now, { title: linked[0], measure: linked[1], labels: Number(linked[2]),
      names: all.filter((name) => linked[3].split("+").includes(name)) });
  }

  begin(el, "Labels against accuracy");
  const picture = make("div", { class: "panels" });
  const readout = make("div");
  const said = conclusion();

  function update() {
    const found = cases[now.title];
    if (!found.labels.includes(now.labels)) now.labels = found.labels.at(-1);
    controls.labels.over(found.labels);
    controls.labels.set(now.labels);
    controls.names.element.querySelectorAll("input").forEach((input) => { input.disabled = !(input.value in found.methods); });
    const index = found.labels.indexOf(now.labels);
    const names = now.names.filter((name) => found.methods[name]?.[now.measure]);
    const sentences = transferSentences(found, names, index, now.measure);
    const lines = names.map((name) => {
      const values = found.methods[name][now.measure], [, short, start, dashed] = METHODS[name];
      const list = (which) => values.map((value) => value[which]);
      return { x: found.labels.map(Math.log10), y: list(0), low: list(1), high: list(2), name: short, dashed, colour: COLOURS[start],
        fine: name !== "full" && name !== "scratch" && name !== "pixels" };
    });
    const least = Math.min(90, ...lines.flatMap((line) => line.low));
    const ticks = found.labels.map((count) => ({ valueOf: () => Math.log10(count), toString: () => String(count) }));
    picture.replaceChildren(panel({ title: `Accuracy on ${measures[now.measure]}, %`, label: "labelled images a class",
      domain: [0, Math.log10(found.labels.at(-1))], ticks, range: [10 * Math.floor(least / 10), 100], linear: true, lines,
      cursor: Math.log10(now.labels), width: panelWidth(picture, 1), height: 340, describe: sentences.join(" ") }).svg);
    const cell = (name, measure) => {
      const value = found.methods[name][measure]?.[index];
      return value ? `${number(value[0])}\u00a0% (${number(value[1])} to ${number(value[2])})` : "–";
    };
    readout.replaceChildren(names.length ? table(
      `${now.title}, ${labelled(now.labels)}: median, least and most of ${found.seeds} seeds; each at its own best learning rate`,
      ["trained", "new task", "old task", "numbers trained", "seconds"],
      names.map((name) => [[key(COLOURS[METHODS[name][2]], METHODS[name][3]), ` ${METHODS[name][0]}`], cell(name, "accuracy"),
        cell(name, "old"), found.methods[name].numbers === null ? "–" : found.methods[name].numbers.toLocaleString("en-US"),
        found.methods[name].seconds ? number(found.methods[name].seconds[index]) : "–"])) : "");
    said.say(...sentences);
    address.write("transfer", [now.title, now.measure, now.labels, now.names.join("+")].join("~"));
  }

  const change = (setting) => (value) => { now[setting] = value; update(); };
  const controls = {
    labels: slider("Labelled images a class", cases[now.title].labels, now.labels, change("labels")),
    title: choice("From what to what", titles.map((title) => [title, title]), now.title, change("title")),
    measure: choice("Accuracy on", Object.entries(measures), now.measure, change("measure")),
    names: several("What is trained", all.map((name) => [name, [key(COLOURS[METHODS[name][2]], METHODS[name][3]), METHODS[name][0]]]),
      now.names, change("names")),
  };
  el.append(picture, controls.labels.element, controls.title.element, controls.measure.element, controls.names.element, readout,
    said.element);
  const stop = whenResized(picture, update);
  return () => { stop(); said.stop(); };
}
