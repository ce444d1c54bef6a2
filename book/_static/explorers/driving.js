// A car that a network steers along a drawn road: the road, the camera and the network are calculated here.

const ROWS = 24, COLUMNS = 32, AHEAD = 41, HALF_ROAD = 3, NETWORK_UNIT = 0.02;
const DISTANCES = Array.from({ length: ROWS }, (_, row) => 40 * (4 / 40) ** (row / (ROWS - 1)));
const SLOPES = Array.from({ length: COLUMNS }, (_, column) => 0.9 - 1.8 * column / (COLUMNS - 1));
const PUSHED_AT = 60; // metres after which the car is pushed
const DRIVER_COLOURS = { expert: "var(--ink)", network: "var(--residual)" };
const DRIVING_STYLE = `
.driving .board { display: grid; gap: .75rem 1.5rem; grid-template-columns: minmax(0, 1fr); }
@container (min-width: 34rem) { .driving .board { grid-template-columns: 224px minmax(0, 1fr); } }
.driving .camera { display: block; width: 224px; height: 168px; max-width: 100%; box-sizing: border-box;
  image-rendering: pixelated; border: 1px solid var(--rule); }
.driving .board p { margin: 0 0 .25rem; font-size: .9375rem; }
.driving svg .verge { fill: none; stroke: var(--grid); stroke-linejoin: round; }
.driving svg .car { fill: var(--ink); stroke: var(--page); stroke-width: 1.5; }
.driving svg .exit { stroke: var(--failed, #a8193d); stroke-width: 2.5; fill: none; }
`;

// Numbers -----------------------------------------------------------------------------------------------------------

/** Numbers between 0 and 1, the same for the same seed. */
function chance(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let word = Math.imul(state ^ state >>> 15, state | 1);
    word ^= word + Math.imul(word ^ word >>> 7, word | 61);
    return ((word ^ word >>> 14) >>> 0) / 2 ** 32;
  };
  return { uniform, normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()) };
}

const between = (value, low, high) => Math.min(Math.max(value, low), high);

// Camera ------------------------------------------------------------------------------------------------------------

/** What the camera sees, row after row: the curvatures ahead in 1/m, metres left of the middle, angle; noise if `random`. */
function pictureOf(ahead, e, psi, random) {
  const found = new Float64Array(ROWS * COLUMNS), light = random ? 0.7 + 0.6 * random.uniform() : 1;
  for (let row = 0; row < ROWS; row += 1) {
    const distance = DISTANCES[row], pixel = 1.8 / COLUMNS * distance;
    let middle = -e - psi * distance;
    for (let metre = 0; metre < AHEAD && metre < distance; metre += 1) middle += ahead[metre] * (distance - metre);
    for (let column = 0; column < COLUMNS; column += 1) {
      const across = Math.abs(SLOPES[column] * distance - middle);
      const road = between((HALF_ROAD - across) / pixel + 0.5, 0, 1);
      const line = between((0.2 - Math.abs(across - 2.8)) / pixel + 0.5, 0, 1) * Math.min(0.4 / pixel, 1);
      const value = light * (0.3 + 0.2 * road + 0.4 * line) + (random ? 0.08 * random.normal() : 0);
      found[row * COLUMNS + column] = (value - 0.4) / 0.2;
    }
  }
  return found;
}

// Network -----------------------------------------------------------------------------------------------------------

/** A residual network of eight layers whose stem and stages 2 and 3 halve the map. */
const networkFrom = (layers) => layers.map((layer, index) => layerFrom(layer, [0, 3, 5].includes(index) ? 2 : 1, Float32Array));

