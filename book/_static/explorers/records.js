// Whole trainings beside each other: curves, layer responses and gradients, chosen by recipe, kind, depth and rate.

// Name, title of a panel, whether its axis is logarithmic, what its x axis counts.
const MEASURES = {
  train_error: ["Training error", "Training error, %", false, "epoch"],
  test_error: ["Test error", "Test error, %", false, "epoch"],
  train_loss: ["Training loss", "Training loss", true, "epoch"],
  responses: ["Responses of the layers", "Response, standard deviation", false, "layer"],
  gradient: ["Gradient of the signal ‖∂L/∂x‖", "Gradient ‖∂L/∂x‖", true, "layer"],
  weight_gradient: ["Gradient of the weights ‖∂L/∂W‖", "Gradient ‖∂L/∂W‖", true, "layer"],
};
const IN_MOMENTS = ["gradient", "weight_gradient"];
const MOMENTS = ["before training", "after the first epoch", "half way", "after the last epoch"];
const places = (line, measure) =>
  ({ responses: line.layers, gradient: line.states, weight_gradient: line.kernels })[measure] ?? line.epochs;

/** [median, least, most] of what is drawn, each a list or missing; exponents of ten where the axis is logarithmic. */
function values(line, measure, moment) {
  if (IN_MOMENTS.includes(measure)) {
    const found = line[measure][Math.min(moment, line[measure].length - 1)];
    return [found.map((value) => (value === null ? null : value / 100))];
  }
  if (!MEASURES[measure][2]) return line[measure];
  return line[measure].map((list) => list.map((value) => (value > 0 ? Math.log10(value) : null)));
}

/** From and to of the axis: whole powers of ten, or from zero to a little more than the largest. */
function rangeOf(lines, measure, moment) {
  const all = lines.flatMap((line) => values(line, measure, moment).flat()).filter((value) => value !== null);
  if (!all.length) return [0, 1];
  if (!MEASURES[measure][2]) return [0, 1.05 * Math.max(...all)];
  const low = Math.floor(Math.min(...all)), high = Math.ceil(Math.max(...all));
  return high > low ? [low, high] : [low - 1, high + 1];
}

/** What was measured at the place that is nearest to `at`, as a number. */
function valueAt(line, measure, moment, at) {
  const there = places(line, measure), list = values(line, measure, moment)[0];
  const nearest = there.reduce((best, place, index) =>
    (Math.abs(place - at) < Math.abs(there[best] - at) ? index : best), 0);
  return list[nearest] === null ? null : MEASURES[measure][2] ? 10 ** list[nearest] : list[nearest];
}

const last = (line, measure) => line[measure][0].at(-1);
const seeds = (count) => (count === 1 ? "one seed" : `${count} seeds`);
const spread = (line, measure) => `${number(last(line, measure))}\u00a0%`
  + (line.seeds > 1 ? ` (${number(line[measure][1].at(-1))} to ${number(line[measure][2].at(-1))})` : "");

/** A sentence or two for each kind of network: its shallowest and its deepest one, each at the best of the shown rates. */
function compared(lines) {
  return [...new Set(lines.map((line) => line.kind))].map((kind) => {
    const best = new Map();
    for (const line of lines.filter((each) => each.kind === kind)) {
      const before = best.get(line.depth);
      if (!before || last(line, "train_error") < last(before, "train_error")) best.set(line.depth, line);
    }
    const depths = [...best.keys()].sort((a, b) => a - b);
    const shallow = best.get(depths[0]), deep = best.get(depths.at(-1));
    const told = (line) => `${number(last(line, "train_error"))}\u00a0% (${seeds(line.seeds)})`;
    const start = `${kind}: ${deep.depth} layers end at a training error of ${told(deep)}`;
    if (deep === shallow) return `${start}.`;
    return `${start}, ${shallow.depth} layers at ${told(shallow)}. The deeper network fits its training images `
      + `${last(deep, "train_error") > last(shallow, "train_error") ? "worse" : "better"}.`;
  });
}

