// Training and test curves of plain and residual networks by depth, learning rate and seed.

const EPOCHS = [1, 2, 3, 4, 5, 6, 7, 8];
const colourOf = (kind) => `var(--${kind})`;
const setting = (kind, depth, rate) => `${kind},${depth},${rate}`;

/** One entry an epoch: [least, median, most] over the seeds that have not diverged. */
function spread(seeds) {
  const alive = seeds.filter((seed) => seed !== null);
  return alive.length ? alive[0].map((_, epoch) => {
    const values = alive.map((seed) => seed[epoch]);
    return [Math.min(...values), median(values), Math.max(...values)];
  }) : [];
}

function render({ model, el }) {
  const data = model.get("state");
  const kinds = ["plain", "residual"];
  const now = { kind: "plain", depth: 56, rate: 0.1, each: false };
  const linked = (address.read("laboratory") ?? "").split(",");
  if (data.runs[linked.join()]) Object.assign(now, { kind: linked[0], depth: Number(linked[1]), rate: Number(linked[2]) });
  let reference = { kind: "plain", depth: 20, rate: 0.1 };
  const prediction = { loss: 0.1, of: null };   // `of`: the setting that it was made for, once it is made
  let hidden = true;

  begin(el, "Degradation laboratory");
  const panels = make("div", { class: "panels two" });
  const readout = make("div");
  const said = conclusion();
  const note = make("p", { class: "note", role: "status" });

  const find = ({ kind, depth, rate }) => data.runs[setting(kind, depth, rate)] ?? null;
  const name = ({ kind, depth, rate }) => `${kind}-${depth} at ${rate}`;
  const same = (a, b) => a && b && setting(a.kind, a.depth, a.rate) === setting(b.kind, b.depth, b.rate);
  const log = (value) => (value === null ? null : Math.log10(Math.max(value, 1e-6)));

  function lines(of, result, transform) {
    const runs = find(of);
    if (!runs || (hidden && same(of, now))) return [];
    const band = spread(runs[result]), colour = colourOf(of.kind);
    const middle = { x: EPOCHS, y: band.map((values) => transform(values[1])), colour, name: `${of.kind}-${of.depth}` };
    if (!now.each) return [{ ...middle, low: band.map((values) => transform(values[0])), high: band.map((values) => transform(values[2])) }];
    return [...runs[result].filter(Boolean).map((seed) => ({ x: EPOCHS, y: seed.map(transform), colour, thin: true })), middle];
  }

  function predicted() {
    if (!prediction.of) return [];
    const start = spread(find(prediction.of)?.train_loss ?? [])[0];
    return start ? [{ x: [1, 8], y: [log(start[1]), log(prediction.loss)], colour: "var(--predict)", prediction: true, name: "you" }] : [];
  }

  function update() {
    const width = panelWidth(panels, 2);
    const shown = same(now, reference) ? [now] : [reference, now];
    const loss = shown.flatMap((of) => lines(of, "train_loss", log));
    const error = shown.flatMap((of) => lines(of, "test_error", (value) => value));
    const described = sentences().join(" ");
    const asked = hidden ? [{ x: [1, 8], y: [log(2.3), log(prediction.loss)], colour: "var(--predict)", prediction: true, name: "you?" }] : predicted();
    panels.replaceChildren(
      panel({ title: "Training loss", label: "epoch", domain: [1, 8], ticks: EPOCHS, lines: [...loss, ...asked], range: [-4, 1],
        width, describe: described }).svg,
      panel({ title: "Test error, %", label: "epoch", domain: [1, 8], ticks: EPOCHS, lines: error, range: [0, 100], linear: true,
        width, describe: described }).svg);
    readout.replaceChildren(table("After eight epochs, median of the seeds (least to most)",
      ["network", "seeds", "training loss", "training error", "test error"], shown.map((of) => row(of))));
    for (const [rate, input] of controls.rate.inputs.map((input, index) => [data.rates[index], input])) {
      input.disabled = !data.runs[setting(now.kind, now.depth, rate)];
    }
    asking.hidden = !hidden;
    show.hidden = !hidden;
    again.hidden = hidden;
    said.say(...sentences());
    address.write("laboratory", setting(now.kind, now.depth, now.rate));
  }

  function row(of) {
    const runs = find(of), unknown = hidden && same(of, now);
    const cell = (values, unit) => {
      if (unknown) return "?";
      const alive = values.filter((value) => value !== null);
      return `${number(median(values))}${unit} (${number(Math.min(...alive))} to ${number(Math.max(...alive))})`;
    };
    const last = (result) => runs[result].map((seed) => (seed === null ? null : seed.at(-1)));
    return [[key(colourOf(of.kind)), ` ${name(of)}`],
      String(runs.final_loss.length), cell(runs.final_loss, ""), cell(runs.final_error, " %"), cell(last("test_error"), " %")];
  }

  function sentences() {
    if (hidden) return [`${name(now)}, eight epochs: what will its training loss be? For comparison, ${name(reference)} ends at ${number(median(find(reference).final_loss))}.`];
    const mine = median(find(now).final_loss), other = median(find(reference).final_loss);
    const found = [`${name(now)} ends at a training loss of ${number(mine)}, a training error of ${number(median(find(now).final_error))} %.`];
    if (!same(now, reference) && mine !== null && other !== null) {
      found.push(mine > other ? `That is ${number(mine / other)} times the loss of ${name(reference)}.` : `That is 1/${number(other / mine)} of the loss of ${name(reference)}.`);
      if (now.kind === reference.kind && now.depth > reference.depth && mine > 1.5 * other) {
        found.push("The deeper network fits its training images worse: this is not overfitting.");
      }
    }
    if (same(prediction.of, now)) found.push(`You predicted ${number(prediction.loss)}.`);
    return found;
  }

  function change(part, value) {
    Object.assign(now, { [part]: value });
    note.textContent = "";
    if (!find(now)) {
      now.rate = data.rates.filter((rate) => find({ ...now, rate })).at(-1);
      note.textContent = `No run was recorded there; the rate is ${now.rate}.`;
    }
    controls.rate.set(now.rate);
    update();
  }

  const controls = {
    depth: slider("Depth", data.depths, now.depth, (value) => change("depth", value), (depth) => `${depth} layers`),
    kind: choice("Network", kinds.map((kind) => [kind, kind]), now.kind, (value) => change("kind", value)),
    rate: choice("Highest learning rate", data.rates.map((rate) => [rate, String(rate)]), now.rate, (value) => change("rate", value)),
    seeds: choice("Seeds", [[false, "median and range"], [true, "each seed"]], now.each, (value) => { now.each = value; update(); }),
  };
  const losses = Array.from({ length: 51 }, (_, index) => 10 ** (-4 + index / 10)).map((loss) => Number(loss.toPrecision(2)));
  const guess = slider("Your prediction: training loss after eight epochs", losses, prediction.loss, (value) => { prediction.loss = value; update(); }, number);
  const asking = make("div", {}, guess.element);
  const show = button("Show the measurement", () => { prediction.of = { ...now }; hidden = false; update(); again.focus(); });
  const again = button("Predict again", () => { prediction.of = null; hidden = true; update(); guess.input.focus(); });
  const keep = button("Compare with this one", () => { reference = { ...now }; update(); });
  el.append(panels, asking, make("div", { class: "buttons" }, show, again, keep),
    make("div", { class: "controls" }, controls.depth.element, controls.kind.element, controls.rate.element, controls.seeds.element),
    note, readout, said.element);
  const stop = whenResized(panels, update);
  return () => { stop(); said.stop(); };
}
