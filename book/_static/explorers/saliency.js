// Saliency maps of a trained network, of one whose weights are drawn anew layer by layer, and of another trained network.

const LEVELS = 7;  // levels on each side of zero; a pixel's level is the root of its size
const WAYS = { size: "sizes, every pixel", ink: "sizes, inside the ink", sign: "with sign, inside the ink" };

/** 4-bit levels, two a byte and written in base64, as numbers from −1 to 1, larger ones last rounded by the root. */
function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const found = new Float64Array(2 * bytes.length);
  bytes.forEach((byte, index) => { found[2 * index] = (byte >> 4) - LEVELS; found[2 * index + 1] = (byte & 15) - LEVELS; });
  return found.map((level) => Math.sign(level) * (level / LEVELS) ** 2);
}

/** The red, green and blue of a share from 0 to 1: dark blue to yellow. */
function heat(share) {
  const stops = [[0, 34, 78], [44, 74, 107], [124, 123, 120], [188, 175, 111], [253, 234, 69]];
  return between(stops, share);
}

/** Of a number from −1 to 1: purple where it is negative, green where it is positive, pale at zero. */
function twoSided(value) {
  const stops = [[118, 42, 131], [194, 165, 207], [247, 247, 247], [166, 219, 160], [27, 120, 55]];
  return between(stops, (value + 1) / 2);
}

function between(stops, share) {
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1), first = Math.min(Math.floor(place), stops.length - 2);
  return stops[first].map((low, channel) => Math.round(low + (place - first) * (stops[first + 1][channel] - low)));
}

const signed = (value) => `${value < -0.005 ? "−" : ""}${Math.abs(value).toFixed(2)}`;

/** What the page says of a method, an image and a change of the network. */
function saliencySentences(data, { image, method, state, way }) {
  const found = data.agreement[method], place = data.images.findIndex(({ name }) => name === image);
  if (data.fixed.includes(method)) {
    return [`${method}: this map knows no network. Whatever is changed, it stays as it is, with an agreement of 1.`];
  }
  const here = found[state]?.[way][place], other = found["other seed"][way][place], what = WAYS[way];
  const control = `another trained network's map has ${signed(other)}`;
  if (state === data.states[0]) return [`${method}, ${what}: this is the trained network itself. For comparison: ${control}.`];
  if (state === "other seed") return [`${method}, ${what}: another trained network, as good as this one, agrees at ${signed(other)}.`];
  const verdict = here >= other + 0.05 ? "more than with a network that reads digits just as well: what these maps share is not what was learned"
    : here >= other - 0.05 ? "as much as with a network that reads digits just as well: this number cannot tell them apart"
      : "less than with a network that reads digits just as well: here training shows";
  return [`${method}, ${what}: with random weights in ${data.names[state]} the map agrees at ${signed(here)}; ${control}.`, `It agrees ${verdict}.`];
}

const SALIENCY_STYLE = `
.explorer .maps { display: grid; gap: .75rem 1rem; grid-template-columns: repeat(2, minmax(0, 1fr)); margin: .75rem 0; max-width: 42rem; }
@container (min-width: 34rem) { .explorer .maps { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
.explorer .maps figure { margin: 0; }
.explorer .maps svg { border: 1px solid var(--rule); box-sizing: border-box; aspect-ratio: 1; }
.explorer .maps image { image-rendering: pixelated; }
.explorer .maps figcaption { font-size: .875rem; color: var(--muted); margin-top: .2rem; text-align: left; }
.explorer .maps figcaption strong { color: var(--ink); display: block; }
.explorer .scale { display: flex; gap: .5rem; align-items: center; font-size: .875rem; color: var(--muted); }
.explorer .scale span { flex: 0 1 9rem; height: .75rem; border: 1px solid var(--rule); }
`;

