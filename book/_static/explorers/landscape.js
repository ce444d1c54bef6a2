// The loss on a plane through a network's weights, as contours and as a surface that turns, with both kinds of statistics.

const CIVIDIS = ["#00224e", "#1a386f", "#434e6c", "#61656f", "#7d7c78", "#9b9476", "#bcae6c", "#dec958", "#fee838"];
const CHANCE = Math.log(10);
const KINDS = { stored: "stored at the middle", recomputed: "recomputed at each point" };
const SCALES = { log: "logarithmic", cut: "linear, cut off at 10" };

/** A recorded network: `at(statistics, row, column)` is the loss; row and column count from the lower left corner. */
function plane(network) {
  const size = network.stored.length, middle = (size - 1) / 2;
  const at = (statistics, row, column) => 10 ** (network[statistics][row][column] / 100);
  const all = (statistics) => network[statistics].flat().map((value) => 10 ** (value / 100)).sort((a, b) => a - b);
  const rim = (statistics) => network[statistics].flatMap((row, index) =>
    (index === 0 || index === size - 1 ? row : [row[0], row[size - 1]])).map((value) => 10 ** (value / 100)).sort((a, b) => a - b);
  const distance = (index) => index / middle - 1;
  return { ...network, size, middle, at, distance, highest: (statistics) => all(statistics).at(-1),
    rim: (statistics) => { const values = rim(statistics); return values[Math.floor(values.length / 2)]; } };
}

/** Height between 0 and 1 on a scale, from 0.001 to `top` (an exponent) or from 0 to 10, and whether it is cut off there. */
function heightOf(loss, scale, top) {
  const share = scale === "log" ? (Math.log10(loss) + 3) / (top + 3) : loss / 10;
  return { share: Math.min(1, Math.max(0, share)), cut: share > 1 };
}

const blend = (from, to, share) => `#${[1, 3, 5].map((place) => {
  const [a, b] = [from, to].map((colour) => parseInt(colour.slice(place, place + 2), 16));
  return Math.round(a + (b - a) * share).toString(16).padStart(2, "0"); }).join("")}`;

/** The colour of a height between 0 and 1. */
function shade(share) {
  const place = Math.min(share, 1) * (CIVIDIS.length - 1), below = Math.min(Math.floor(place), CIVIDIS.length - 2);
  return blend(CIVIDIS[below], CIVIDIS[below + 1], place - below);
}

/** A point of the unit cube, its floor centred on 0, as seen after a turn and from above: [right, down, nearness]. */
function seen([x, y, z], turn, tilt = 28) {
  const [t, e] = [turn, tilt].map((degrees) => degrees * Math.PI / 180);
  const right = x * Math.cos(t) - y * Math.sin(t), away = x * Math.sin(t) + y * Math.cos(t);
  return [right, -(z * Math.cos(e) + away * Math.sin(e)), -away];
}

/** The pieces of the line on which a grid of values equals `level`: [[column, row], [column, row]] each. */
function isoline(values, level) {
  const pieces = [];
  for (let row = 0; row + 1 < values.length; row += 1) {
    for (let column = 0; column + 1 < values[row].length; column += 1) {
      const corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]];
      const crossings = corners.flatMap((from, index) => {
        const to = corners[(index + 1) % 4], [a, b] = [values[from[1]][from[0]], values[to[1]][to[0]]];
        if ((a < level) === (b < level)) return [];
        const share = (level - a) / (b - a);
        return [[from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]];
      });
      for (let index = 0; index + 1 < crossings.length; index += 2) pieces.push([crossings[index], crossings[index + 1]]);
    }
  }
  return pieces;
}

/** The conclusion, rebuilt from the numbers. */
function landscapeSentences(network, statistics, row, column) {
  const rim = network.rim(statistics), highest = network.highest(statistics);
  const here = (kind) => number(network.at(kind, row, column));
  const said = [`${network.name}, statistics ${KINDS[statistics]}: the loss is ${number(network.at(statistics, network.middle, network.middle))} in the middle, `
    + `${number(rim)} typically along the rim, ${number(highest)} at the highest point.`];
  if (statistics === "stored") {
    const factor = network.highest("stored") / network.highest("recomputed");
    said.push(`With statistics recomputed, the highest point of the same plane is ${number(network.highest("recomputed"))}${factor >= 2 ? `: 1/${number(factor)} of this` : ""}.`);
  } else {
    said.push(`Guessing costs ${number(CHANCE)}. The highest point is ${number(highest / CHANCE)} times that.`);
  }
  const [right, up] = [column, row].map((index) => number(network.distance(index)));
  return [...said, `At the mark (${right} to the right, ${up} up): ${here("stored")} with stored, ${here("recomputed")} with recomputed statistics.`];
}

