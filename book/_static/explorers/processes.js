// Data parallel training on up to 1,024 processes, worked out: computing against the ring all-reduce, hours and energy.

const ROUNDS_OF_TWO = Array.from({ length: 11 }, (_, power) => 2 ** power);

/** Seconds, per cent, hours and kWh of a training: `network` has parameters, multiplyAdds (forward, an image) and images. */
function workedOut(network, { processes, batch, gigabits, delay, watts }, { speed, perMachine, hides }) {
  const compute = 3 * network.multiplyAdds * batch / speed;
  const machines = Math.ceil(processes / perMachine), rounds = 2 * (machines - 1);
  const ring = rounds * (4 * network.parameters / machines / (gigabits * 1e9 / 8) + delay * 1e-6);
  const waits = { nothing: ring, hidden: Math.max(0, ring - hides * compute) };
  const at = (wait) => {
    const hours = network.images / (processes * batch) * (compute + wait) / 3600;
    return { efficiency: 100 * compute / (compute + wait), hours, energy: processes * watts / 1000 * hours };
  };
  return { compute, ring, nothing: at(waits.nothing), hidden: at(waits.hidden) };
}

/** Seconds as they are read: 120 µs, 34 ms, 2.3 s. */
const duration = (seconds) => (seconds === 0 ? "0 ms" : seconds < 1e-3 ? `${number(1e6 * seconds)} µs`
  : seconds < 1 ? `${number(1000 * seconds)} ms` : `${number(seconds)} s`);
/** Hours as they are read. */
const longer = (hours) => (hours < 1 / 60 ? `${number(3600 * hours)} seconds` : hours < 2 ? `${number(60 * hours)} minutes`
  : `${number(hours)} hours`);
const counted = (value, word, words) => `${value.toLocaleString("en-US")} ${value === 1 ? word : words}`;

/** The conclusion, rebuilt from the numbers. */
function processSentences(name, network, now, assumed) {
  const found = workedOut(network, now, assumed), { compute, ring, nothing, hidden } = found;
  const said = [`${name}, ${counted(now.processes, "process", "processes")} with ${counted(now.batch, "image", "images")} each: `
    + `a step takes ${counted(now.processes * now.batch, "image", "images")} in all. It computes for ${duration(compute)}`
    + (ring ? `; the ring takes ${duration(ring)}.` : "; nothing is sent from machine to machine.")];
  if (ring) {
    said.push(`Efficiency: ${number(nothing.efficiency)} % if nothing is hidden, ${number(hidden.efficiency)} % if all that fits is `
      + "hidden behind the way back.");
  }
  said.push(`With nothing hidden the whole training takes ${longer(nothing.hours)} and ${number(nothing.energy)} kWh.`);
  return said;
}

function render({ model, el }) {
  const data = model.get("state");
  const names = Object.keys(data.networks);
  const choices = { network: names, processes: ROUNDS_OF_TWO, batch: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    gigabits: [1, 10, 25, 50, 100, 200, 400, 800], delay: [1, 3, 10, 30, 100, 300, 1000], watts: [30, 60, 100, 200, 300, 400, 700] };
  const now = { ...data.default, ...address.chosen("processes", choices) };

  begin(el, "A thousand processes");
  const picture = make("div", { class: "panels" });
  const readout = make("div");
  const said = conclusion();

  function update() {
    const network = data.networks[now.network];
    const along = ROUNDS_OF_TWO.map((processes) => workedOut(network, { ...now, processes }, data.assumed));
    const sentences = processSentences(now.network, network, now, data.assumed);
    const line = (way, name, dashed) => ({ x: ROUNDS_OF_TWO.map(Math.log2), y: along.map((each) => each[way].efficiency), name,
      dashed, colour: data.kinds[now.network] });
    // A tick stands at a power of two and is written as the number.
    const ticks = ROUNDS_OF_TWO.filter((_, index) => index % 2 === 0)
      .map((processes) => ({ valueOf: () => Math.log2(processes), toString: () => String(processes) }));
    picture.replaceChildren(panel({ title: "Efficiency, %", label: "processes", domain: [0, 10], ticks, range: [0, 100],
      linear: true, lines: [line("hidden", "hidden", false), line("nothing", "waits", true)],
      cursor: Math.log2(now.processes), width: panelWidth(picture, 1), describe: sentences.join(" ") }).svg);
    const { compute, ring, nothing, hidden } = along[ROUNDS_OF_TWO.indexOf(now.processes)];
    readout.replaceChildren(table("The training with these settings, worked out, not measured",
      ["the sum of the gradients", "efficiency", "step", "training", "kWh"],
      [["not hidden", nothing, compute + ring], ["hidden behind the way back", hidden, compute * 100 / hidden.efficiency]].map(
        ([name, way, step]) => [name, `${number(way.efficiency)} %`, duration(step), longer(way.hours), number(way.energy)])));
    said.say(...sentences);
    address.write("processes", Object.keys(choices).map((setting) => now[setting]).join());
  }

  const change = (setting) => (value) => { now[setting] = value; update(); };
  const over = (setting, label, text) => slider(label, choices[setting], now[setting], change(setting), text);
  const controls = [over("processes", "Processes (GPUs)", (value) => value.toLocaleString("en-US")),
    over("batch", "Images a process and step"),
    over("gigabits", `Connection of a machine with ${data.assumed.perMachine}`, (value) => `${value} Gbit/s`),
    over("delay", "Delay of a message", (value) => `${value} µs`),
    over("watts", "Power of a process", (value) => `${value} W`)];
  el.append(picture, choice("Network", names.map((name) => [name, name]), now.network, change("network")).element,
    make("div", { class: "controls" }, ...controls.map((control) => control.element)), readout, said.element);
  const stop = whenResized(picture, update);
  return () => { stop(); said.stop(); };
}