/** Maps {rows, columns, values in the order row, column, channel} after a 3×3 layer; border of zeros. */
function convolved({ rows, columns, values }, { from, to, stride, weights, shift }) {
  const high = Math.ceil(rows / stride), wide = Math.ceil(columns / stride);
  const found = new Float64Array(high * wide * to), sums = new Float64Array(to);
  for (let row = 0; row < high; row += 1) {
    for (let column = 0; column < wide; column += 1) {
      sums.set(shift);
      for (let tap = 0; tap < 9; tap += 1) {
        const y = row * stride + Math.floor(tap / 3) - 1, x = column * stride + tap % 3 - 1;
        if (y < 0 || x < 0 || y >= rows || x >= columns) continue;
        const start = (y * columns + x) * from;
        for (let inside = 0; inside < from; inside += 1) {
          const value = values[start + inside], at = (tap * from + inside) * to;
          if (value === 0) continue; // what a ReLU has shut
          for (let out = 0; out < to; out += 1) sums[out] += value * weights[at + out];
        }
      }
      found.set(sums, (row * wide + column) * to);
    }
  }
  return { rows: high, columns: wide, values: found };
}

const positive = (maps) => { maps.values.forEach((value, index) => { if (value < 0) maps.values[index] = 0; }); return maps; };

/** The command in 1/m that a network gives for a picture. */
function commandOf(network, pixels) {
  let maps = positive(convolved({ rows: ROWS, columns: COLUMNS, values: pixels }, network[0]));
  for (const block of [1, 3, 5]) {
    const [first, second] = [network[block], network[block + 1]];
    const sum = convolved(positive(convolved(maps, first)), second);
    for (let row = 0; row < sum.rows; row += 1) { // the shortcut: every second pixel where the map is halved
      for (let column = 0; column < sum.columns; column += 1) {
        const there = (row * first.stride * maps.columns + column * first.stride) * first.from;
        const here = (row * sum.columns + column) * second.to;
        for (let channel = 0; channel < first.from; channel += 1) sum.values[here + channel] += maps.values[there + channel];
      }
    }
    maps = positive(sum);
  }
  const last = network[7], area = maps.rows * maps.columns;
  let answer = last.shift[0];
  maps.values.forEach((value, index) => { answer += value / area * last.weights[index % last.from]; });
  return NETWORK_UNIT * answer;
}

// Driving -----------------------------------------------------------------------------------------------------------

const expertCommand = (curvature, e, psi) => curvature - 0.012 * e - 0.2 * psi;

/** A drive: for each metre e, psi, what was commanded and what the expert would have done; and after which metres it left. */
function drivenAlong(network, curvatures, { push = 0, delay = 0, seed = 1 }) {
  const random = chance(seed), air = chance(seed + 999), length = curvatures.length - AHEAD, given = [];
  const found = { e: [], psi: [], command: [], expert: [], exits: [] };
  let e = 0, psi = 0;
  for (let step = 0; step < length; step += 1) {
    const ahead = curvatures.slice(step, step + AHEAD), right = expertCommand(ahead[0], e, psi);
    given.push(network ? commandOf(network, pictureOf(ahead, e, psi, random)) : right);
    const command = given[Math.max(0, step - delay)];
    found.e.push(e); found.psi.push(psi); found.command.push(command); found.expert.push(right);
    psi += command - ahead[0] + 0.002 * air.normal();
    e += psi;
    if (step + 1 === PUSHED_AT) e += push;
    if (Math.abs(e) > HALF_ROAD) { found.exits.push(step + 1); e = 0; psi = 0; }
  }
  return found;
}

/** The road's middle and the car's way seen from above, in metres, turned so that the road ends to the right. */
function fromAbove(curvatures, e) {
  const road = [[0, 0]];
  let heading = 0;
  for (let step = 0; step < e.length; step += 1) {
    road.push([road[step][0] + Math.cos(heading), road[step][1] + Math.sin(heading)]);
    heading += curvatures[step];
  }
  const [endX, endY] = road[e.length], far = Math.hypot(endX, endY), [c, s] = [endX / far, endY / far];
  const turned = road.map(([x, y]) => [c * x + s * y, c * y - s * x]);
  const way = e.map((offset, step) => {
    const [dx, dy] = [turned[step + 1][0] - turned[step][0], turned[step + 1][1] - turned[step][1]];
    return [turned[step][0] - offset * dy, turned[step][1] + offset * dx];
  });
  return { road: turned.slice(0, e.length), way };
}

const perKilometre = (command) => `${number(Math.abs(Math.round(1000 * command)))}/km ${command < 0 ? "right" : "left"}`;

const centimetres = (metres) => number(Number((100 * metres).toFixed(metres < 0.1 ? 1 : 0)));

