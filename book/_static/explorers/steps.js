// A trained network whose blocks are taken in several steps: the recorded accuracy for each stage's copies and strength.

const STAGES = ["stage 1", "stage 2", "stage 3"];
const strengths = { 0.25: "¼", 0.5: "½", 1: "1" };
const strength = (size) => strengths[size] ?? String(size);

/** Accuracy in per cent, read by the final classifier after each block of the last stage; the last number is the network's own. */
function readings(data, network, statistics, plan) {
  const { copies, sizes } = data, settings = copies.length * sizes.length;
  const place = plan.reduce((total, [count, size]) => total * settings + copies.indexOf(count) * sizes.length + sizes.indexOf(size), 0);
  const width = network[statistics].length / settings ** plan.length;
  return network[statistics].slice(place * width, (place + 1) * width).map((wrong) => 100 - 100 * wrong / network.images);
}

/** Where the steps of one block begin and end, in units of what one block does. */
function moments([count, size]) {
  return Array.from({ length: count + 1 }, (_, index) => index * size);
}

const asTrained = [[1, 1], [1, 1], [1, 1]];
const same = (one, other) => one.every((pair, index) => pair.every((value, place) => value === other[index][place]));
const said = ([count, size]) => `${count === 1 ? "one step" : `${count} steps`} of ${strength(size)}`;

function stepSentences(data, network, statistics, plan) {
  const now = readings(data, network, statistics, plan), whole = readings(data, network, "stored", asTrained).at(-1);
  const other = statistics === "stored" ? "recomputed" : "stored";
  if (same(plan, asTrained)) {
    return [`${network.name} as trained, one step a block: ${number(now.at(-1))} % right.`,
      `Read by the final classifier after each block of stage 3: ${now.map((value) => `${number(value)} %`).join(", ")}.`];
  }
  const times = plan.map(([count, size]) => count * size), off = STAGES.filter((_, index) => times[index] !== 1);
  const equal = plan.every((pair) => same([pair], [plan[0]]));
  return [`${network.name}, ${equal ? `${said(plan[0])} for each ordinary block` : plan.map((pair, index) => `${STAGES[index]} ${said(pair)}`).join(", ")}: `
    + `${number(now.at(-1))} % right, as trained ${number(whole)} %.`,
  off.length ? `In ${off.join(" and ")} this is not the way of one block: ${off.map((name) => `${number(times[STAGES.indexOf(name)])} of it`).join(" and ")}.`
    : "Each block goes its whole way, in finer steps.",
  `With ${other} statistics it would be ${number(readings(data, network, other, plan).at(-1))} %.`];
}

const STEPS_STYLE = `
.explorer .stages { display: grid; gap: .75rem 1.5rem; grid-template-columns: minmax(0, 1fr); margin: .75rem 0; }
@container (min-width: 34rem) { .explorer .stages { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
.explorer .stages .name { font-size: .9375rem; font-weight: 600; }
`;

/** The way of one block in each stage: an arrow a step, and a line where the block itself would end. */
function ways({ plan, colour, width, describe }) {
  const height = 168, left = 62, top = 34, end = 4, row = 42;
  const x = (value) => left + (width - left - 12) * value / end;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": describe });
  svg.append(draw("text", { class: "title", x: 0, y: 13 }, "Steps for one block (its way: 1)"));
  [0, 1, 2, 3, 4].forEach((tick) => svg.append(
    draw("line", { class: tick === 1 ? "cursor" : "grid", x1: x(tick), x2: x(tick), y1: top - 8, y2: height - 24 }),
    draw("text", { x: x(tick), y: height - 8, "text-anchor": "middle" }, String(tick))));
  plan.forEach((pair, index) => {
    const y = top + 12 + row * index, places = moments(pair);
    svg.append(draw("text", { x: left - 10, y: y + 4, "text-anchor": "end" }, STAGES[index]),
      draw("line", { x1: x(0), x2: x(places.at(-1)), y1: y, y2: y, stroke: colour, "stroke-width": 2.25 }));
    places.slice(1).forEach((place) => svg.append(
      draw("path", { d: `M${x(place) - 7} ${y - 5}L${x(place)} ${y}L${x(place) - 7} ${y + 5}`, fill: "none", stroke: colour, "stroke-width": 2.25 })));
  });
  return svg;
}

