// Blocks deleted from trained networks: the recorded accuracy of each set of deletions, without and with recomputed statistics.

/** Every choice of at most `most` of 0 … count − 1, by size and then in order, as "0,3": the order of the recorded numbers. */
function choices(count, most) {
  const found = [];
  const extend = (chosen, from, size) => {
    if (chosen.length === size) { found.push(chosen.join()); return; }
    for (let index = from; index < count; index += 1) extend([...chosen, index], index + 1, size);
  };
  for (let size = 0; size <= most; size += 1) extend([], 0, size);
  return found;
}

/** The deleted blocks after a press on one: it is deleted, or put back; where `most` are gone already, the one deleted first comes back. */
function pressed(removed, index, most) {
  if (removed.includes(index)) return removed.filter((other) => other !== index);
  return [...removed, index].slice(-most);
}

/** A recorded network with what can be asked of it: `right(removed, statistics)` in per cent of the test images. */
function patient(network) {
  const places = new Map(choices(network.change.length, network.most).map((chosen, place) => [chosen, place]));
  const right = (removed, statistics) =>
    100 - 100 * network[statistics][places.get([...removed].sort((a, b) => a - b).join())] / network.images;
  const costs = (statistics) => network.change.map((_, index) => right([], statistics) - right([index], statistics));
  return { ...network, blocks: network.change.length, right, costs };
}

const points = (value) => `${number(Math.abs(value))} ${Math.abs(value).toPrecision(3) === "1.00" ? "point" : "points"}`;
const list = (removed) => { const names = [...removed].sort((a, b) => a - b).map((index) => index + 1);
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : String(names[0]); };

/** The conclusion, rebuilt from the numbers. */
function lesionSentences(network, removed, statistics) {
  const whole = network.right([], statistics), costs = network.costs(statistics);
  const cheap = costs.filter((cost) => cost <= 2).length;
  if (!removed.length) {
    return [`${network.name}, nothing deleted: ${number(whole)} % right.`,
      `Deleted alone, ${cheap} of its ${network.blocks} blocks cost at most 2 points.`];
  }
  const left = network.right(removed, statistics), cost = whole - left;
  const said = [`${network.name} without block${removed.length > 1 ? "s" : ""} ${list(removed)}: ${number(whole)} % → ${number(left)} % right.`];
  if (removed.length > 1) {
    const sum = removed.reduce((total, index) => total + costs[index], 0);
    said.push(`Together they cost ${cost < 0 ? "nothing: it is better by " : ""}${points(cost)}; deleted one at a time, the sum of their costs is ${sum < 0 ? "−" : ""}${points(sum)}.`);
  } else {
    const change = network.change[removed[0]];
    said.push(`This block changes what the shortcut would pass on by ${number(100 * change)} % of its size`
      + `${cost < 0 ? `; without it the network is better by ${points(cost)}.` : `, and costs ${points(cost)}.`}`);
  }
  return said;
}

const LESION_STYLE = `
.explorer .strip { display: grid; gap: .5rem; margin: .75rem 0; }
.explorer .strip > div { display: flex; flex-wrap: wrap; gap: 4px; align-items: center; }
.explorer .strip .stage { flex: 0 0 4.2rem; color: var(--muted); font-size: .875rem; }
.explorer .strip button { flex: 0 1 2.6rem; min-width: 28px; min-height: 40px; padding: 0; position: relative; }
.explorer .strip button[aria-pressed=true] { color: var(--muted); border-style: dashed; text-decoration: line-through; background: var(--grid); }
@container (max-width: 26rem) { .explorer .strip .stage { flex-basis: 100%; } }
`;