const LANDSCAPE_STYLE = `
.explorer .surface { touch-action: pan-y; cursor: grab; }
.explorer svg .contour { fill: none; stroke: var(--page); stroke-width: 1.1; }
.explorer svg .chance { fill: none; stroke: var(--ink); stroke-width: 2; stroke-dasharray: 4 3; }
.explorer svg .mark { fill: none; stroke: var(--ink); stroke-width: 2; }
.explorer svg .mark.inner { stroke: var(--page); stroke-width: 5; }
.explorer svg .frame { fill: none; stroke: var(--rule); stroke-width: 1; }
.explorer svg .sheet { stroke: var(--page); stroke-width: .6; stroke-linejoin: round; }
`;

const ticksOf = (scale, top) => (scale === "log" ? Array.from({ length: top + 4 }, (_, index) => index - 3)
  .filter((exponent) => (exponent + 3) % 2 === 0).map((exponent) => [10 ** exponent, power(exponent)])
  : [0, 5, 10].map((value) => [value, value === 10 ? "10+" : String(value)]));

/** Ring at a place: one in the page's colour below one in that of ink, so that it shows on every ground. */
const ring = (x, y) => ["mark inner", "mark"].map((name) => draw("circle", { class: name, cx: x, cy: y, r: 6 }));

/** The plane from above: colours, lines at powers of ten, the line of chance, and the mark. */
function contours({ network, statistics, scale, top, row, column, width, describe, pick }) {
  const left = 34, above = 30, side = Math.min(width - left - 58, 330), bottom = above + side, cell = side / network.size;
  const inner = side - cell, x = (index) => left + cell / 2 + inner * index / (network.size - 1), y = (index) => bottom - cell / 2 - inner * index / (network.size - 1);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${bottom + 40}`, role: "img", "aria-label": describe });
  svg.append(draw("text", { class: "title", x: 0, y: 13 }, "From above"));
  network[statistics].forEach((values, up) => values.forEach((_, right) => {
    svg.append(draw("rect", { x: x(right) - cell / 2, y: y(up) - cell / 2, width: cell + 0.5, height: cell + 0.5,
      fill: shade(heightOf(network.at(statistics, up, right), scale, top).share) }));
  }));
  const lines = (level, name) => { const d = isoline(network[statistics], 100 * Math.log10(level))
    .map(([from, to]) => `M${x(from[0]).toFixed(1)} ${y(from[1]).toFixed(1)}L${x(to[0]).toFixed(1)} ${y(to[1]).toFixed(1)}`).join("");
  if (d) svg.append(draw("path", { class: name, d })); };
  for (let exponent = -3; exponent <= top; exponent += 1) lines(10 ** exponent * 1.0001, "contour");
  lines(CHANCE, "chance");
  svg.append(...ring(x(column), y(row)));
  for (const [index, text] of [[0, "−1"], [network.middle, "0"], [network.size - 1, "1"]]) {
    svg.append(draw("text", { x: x(index), y: bottom + 16, "text-anchor": "middle" }, text),
      draw("text", { x: left - 7, y: y(index) + 4, "text-anchor": "end" }, text));
  }
  svg.append(draw("text", { x: left, y: bottom + 33 }, "1: noise as long as each filter"));
  const bar = left + side + 14;
  for (let index = 0; index < 40; index += 1) {
    svg.append(draw("rect", { x: bar, y: bottom - side * (index + 1) / 40, width: 10, height: side / 40 + 0.5, fill: shade((index + 0.5) / 40) }));
  }
  for (const [value, text] of ticksOf(scale, top)) {
    svg.append(draw("text", { x: bar + 14, y: bottom + 4 - (side - 4) * heightOf(value || 1e-9, scale, top).share }, text));
  }
  svg.addEventListener("pointerdown", (event) => {
    const box = svg.getBoundingClientRect(), zoom = width / box.width;
    const index = (value) => Math.min(network.size - 1, Math.max(0, Math.round((network.size - 1) * value)));
    pick(index((bottom - cell / 2 - (event.clientY - box.top) * zoom) / inner), index(((event.clientX - box.left) * zoom - left - cell / 2) / inner));
  });
  return svg;
}

/** The plane as a surface, drawn from the back to the front; what is too high for the scale is cut off flat. */
function surface({ network, statistics, scale, top, row, column, turn, width, describe }) {
  const height = 330, zoom = Math.min(width - 70, 380) / 1.42, tall = 0.72;
  const place = (right, up, share) => {
    const [x, y, near] = seen([right / (network.size - 1) - 0.5, up / (network.size - 1) - 0.5, share * tall], turn);
    return [width / 2 + 14 + zoom * x, 246 + zoom * y, near];
  };
  const share = (up, right) => heightOf(network.at(statistics, up, right), scale, top).share;
  const svg = draw("svg", { class: "surface", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": describe });
  svg.append(draw("text", { class: "title", x: 0, y: 13 }, `Loss as height, ${scale === "log" ? "logarithmic" : "cut off at 10"}`));
  const last = network.size - 1, round = (points) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const floor = [[0, 0], [last, 0], [last, last], [0, last]];
  svg.append(draw("polygon", { class: "frame", points: round(floor.map(([right, up]) => place(right, up, 0))) }));
  const corner = floor.map(([right, up]) => [place(right, up, 0)[0], right, up]).sort((a, b) => a[0] - b[0])[0];
  const foot = place(corner[1], corner[2], 0), head = place(corner[1], corner[2], 1);
  svg.append(draw("line", { class: "frame", x1: foot[0], y1: foot[1], x2: head[0], y2: head[1] }));
  for (const [value, text] of ticksOf(scale, top)) {
    const [x, y] = place(corner[1], corner[2], heightOf(value || 1e-9, scale, top).share);
    svg.append(draw("text", { x: x - 6, y: y + 4, "text-anchor": "end" }, text));
  }
  const sheets = [];
  for (let up = 0; up < last; up += 1) {
    for (let right = 0; right < last; right += 1) {
      const corners = [[right, up], [right + 1, up], [right + 1, up + 1], [right, up + 1]];
      const points = corners.map(([across, along]) => place(across, along, share(along, across)));
      const mean = corners.reduce((sum, [across, along]) => sum + share(along, across) / 4, 0);
      sheets.push({ near: points.reduce((sum, point) => sum + point[2], 0), points, mean });
    }
  }
  sheets.sort((a, b) => a.near - b.near).forEach(({ points, mean }) =>
    svg.append(draw("polygon", { class: "sheet", points: round(points), fill: shade(mean) })));
  svg.append(...ring(...place(column, row, share(row, column))));
  return svg;
}

function render({ model, el }) {
  const networks = model.get("state").networks.map(plane);
  const choices = { network: networks.map(({ name }) => name), statistics: Object.keys(KINDS), scale: Object.keys(SCALES), turn: Array.from({ length: 36 }, (_, index) => 10 * index) };
  const now = { network: networks[0].name, statistics: "stored", scale: "log", turn: 30, ...address.chosen("landscape", choices) };
  const chosen = () => networks.find((network) => network.name === now.network);
  const top = Math.ceil(Math.log10(Math.max(...networks.map((network) => network.highest("stored")))));
  const place = { row: chosen().size - 1, column: chosen().size - 1 };

  begin(el, "The same plane, measured twice");
  el.append(make("style", {}, LANDSCAPE_STYLE));
  const picture = make("div", { class: "panels two" });
  const said = conclusion();

  function update() {
    const network = chosen(), sentences = landscapeSentences(network, now.statistics, place.row, place.column);
    const shared = { ...now, ...place, network, top, width: panelWidth(picture, 2), describe: sentences.join(" ") };
    picture.replaceChildren(contours({ ...shared, pick: mark }), surface(shared));
    said.say(...sentences);
    address.write("landscape", Object.keys(choices).map((setting) => now[setting]).join());
  }

  function mark(row, column) {
    Object.assign(place, { row, column });
    controls.right.set(column);
    controls.up.set(row);
    update();
  }

  /** The sliders go over the grid of the network at hand, and the mark stays where it is as far as there is a point. */
  function fit(before) {
    const network = chosen(), indices = Array.from({ length: network.size }, (_, index) => index);
    const moved = (index) => Math.round(index * (network.size - 1) / (before - 1));
    Object.assign(place, { row: moved(place.row), column: moved(place.column) });
    for (const [name, index] of [["right", place.column], ["up", place.row]]) { controls[name].over(indices); controls[name].set(index); }
  }

  const distance = (index) => number(chosen().distance(index));
  const indices = Array.from({ length: chosen().size }, (_, index) => index);
  const controls = {
    network: choice("Network", networks.map(({ name, colour }) => [name, [key(colour), ` ${name}`]]), now.network, (value) => {
      const before = chosen().size;
      now.network = value; fit(before); update(); }),
    statistics: choice("Statistics of batch norm", Object.entries(KINDS), now.statistics, (value) => { now.statistics = value; update(); }),
    turn: slider("Turn the surface", choices.turn, now.turn, (value) => { now.turn = value; update(); }, (value) => `${value}°`),
    scale: choice("Height and colour", Object.entries(SCALES), now.scale, (value) => { now.scale = value; update(); }),
    right: slider("Mark, to the right", indices, place.column, (value) => { place.column = value; update(); }, distance),
    up: slider("Mark, up", indices, place.row, (value) => { place.row = value; update(); }, distance) };

  let dragged = null;
  picture.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".surface")) { dragged = { x: event.clientX, turn: now.turn }; picture.setPointerCapture(event.pointerId); }
  });
  picture.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const turn = ((Math.round((dragged.turn - (event.clientX - dragged.x) / 2) / 10) * 10) % 360 + 360) % 360;
    if (turn !== now.turn) { now.turn = turn; controls.turn.set(turn); update(); }
  });
  for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, () => { dragged = null; });

  el.append(picture, make("div", { class: "controls" }, ...Object.values(controls).map((control) => control.element)), said.element);
  const stop = whenResized(picture, update);
  return () => { stop(); said.stop(); };
}