/** The conclusion, rebuilt from a drive. */
function drivingSentences(name, drive, { push, delay }) {
  const mean = drive.e.reduce((sum, offset) => sum + Math.abs(offset), 0) / drive.e.length;
  const lost = drive.exits.length;
  const how = [push ? `pushed ${number(Math.abs(push))} m to the ${push > 0 ? "left" : "right"} after ${PUSHED_AT} m` : "",
    delay ? `looking at pictures ${number(delay / 10)} s old` : ""].filter(Boolean).join(", ");
  return [`${name}${how ? `, ${how},` : ""} ${lost === 0 ? `keeps to the road for all ${drive.e.length} m`
    : `leaves the road ${lost === 1 ? "once" : `${lost} times`}, for the first time after ${drive.exits[0]} m`}.`,
  `On average it is ${centimetres(mean)} cm off the middle.`,
  lost ? "Each time it is put back to the middle of the road." : ""];
}

const DRIVERS = [["expert", "the expert"], ["cloned", "copied"], ["shaken", "copied, shaken"], ["corrected", "corrected"]];
const LONG_NAMES = { expert: "The expert", cloned: "The driver that copied", shaken: "The driver that copied shaken drives",
  corrected: "The driver that was corrected" };

function render({ model, el }) {
  const data = model.get("state");
  const roads = data.roads.map((road) => road.map((whole) => whole * 1e-5)), length = roads[0].length - AHEAD;
  const networks = Object.fromEntries(Object.entries(data.drivers).map(([name, layers]) => [name, networkFrom(layers)]));
  const choices = { driver: DRIVERS.map(([name]) => name), road: roads.map((_, index) => index + 1),
    push: [-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2], delay: [0, 1, 2, 3, 4, 5, 6, 7],
    metre: Array.from({ length: length / 5 }, (_, index) => 5 * index) };
  const now = { driver: "cloned", road: 1, push: 1.5, delay: 0, metre: PUSHED_AT + 10, ...address.chosen("driving", choices) };
  const known = new Map();

  begin(el, "Who keeps to the road?");
  el.classList.add("driving");
  if (!document.getElementById("driving-style")) document.head.append(make("style", { id: "driving-style" }, DRIVING_STYLE));
  const camera = make("canvas", { class: "camera", width: COLUMNS, height: ROWS, role: "img" });
  const seen = make("p"), map = make("div"), plot = make("div"), readout = make("div"), said = conclusion();

  function driveOf(name) {
    const key = [name, now.road, now.push, now.delay].join();
    if (!known.has(key)) known.set(key, drivenAlong(networks[name], roads[now.road - 1], { push: now.push, delay: now.delay, seed: now.road }));
    return known.get(key);
  }

  function drawMap(drive, colour, sentences) {
    const { road, way } = fromAbove(roads[now.road - 1], drive.e), width = Math.max(280, map.clientWidth);
    const [xs, ys] = [0, 1].map((axis) => road.map((point) => point[axis]));
    const left = Math.min(...xs) - 6, low = Math.min(...ys) - 6, high = Math.max(...ys) + 6;
    const scale = Math.min(width / (Math.max(...xs) + 6 - left), 420 / (high - low)), height = (high - low) * scale;
    const x = (value) => (value - left) * scale, y = (value) => (high - value) * scale;
    const line = (points) => points.map(([a, b], index) => `${index ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");
    const starts = [0, ...drive.exits], ends = [...drive.exits, way.length];
    const [carX, carY] = way[now.metre], after = way[Math.min(now.metre + 1, way.length - 1)];
    const angle = -Math.atan2(after[1] - carY, after[0] - carX) * 180 / Math.PI;
    map.replaceChildren(draw("svg", { viewBox: `0 0 ${width} ${height.toFixed(0)}`, role: "img", "aria-label": `The road from above. ${sentences.join(" ")}` },
      draw("path", { class: "verge", d: line(road), "stroke-width": (2 * HALF_ROAD * scale).toFixed(1) }),
      ...starts.map((start, index) => draw("path", { class: "line", d: line(way.slice(start, ends[index])), stroke: colour })),
      ...drive.exits.map((metre) => { const [a, b] = way[Math.min(metre, way.length) - 1]; return draw("path", { class: "exit",
        d: `M${x(a) - 5} ${y(b) - 5}l10 10m0-10l-10 10` }); }),
      draw("path", { class: "car", d: "M9 0L-7 -6V6Z", transform: `translate(${x(carX).toFixed(1)} ${y(carY).toFixed(1)}) rotate(${angle.toFixed(1)})` })));
  }

  function drawCamera(drive) {
    const context = camera.getContext("2d"), image = context.createImageData(COLUMNS, ROWS);
    const at = Math.max(0, now.metre - now.delay), random = chance(1000 * now.road + at);
    pictureOf(roads[now.road - 1].slice(at, at + AHEAD), drive.e[at], drive.psi[at], random).forEach((value, index) => {
      const grey = between(255 * (0.4 + 0.2 * value), 0, 255);
      image.data.set([grey, grey, grey, 255], 4 * index);
    });
    context.putImageData(image, 0, 0);
    const where = `${number(Math.abs(Math.round(100 * drive.e[now.metre])))} cm ${drive.e[now.metre] < 0 ? "right" : "left"} of the middle`;
    camera.setAttribute("aria-label", `The camera's picture after ${now.metre} m, 32 by 24 pixels; the car is ${where}.`);
    seen.textContent = `After ${now.metre} m: ${where}. It steers ${perKilometre(drive.command[now.metre])}, the expert would steer ${perKilometre(drive.expert[now.metre])}.`;
  }

  function update() {
    const drive = driveOf(now.driver), expert = driveOf("expert"), name = LONG_NAMES[now.driver];
    const colour = now.driver === "expert" ? DRIVER_COLOURS.expert : DRIVER_COLOURS.network;
    const sentences = drivingSentences(name, drive, now).filter(Boolean), metres = drive.e.map((_, index) => index);
    drawMap(drive, colour, sentences);
    drawCamera(drive);
    plot.replaceChildren(panel({ title: "Metres left of the middle", label: "metres along the road", domain: [0, length],
      ticks: [0, 100, 200, 300].filter((tick) => tick <= length), range: [-3, 3], linear: true, every: 1, cursor: now.metre, height: 200,
      width: Math.max(280, plot.clientWidth), describe: sentences.join(" "),
      lines: [...(now.driver === "expert" ? [] : [{ x: metres, y: expert.e, colour: DRIVER_COLOURS.expert, fine: true, name: "expert" }]),
        { x: metres, y: drive.e, colour, name: now.driver === "expert" ? "expert" : "network" }] }).svg);
    readout.replaceChildren(table("This drive and the expert's", ["driver", "exits", "metres before the first", "mean offset, cm"],
      [[LONG_NAMES[now.driver], drive], ...(now.driver === "expert" ? [] : [[LONG_NAMES.expert, expert]])].map(([who, one]) => [who,
        String(one.exits.length), one.exits.length ? String(one.exits[0]) : "–",
        centimetres(one.e.reduce((sum, offset) => sum + Math.abs(offset), 0) / one.e.length)])));
    said.say(...sentences);
    address.write("driving", Object.keys(choices).map((setting) => now[setting]).join());
  }

  const change = (setting) => (value) => { now[setting] = value; update(); };
  const controls = [
    choice("Driver", DRIVERS, now.driver, change("driver")).element,
    slider("Metre", choices.metre, now.metre, change("metre"), (value) => `${value} m`).element,
    slider("Push after 60 m", choices.push, now.push, change("push"), (value) => (value === 0 ? "none" : `${number(Math.abs(value))} m to the ${value > 0 ? "left" : "right"}`)).element,
    slider("Age of the picture", choices.delay, now.delay, change("delay"), (value) => `${number(value / 10)} s`).element,
    slider("Road", choices.road, now.road, change("road"), String).element];
  el.append(map, make("div", { class: "board" }, make("div", {}, camera), make("div", {}, seen, plot)),
    make("div", { class: "controls" }, ...controls), readout, said.element);
  const stop = whenResized(map, update);
  return () => { stop(); said.stop(); };
}