/** Bars: what deleting each block alone costs; those of the deleted blocks are filled. */
function bars({ network, costs, removed, width, height = 220, describe }) {
  const left = 44, top = 30, bottom = height - 34, wide = (width - left - 8) / costs.length;
  const y = (value) => bottom - (bottom - top) * Math.max(0, value) / 100;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": describe });
  svg.append(draw("text", { class: "title", x: 0, y: 13 }, "What it costs to delete one block alone, points"));
  for (const value of [0, 20, 40, 60, 80, 100]) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width - 8, y1: y(value), y2: y(value) }),
      draw("text", { x: left - 7, y: y(value) + 4, "text-anchor": "end" }, String(value)));
  }
  costs.forEach((cost, index) => {
    svg.append(draw("rect", { x: left + wide * (index + 0.15), y: Math.min(y(cost), bottom - 2), width: 0.7 * wide,
      height: Math.max(2, bottom - y(cost)), fill: removed.includes(index) ? "var(--ink)" : network.colour }));
    if (index === 0 || (index + 1) % (costs.length / 3) === 0) {
      svg.append(draw("text", { x: left + wide * (index + 0.5), y: bottom + 17, "text-anchor": "middle" }, String(index + 1)));
    }
  });
  svg.append(draw("text", { x: width - 8, y: bottom + 32, "text-anchor": "end" }, "block"));
  return svg;
}

function render({ model, el }) {
  const networks = model.get("state").networks.map(patient);
  const kinds = { stored: "as in training", recomputed: "recomputed after the deletion" };
  const now = { network: networks[0].name, statistics: "stored", removed: [] };
  const linked = (address.read("lesions") ?? "").split("~");
  const found = networks.find((network) => network.name === linked[0]);
  if (found && linked[1] in kinds && linked.length === 3) {
    const asked = linked[2].split("+").filter(Boolean).map((text) => Number(text) - 1);
    const valid = asked.every((index) => Number.isInteger(index) && index >= 0 && index < found.blocks);
    if (valid && new Set(asked).size === asked.length && asked.length <= found.most) {
      Object.assign(now, { network: found.name, statistics: linked[1], removed: asked });
    }
  }

  begin(el, "Delete blocks");
  el.append(make("style", {}, LESION_STYLE));
  const strip = make("div", { class: "strip" });
  const note = make("p", { class: "note" });
  const picture = make("div", { class: "panels" });
  const said = conclusion();
  const chosen = () => networks.find((network) => network.name === now.network);

  function build() {
    const network = chosen(), stage = network.blocks / 3;
    strip.replaceChildren(...[0, 1, 2].map((row) => make("div", { role: "group", "aria-label": `stage ${row + 1}` },
      make("span", { class: "stage" }, `stage ${row + 1}`),
      ...Array.from({ length: stage }, (_, place) => {
        const index = row * stage + place;
        const box = button(String(index + 1), () => { now.removed = pressed(now.removed, index, network.most); update(); });
        box.setAttribute("aria-label", `block ${index + 1}`);
        return box;
      }))));
    note.textContent = network.most < network.blocks
      ? `Recorded are single blocks and pairs: at a third press the block that was deleted first comes back.`
      : "Every combination of blocks is recorded.";
  }

  function update() {
    const network = chosen(), sentences = lesionSentences(network, now.removed, now.statistics);
    strip.querySelectorAll("button").forEach((box, index) => box.setAttribute("aria-pressed", String(now.removed.includes(index))));
    picture.replaceChildren(bars({ network, costs: network.costs(now.statistics), removed: now.removed,
      width: panelWidth(picture, 1), describe: sentences.join(" ") }));
    restore.disabled = !now.removed.length;
    said.say(...sentences);
    address.write("lesions", [now.network, now.statistics, now.removed.map((index) => index + 1).join("+")].join("~"));
  }

  const restore = button("Put all blocks back", () => { now.removed = []; update(); strip.querySelector("button").focus(); });
  const network = choice("Network", networks.map(({ name, colour }) => [name, [key(colour), ` ${name}`]]), now.network,
    (value) => { now.network = value; now.removed = []; build(); update(); });
  const statistics = choice("Statistics of batch norm", Object.entries(kinds), now.statistics,
    (value) => { now.statistics = value; update(); });
  el.append(network.element, strip, note, said.element, picture, statistics.element, make("div", { class: "buttons" }, restore));
  build();
  const stop = whenResized(picture, update);
  return () => { stop(); said.stop(); };
}
