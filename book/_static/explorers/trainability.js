// Plain networks that start more or less straight: what instruments say before training, and the loss that training reached.

// Name, what it asks, whether its axis is logarithmic.
const INSTRUMENTS = {
  sensitivity: ["noise sensitivity", "what 1% of noise changes in the last block", true],
  alike: ["alikeness", "mean cosine between two images in the last block", false],
  kept: ["kept likeness", "share of the differences between pairs that is kept", true],
  reach: ["reach", "step up to which half of the promise is kept", true],
  agreement: ["agreement of batches", "cosine between two batches' gradients", false],
  pixel_agreement: ["agreement under noise", "cosine between gradients with and without noise", false],
  explosion: ["explosion", "gradient at the first block over that at the last", true],
  probe: ["digit left", "linear classifier on the last block, %", false],
};
const CHANGES = { bias: "batch norm's bias", slope: "leaky ReLU's slope" };
const CHAOTIC = 0.3, COLLAPSED = 0.98;
const doseName = (change, dose) => (dose === 0 ? "0 (ordinary)" : `${change === "bias" ? "bias" : "slope"} ${dose}`);

/** The network at a dose; dose 0 is the same one for both changes. */
const networkAt = (data, kind, depth, change, dose) => data.found[`${kind},${depth},${dose === 0 ? "bias" : change},${dose}`] ?? null;

/** The middle of a list of losses; one that is no number any more (null) counts as the largest. */
function middleLoss(losses) {
  const sorted = losses.map((loss) => loss ?? Infinity).sort((a, b) => a - b), half = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2;
}

/** What the forward pass is like before training. */
const verdict = (here) => (here.sensitivity >= CHAOTIC ? "chaotic" : here.alike >= COLLAPSED ? "collapsed" : "between");

function trainabilitySentences(data, { depth, change, dose }, hidden) {
  const here = networkAt(data, "plain", depth, change, dose), ordinary = networkAt(data, "plain", depth, change, 0);
  const said = [`Plain-${depth}, ${doseName(change, dose)}: ${{
    chaotic: `chaotic. Noise of 1% changes ${number(here.sensitivity)} of what lies between two digits.`,
    collapsed: `collapsed. Two digits have a cosine of ${number(here.alike)} in the last block.`,
    between: `neither chaotic nor collapsed. Noise of 1% changes ${number(here.sensitivity)} of the spread, and two digits have a cosine of ${number(here.alike)}.`,
  }[verdict(here)]}`];
  if (hidden) return [...said, "Will it train? Decide, then show the measurement."];
  const loss = middleLoss(here.losses), before = middleLoss(ordinary.losses);
  said.push(`Training at its best rate, ${here.rate}, ended at a loss of ${number(loss)}`
    + (dose === 0 ? "." : loss < before ? `, 1/${number(before / loss)} of that of the ordinary plain-${depth}.`
      : `, ${number(loss / before)} times that of the ordinary plain-${depth}.`));
  const trained = loss < data.trained;
  if (trained !== (verdict(here) === "between")) {
    said.push(trained ? "It trained all the same: the two numbers are no law." : "It did not train well all the same: the two numbers are no law.");
  }
  return said;
}