function render({ model, el }) {
  const data = model.get("state"), networks = data.networks;
  const kinds = { stored: "as in training", recomputed: "recomputed" };
  const choices = { network: networks.map((each) => each.name), statistics: Object.keys(kinds),
    c1: data.copies, s1: data.sizes, c2: data.copies, s2: data.sizes, c3: data.copies, s3: data.sizes };
  const now = { network: networks[0].name, statistics: "stored", c1: 2, s1: 0.5, c2: 2, s2: 0.5, c3: 2, s3: 0.5,
    ...address.chosen("steps", choices) };

  begin(el, "Take each block in steps");
  el.append(make("style", {}, STEPS_STYLE));
  const picture = make("div", { class: "panels two" });
  const spoken = conclusion();
  const plan = () => [1, 2, 3].map((stage) => [now[`c${stage}`], now[`s${stage}`]]);

  function update() {
    const network = networks.find((each) => each.name === now.network), found = readings(data, network, now.statistics, plan());
    const sentences = stepSentences(data, network, now.statistics, plan()), width = panelWidth(picture, 2);
    const places = found.map((_, index) => index + 1), before = readings(data, network, "stored", asTrained);
    picture.replaceChildren(
      ways({ plan: plan(), colour: network.colour, width, describe: sentences[0] }),
      panel({ title: "Right (%), read in stage 3", label: "block of stage 3", domain: [1, found.length], ticks: places,
        range: [0, 100], linear: true, width, height: 200, describe: sentences.join(" "), lines: [
          { x: places, y: before, colour: "var(--muted)", fine: true, dashed: true, name: "as trained" },
          { x: places, y: found, colour: network.colour, name: "now" }] }).svg);
    spoken.say(...sentences);
    address.write("steps", Object.keys(choices).map((setting) => now[setting]).join());
  }

  const sliders = {};
  const stages = make("div", { class: "stages" }, ...[1, 2, 3].map((stage) => {
    const each = (setting, label, values, text) => {
      sliders[setting] = slider(label, values, now[setting], (value) => { now[setting] = value; update(); }, text);
      return sliders[setting].element;
    };
    return make("div", { role: "group", "aria-label": STAGES[stage - 1] },
      each(`c${stage}`, `Stage ${stage}: copies`, data.copies, String), each(`s${stage}`, `Stage ${stage}: strength`, data.sizes, strength));
  }));
  const everywhere = (copies, size) => () => {
    for (const stage of [1, 2, 3]) {
      Object.assign(now, { [`c${stage}`]: copies, [`s${stage}`]: size });
      sliders[`c${stage}`].set(copies);
      sliders[`s${stage}`].set(size);
    }
    update();
  };
  const presets = make("div", { class: "buttons" }, ...[["As trained", 1, 1], ["Two halves", 2, 0.5], ["One half", 1, 0.5], ["Two whole", 2, 1]]
    .map(([name, copies, size]) => button(name, everywhere(copies, size))));
  const network = choice("Network", networks.map(({ name, colour }) => [name, [key(colour), ` ${name}`]]), now.network,
    (value) => { now.network = value; update(); });
  const statistics = choice("Statistics of batch norm", Object.entries(kinds), now.statistics, (value) => { now.statistics = value; update(); });
  el.append(picture, spoken.element, presets, stages, make("div", { class: "controls" }, network.element, statistics.element));
  const stop = whenResized(picture, update);
  return () => { stop(); spoken.stop(); };
}