function render({ model, el }) {
  const all = model.get("state").lines;
  const unique = (key, lines = all) => [...new Set(lines.map((line) => line[key]))];
  const label = (line) => `${line.data}, ${line.recipe}`;
  const recipes = [...new Set(all.map(label))];
  const kinds = unique("kind"), depths = unique("depth").sort((a, b) => a - b), rates = unique("rate").sort((a, b) => a - b);
  const often = (list) => list.reduce((best, each) =>
    (list.filter((other) => other === each).length > list.filter((other) => other === best).length ? each : best), list[0]);
  const now = { recipe: often(all.map(label)), kinds: kinds.filter((kind) => ["plain", "residual"].includes(kind)), depths,
    rates, measure: "train_error", moment: 0, place: 1 };
  if (!now.kinds.length) now.kinds = kinds;
  now.rates = [often(all.filter((line) => label(line) === now.recipe).map((line) => line.rate))];
  const linked = (address.read("records") ?? "").split("~");
  if (linked.length === 6 && recipes.includes(linked[0]) && linked[4] in MEASURES) {
    const among = (known, text) => known.filter((value) => text.split("+").includes(String(value)));
    Object.assign(now, { recipe: linked[0], kinds: among(kinds, linked[1]), depths: among(depths, linked[2]),
      rates: among(rates, linked[3]), measure: linked[4] });
    if (MOMENTS[Number(linked[5])]) now.moment = Number(linked[5]);
  }
  const wide = all.filter((line) => label(line) === now.recipe).map((line) => places(line, now.measure).at(-1));
  now.place = Math.ceil(Math.max(...wide) / 2);

  begin(el, "Recorded trainings");
  const panels = make("div", { class: "panels" });
  const readout = make("div");
  const said = conclusion();

  const shown = () => all.filter((line) => label(line) === now.recipe && now.kinds.includes(line.kind)
    && now.depths.includes(line.depth) && now.rates.includes(line.rate));
  const name = (line) => `${line.kind}-${line.depth}`.replace(/^(\S+)( .*)-(\d+)$/, "$1-$3$2");
  const colour = (line) => `var(--${line.colour}, var(--${line.kind.split(" ")[0]}))`;
  const end = (lines) => Math.max(2, ...lines.flatMap((line) => places(line, now.measure)));
  const counts = () => MEASURES[now.measure][3];

  function picture(kind, lines, width, range) {
    const mine = lines.filter((line) => line.kind === kind), to = end(lines);
    const deepest = Math.max(...mine.map((line) => line.depth));
    const several = new Set(lines.map((line) => line.rate)).size > 1;
    const every = to > 80 ? 40 : to > 30 ? 10 : to > 12 ? 5 : 2;
    const ticks = [1, ...Array.from({ length: Math.floor((to - every / 2) / every) }, (_, index) => (index + 1) * every), to]
      .filter((tick, index, list) => list.indexOf(tick) === index);
    const drawn = mine.map((line) => {
      const [middle, low, high] = values(line, now.measure, now.moment);
      return { x: places(line, now.measure), y: middle, low, high, colour: colour(line), fine: line.depth !== deepest,
        name: `${line.depth}${several ? `, ${line.rate}` : ""}` };
    });
    const title = `${MEASURES[now.measure][1]}: ${kind}`;
    return panel({ title, label: counts(), domain: [1, to], ticks, lines: drawn, range, linear: !MEASURES[now.measure][2],
      width, cursor: Math.min(now.place, to), describe: `${title}. ${compared(mine).join(" ")}` });
  }

  function update() {
    const lines = shown(), range = rangeOf(lines, now.measure, now.moment);
    const there = kinds.filter((kind) => lines.some((line) => line.kind === kind));
    const width = panelWidth(panels, there.length);
    panels.classList.toggle("two", there.length > 1);
    panels.replaceChildren(...there.map((kind) => {
      const drawn = picture(kind, lines, width, range);
      const follow = (event) => {
        now.place = Math.round(drawn.at(event.clientX));
        controls.place.set(now.place);
        update();
      };
      drawn.svg.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") follow(event); });
      drawn.svg.addEventListener("pointerdown", follow);
      return drawn.svg;
    }));
    controls.moment.element.hidden = !IN_MOMENTS.includes(now.measure);
    for (const [part, property] of [["kinds", "kind"], ["depths", "depth"], ["rates", "rate"]]) {
      const there = all.filter((line) => label(line) === now.recipe).map((line) => String(line[property]));
      controls[part].element.querySelectorAll("input").forEach((input) => { input.disabled = !there.includes(input.value); });
    }
    const flow = IN_MOMENTS.includes(now.measure) ? `, ${MOMENTS[now.moment]}` : "";
    const unit = now.measure.endsWith("error") ? "\u00a0%" : "";
    readout.replaceChildren(lines.length ? table(
      `${MEASURES[now.measure][0]}${flow}, and both errors after the last step; ${now.recipe}`,
      ["network", "rate", "seeds", `at ${counts()} ${now.place}`, "training error", "test error"],
      lines.map((line) => [[key(colour(line)), ` ${name(line)}`], String(line.rate), String(line.seeds),
        `${number(valueAt(line, now.measure, now.moment, now.place))}${unit}`, spread(line, "train_error"),
        spread(line, "test_error")])) : "");
    said.say(...(lines.length ? compared(lines) : ["No training is recorded with these settings. "
      + "python -m resnet_lib train --help says how to make one."]));
    address.write("records", [now.recipe, now.kinds.join("+"), now.depths.join("+"), now.rates.join("+"), now.measure,
      now.moment].join("~"));
  }

  /** The places under the line change with what is drawn. */
  function change(setting, value) {
    const before = MEASURES[now.measure][3];
    now[setting] = value;
    const to = end(shown());
    now.place = before === counts() ? Math.min(now.place, to) : 1;
    controls.place.over(Array.from({ length: to }, (_, index) => index + 1));
    controls.place.set(now.place);
    update();
  }

  const controls = {
    measure: choice("Picture", Object.entries(MEASURES).map(([value, [text]]) => [value, text]), now.measure, (value) => change("measure", value)),
    recipe: choice("Data and recipe", recipes.map((recipe) => [recipe, recipe]), now.recipe, (value) => {
      const inside = unique("rate", all.filter((line) => label(line) === value));
      if (!inside.some((rate) => now.rates.includes(rate))) { now.rates = inside; controls.rates.set(inside); }
      change("recipe", value);
    }),
    kinds: several("Network", kinds.map((kind) => [kind, [key(colour(all.find((line) => line.kind === kind))), make("span", {}, kind)]]),
      now.kinds, (value) => change("kinds", value)),
    depths: several("Layers", depths.map((depth) => [depth, String(depth)]), now.depths, (value) => change("depths", value)),
    rates: several("Largest learning rate", rates.map((rate) => [rate, String(rate)]), now.rates, (value) => change("rates", value)),
    place: slider("Place under the line", Array.from({ length: end(shown()) }, (_, index) => index + 1), now.place,
      (value) => { now.place = value; update(); }, (place) => `${counts()} ${place}`),
    moment: slider("When", [0, 1, 2, 3], now.moment, (value) => change("moment", value), (moment) => MOMENTS[moment]),
  };
  el.append(panels, make("div", { class: "controls" }, controls.place.element, controls.moment.element),
    controls.measure.element, make("div", { class: "controls" }, controls.kinds.element, controls.depths.element,
      rates.length > 1 ? controls.rates.element : null, recipes.length > 1 ? controls.recipe.element : null), readout, said.element);
  const stop = whenResized(panels, update);
  return () => { stop(); said.stop(); };
}
