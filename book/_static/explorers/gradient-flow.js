// Signal, gradients and relative update of four networks, layer by layer.

const MEASURES = [["activation", "Mean square of the signal", "E[x²]"],
  ["gradient", "Gradient of the signal", "‖∂L/∂x‖"], ["weight_gradient", "Gradient of the weights", "‖∂L/∂W‖"],
  ["relative_update", "Relative update, rate 0.1", "‖ηg‖/‖W‖"]];
// Kind and batch norm. The state names a network by its place in this list.
const NETWORKS = [["plain", true], ["residual", true], ["plain", false], ["residual", false]];
const colourOf = (network) => `var(--${NETWORKS[network][0]})`;
const normalised = (network) => NETWORKS[network][1];
const labelOf = (network) => `${NETWORKS[network][0]}${normalised(network) ? " + batch norm" : ", no batch norm"}`;
const steps = (step) => (step === 0 ? "before training" : `after ${step} step${step > 1 ? "s" : ""}`);
const verdict = (ratio) => (ratio > 1000 ? "It explodes." : ratio > 30 ? "It grows." : ratio < 1 / 1000 ? "It vanishes."
  : ratio < 1 / 30 ? "It shrinks." : "It holds.");

function render({ model, el }) {
  const data = model.get("state");
  const now = { depth: 56, step: 0, padding: "zeros", gain: 1, measure: "gradient", layer: 1,
    networks: [0, 1] };
  const linked = (address.read("flow") ?? "").split(",");
  if (linked.length === 6 && data.depths.includes(Number(linked[0]))) {
    const [depth, step, padding, gain, measure, networks] = linked;
    if (data.steps.includes(Number(step))) now.step = Number(step);
    if (data.paddings.includes(padding)) now.padding = padding;
    if (data.gains.includes(Number(gain))) now.gain = Number(gain);
    if (MEASURES.some(([name]) => name === measure)) now.measure = measure;
    now.depth = Number(depth);
    now.networks = [...NETWORKS.keys()].filter((network) => networks.includes(String(network)));
  }
  let kept = null;

  begin(el, "Gradient flow, layer by layer");
  const panels = make("div", { class: "panels" });
  const note = make("p", { class: "note", role: "status" });
  const readout = make("div");
  const said = conclusion();

  const found = (settings, network) =>
    data.values[[network, settings.depth, settings.padding, settings.gain, settings.step].join()] ?? null;
  const list = (settings, network) => (found(settings, network)?.[settings.measure] ?? []).map((value) => (value === null ? null : value / 100));
  const layers = (settings) => Array.from({ length: (settings.depth - 2) / 2 + 1 }, (_, index) => 2 * index + 1);
  const place = () => (now.layer - 1) / 2;
  const measured = (settings) => MEASURES.find(([name]) => name === settings.measure);
  const ratio = (settings, network) => {
    const values = list(settings, network);
    return values.length ? 10 ** (values[0] - values.at(-1)) : null;
  };
  const words = (settings) => `${settings.depth} layers, ${steps(settings.step)}`
    + (settings.padding === "zeros" ? "" : ", no border") + (settings.gain === 1 ? "" : `, gain ${settings.gain}`);

  /** One scale for both panels: whole powers of ten around everything that is drawn. */
  function range() {
    const values = [now, ...(kept ? [kept] : [])].flatMap((settings) => settings.networks.flatMap((network) => list(settings, network)))
      .filter((value) => value !== null);
    if (!values.length) return [-1, 1];
    const low = Math.floor(Math.min(...values)), high = Math.ceil(Math.max(...values));
    return high - low < 2 ? [low - 1, high + 1] : [low, high];
  }

  function picture(settings, width, scale) {
    const end = settings.depth - 1, every = end > 80 ? 20 : end > 30 ? 10 : end > 12 ? 5 : 2;
    const ticks = [1, ...Array.from({ length: Math.floor((end - every / 2) / every) }, (_, index) => (index + 1) * every), end];
    const lines = settings.networks.map((network) => ({
      x: layers(settings), y: list(settings, network), colour: colourOf(network), dashed: !normalised(network),
      name: `${NETWORKS[network][0]}${normalised(network) ? " + norm" : ""}` }));
    return panel({ title: `${width < 420 ? measured(settings)[2] : measured(settings)[1]}: ${words(settings)}`,
      label: "layer", domain: [1, end], ticks, lines, range: scale, width, cursor: settings === now ? now.layer : undefined,
      describe: sentences(settings).join(" ") });
  }

  function sentences(settings) {
    const measure = measured(settings)[1].split(",")[0].toLowerCase();
    return settings.networks.map((network) => {
      const who = `The ${NETWORKS[network][0]} network ${normalised(network) ? "with" : "without"} batch norm`;
      const value = ratio(settings, network), loss = found(settings, network)?.loss;
      if (value === null) return `${who} has stopped: its loss is no longer a finite number.`;
      return `${who}: the ${measure} at the first layer is ${times(value)} that at the last. ${verdict(value)}`
        + ` Loss ${number(loss)}.`;
    });
  }

  function update() {
    const width = panelWidth(panels, kept ? 2 : 1), scale = range(), drawn = picture(now, width, scale);
    panels.classList.toggle("two", Boolean(kept));
    panels.replaceChildren(drawn.svg, ...(kept ? [picture(kept, width, scale).svg] : []));
    const follow = (event) => {
      now.layer = 2 * Math.round((drawn.at(event.clientX) - 1) / 2) + 1;
      controls.layer.set(now.layer);
      update();
    };
    drawn.svg.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") follow(event); });
    drawn.svg.addEventListener("pointerdown", follow);
    readout.replaceChildren(table(`Layer ${now.layer} of ${now.depth}, ${words(now)}`,
      ["network", "here", "first over last", "loss"],
      now.networks.map((network) => {
        const here = list(now, network)[place()], whole = ratio(now, network);
        return [[key(colourOf(network), !normalised(network)), ` ${labelOf(network)}`],
          number(here === undefined ? null : 10 ** here), whole === null ? "stopped" : number(whole),
          number(found(now, network)?.loss)];
      })));
    said.say(...(now.networks.length ? sentences(now) : ["Choose a network."]));
    address.write("flow", [now.depth, now.step, now.padding, now.gain, now.measure,
      now.networks.join("")].join());
  }

  function change(setting, value) {
    now[setting] = value;
    note.textContent = "";
    const recorded = "Training was recorded with zero padding and gain 1";
    if (setting === "step" && value > 0 && (now.padding !== "zeros" || now.gain !== 1)) {
      Object.assign(now, { padding: "zeros", gain: 1 });
      note.textContent = `${recorded}: these are set.`;
    } else if ((setting === "padding" || setting === "gain") && now.step > 0 && (now.padding !== "zeros" || now.gain !== 1)) {
      now.step = 0;
      note.textContent = `${recorded}: the picture shows the time before training.`;
    }
    controls.layer.over(layers(now));
    now.layer = Math.min(now.layer, now.depth - 1);
    for (const name of ["layer", "step", "padding", "gain"]) controls[name].set(now[name]);
    update();
  }

  const controls = {
    layer: slider("Layer under the line", layers(now), now.layer, (value) => { now.layer = value; update(); }, (layer) => `${layer}`),
    depth: slider("Depth", data.depths, now.depth, (value) => change("depth", value), (depth) => `${depth} layers`),
    step: slider("Training", data.steps, now.step, (value) => change("step", value), steps),
    gain: slider("Gain of the initial weights", data.gains, now.gain, (value) => change("gain", value),
      (gain) => (gain === 1 ? "1, He initialisation" : `${gain} times He initialisation`)),
    padding: choice("Padding", [["zeros", "zeros: a border"], ["circular", "circular: none"]], now.padding, (value) => change("padding", value)),
    measure: choice("Measure", MEASURES.map(([name, text, symbol]) => [name, `${text} ${symbol}`]), now.measure, (value) => change("measure", value)),
    networks: several("Networks", NETWORKS.map((_, network) => [network, [
      key(colourOf(network), !normalised(network)), make("span", {}, labelOf(network))]]),
    now.networks, (value) => change("networks", value)),
  };
  const release = button("Remove it", () => { kept = null; release.hidden = true; update(); });
  release.hidden = true;
  const keep = button("Keep this picture beside the next", () => {
    kept = { ...now, networks: [...now.networks] };
    release.hidden = false;
    update();
  });
  el.append(panels, make("div", { class: "controls" }, controls.layer.element, controls.depth.element, controls.step.element,
    controls.gain.element), make("div", { class: "controls" }, controls.networks.element, controls.padding.element),
  controls.measure.element, note, make("div", { class: "buttons" }, keep, release), readout, said.element);
  const stop = whenResized(panels, update);
  return () => { stop(); said.stop(); };
}