function render({ model, el }) {
  const data = model.get("state");
  const images = data.images.map(({ name }) => name), methods = Object.keys(data.maps);
  const changes = data.states.filter((state) => state !== "other seed");
  const options = { image: images, method: methods, state: changes, way: Object.keys(WAYS) };
  const now = { image: images[0], method: methods[0], state: changes[1], way: "size", ...address.chosen("saliency", options) };

  begin(el, "Which map changes?");
  el.append(make("style", {}, SALIENCY_STYLE));
  const said = conclusion();
  const readout = make("div");
  const panels = ["image", "trained", "changed", "other seed"].map((name) => {
    const drawing = make("div"), title = make("strong"), text = make("span");
    return { name, drawing, title, text, element: make("figure", {}, drawing, make("figcaption", {}, title, text)) };
  });
  const scale = make("div", { class: "scale" });

  /** The values as a square picture; `describe` says what is seen. */
  function picture(values, colour, describe) {
    const side = Math.round(Math.sqrt(values.length)), pixels = new Uint8ClampedArray(4 * values.length);
    values.forEach((value, index) => pixels.set([...colour(value), 255], 4 * index));
    const canvas = make("canvas", { width: side, height: side });
    canvas.getContext("2d").putImageData(new ImageData(pixels, side), 0, 0);
    return draw("svg", { viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": describe },
      draw("image", { href: canvas.toDataURL(), width: side, height: side }));
  }

  function update() {
    const place = images.indexOf(now.image), withSign = now.way === "sign";
    const every = data.maps[now.method], fixed = data.fixed.includes(now.method);
    const map = (state) => unpacked(every[fixed ? data.states[0] : state][place]);
    const agreement = (state) => (fixed ? 1 : data.agreement[now.method][state][now.way][place]);
    const colour = withSign ? twoSided : (value) => heat(Math.abs(value));
    const changed = now.state !== data.states[0];
    const parts = {
      image: [`image: ${now.image}`, "", unpacked(data.images[place].pixels), (value) => heat(value)],
      trained: ["trained", "the network itself", map(data.states[0]), colour],
      changed: [changed ? "weights drawn anew" : "nothing changed", changed ? `${data.names[now.state]}: ${signed(agreement(now.state))}` : "choose layers below",
        map(now.state), colour],
      "other seed": ["another seed", `trained, as good: ${signed(agreement("other seed"))}`, map("other seed"), colour] };
    for (const { name, drawing, title, text } of panels) {
      const [heading, below, values, colours] = parts[name];
      title.textContent = heading;
      text.textContent = below;
      drawing.replaceChildren(picture(values, colours, name === "image" ? `The image: ${now.image}` : `${now.method}, ${heading}, ${below}; ${WAYS[now.way]}`));
    }
    const stops = Array.from({ length: 9 }, (_, index) => `rgb(${(withSign ? twoSided(index / 4 - 1) : heat(index / 8)).join()})`);
    scale.replaceChildren(withSign ? "against the digit" : "0", make("span", { style: `background:linear-gradient(to right,${stops.join()})` }),
      withSign ? "for it" : "largest size", ` (each map has its own scale)`);
    const ways = Object.keys(WAYS), rows = data.states.slice(1);
    readout.replaceChildren(table(`${now.method}: agreement with the trained network's map. This image; in brackets: median of ten recorded seeds`,
      ["network", ...ways.map((way) => WAYS[way])], fixed ? [["any", "1.00", "1.00", "1.00"]] : rows.map((state) => [data.names[state],
        ...ways.map((way) => `${signed(data.agreement[now.method][state][way][place])} (${signed(data.recorded[now.method][state][way])})`)])));
    said.say(...saliencySentences(data, now));
    address.write("saliency", Object.keys(options).map((setting) => now[setting]).join());
  }

  const change = (setting) => (value) => { now[setting] = value; update(); };
  const controls = [
    choice("Method", methods.map((name) => [name, name]), now.method, change("method")),
    choice("What counts", Object.entries(WAYS), now.way, change("way")),
    slider("Weights drawn anew", changes, now.state, change("state"), (state) => data.names[state]),
    choice("Image", images.map((name) => [name, name]), now.image, change("image"))];
  el.append(make("div", { class: "maps" }, ...panels.map(({ element }) => element)), scale,
    make("div", { class: "controls" }, ...controls.map(({ element }) => element)), said.element, readout);
  update();
  return () => said.stop();
}