function render({ model, el }) {
  const data = model.get("state");
  const names = Object.keys(INSTRUMENTS);
  const choices = { change: Object.keys(CHANGES), depth: data.depths, dose: Object.values(data.doses).flat(), instrument: names };
  const now = { change: "bias", depth: 56, dose: 1, instrument: "sensitivity", ...address.chosen("trainability", choices) };
  if (!data.doses[now.change].includes(now.dose)) now.dose = 0;
  let hidden = true;

  begin(el, "Will it train?");
  const picture = make("div", { class: "panels two" });
  const readout = make("div");
  const said = conclusion();
  const scale = (value, log) => (value === null || value === undefined || !Number.isFinite(value) ? null
    : log ? Math.log10(Math.max(value, 1e-7)) : value);

  /** One line a depth, and that of the residual network of the chosen depth. */
  function lines(value, log) {
    const over = (kind, depth) => {
      const there = data.doses[now.change].map((dose) => [dose, networkAt(data, kind, depth, now.change, dose)]).filter(([, found]) => found);
      return { x: there.map(([dose]) => dose), y: there.map(([, found]) => scale(value(found), log)) };
    };
    const residual = over("residual", now.depth);
    return [...data.depths.map((depth) => ({ ...over("plain", depth), colour: "var(--plain)", thin: depth !== now.depth, name: `plain-${depth}` })),
      ...(now.change === "bias" && residual.x.length ? [{ ...residual, colour: "var(--residual)", name: `res.-${now.depth}` }] : [])];
  }

  function range(shown, log) {
    const values = shown.flatMap((line) => line.y).filter((value) => value !== null);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (log) return [Math.floor(low), Math.max(Math.ceil(high), Math.floor(low) + 1)];
    return now.instrument === "probe" ? [0, 100] : [Math.min(0, Math.floor(10 * low) / 10), 1];
  }

  function update() {
    const sentences = trainabilitySentences(data, now, hidden), doses = data.doses[now.change];
    const [name, asks, log] = INSTRUMENTS[now.instrument];
    const before = lines((found) => found[now.instrument], log), after = lines((found) => middleLoss(found.losses), true);
    const shared = { domain: [doses[0], doses.at(-1)], ticks: doses, cursor: now.dose, width: panelWidth(picture, 2), describe: sentences.join(" "),
      label: now.change === "bias" ? "bias at the start" : "slope" };
    picture.replaceChildren(
      panel({ ...shared, title: `Before: ${name}`, lines: before, range: range(before, log), linear: !log }).svg,
      panel({ ...shared, title: hidden ? "After: training loss?" : "After: training loss", lines: hidden ? [] : after, range: [-3, 1] }).svg);
    const columns = [["plain", now.dose, `plain-${now.depth}, ${doseName(now.change, now.dose)}`],
      ...(now.dose === 0 ? [] : [["plain", 0, "ordinary"]]),
      ...(networkAt(data, "residual", now.depth, "bias", 0) ? [["residual", 0, `residual-${now.depth}`]] : [])];
    const at = ([kind, dose]) => networkAt(data, kind, now.depth, now.change, dose);
    readout.replaceChildren(table("Before training, mean of two seeds; loss: median", ["instrument", ...columns.map((column) => column[2])],
      [...names.map((each) => [INSTRUMENTS[each][0], ...columns.map((column) => number(at(column)[each]))]),
        ["training loss", ...columns.map((column, index) => (hidden && index === 0 ? "?" : number(middleLoss(at(column).losses))))]]));
    note.textContent = `${name}: ${asks}.`;
    show.hidden = !hidden;
    again.hidden = hidden;
    said.say(...sentences);
    address.write("trainability", Object.keys(choices).map((setting) => now[setting]).join());
  }

  const note = make("p", { class: "note" });
  const change = (setting) => (value) => { now[setting] = value; update(); };
  const controls = {
    depth: slider("Depth", data.depths, now.depth, change("depth"), (depth) => `${depth} layers`),
    dose: slider("Dose", data.doses[now.change], now.dose, change("dose"), (dose) => doseName(now.change, dose)),
    change: choice("What is changed", Object.entries(CHANGES), now.change, (value) => {
      now.change = value;
      if (!data.doses[value].includes(now.dose)) now.dose = 0;
      controls.dose.over(data.doses[value]);
      controls.dose.set(now.dose);
      update();
    }),
    instrument: choice("Instrument", names.map((each) => [each, INSTRUMENTS[each][0]]), now.instrument, change("instrument")) };
  const show = button("Show the measurement", () => { hidden = false; update(); again.focus(); });
  const again = button("Predict again", () => { hidden = true; update(); show.focus(); });
  el.append(picture, make("div", { class: "buttons" }, show, again),
    make("div", { class: "controls" }, ...Object.values(controls).map((control) => control.element)), note, readout, said.element);
  const stop = whenResized(picture, update);
  return () => { stop(); said.stop(); };
}
