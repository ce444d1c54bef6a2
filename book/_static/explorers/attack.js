// Digits that an attack changes: the network, the derivative of its loss by the pixels and the attacks are calculated here.

const SIDE = 8, PIXELS = SIDE * SIDE, STEPS = 10;
const EPSILONS = Array.from({ length: 31 }, (_, index) => index / 100);
const ATTACKS = { fgsm: "one step (FGSM)", pgd: "ten steps (PGD)", coin: "a coin for each pixel" };
const ATTACK_STYLE = `
.attack .pictures { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .5rem 1rem; max-width: 34rem; }
.attack .pictures p { margin: 0 0 .25rem; font-size: .9375rem; min-height: 3em; }
.attack canvas { display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated; border: 1px solid var(--rule);
  box-sizing: border-box; }
`;

// The network -------------------------------------------------------------------------------------------------------

/** A residual network of eight layers whose stages 2 and 3 halve the map. */
const networkFrom = (layers) => layers.map((layer, index) => layerFrom(layer, [3, 5].includes(index) ? 2 : 1));

/** Calls `visit(output place, input place, tap)` for each pair of a 3×3 layer's pixels that are connected. */
function connections(side, stride, visit) {
  const wide = Math.ceil(side / stride);
  for (let row = 0; row < wide; row += 1) {
    for (let column = 0; column < wide; column += 1) {
      for (let tap = 0; tap < 9; tap += 1) {
        const y = row * stride + Math.floor(tap / 3) - 1, x = column * stride + tap % 3 - 1;
        if (y >= 0 && x >= 0 && y < side && x < side) visit(row * wide + column, y * side + x, tap);
      }
    }
  }
}

/** Maps {side, values in the order pixel, channel} after a 3×3 layer; border of zeros. */
function convolved({ side, values }, { from, to, stride, weights, shift }) {
  const wide = Math.ceil(side / stride), found = new Float64Array(wide * wide * to);
  for (let place = 0; place < wide * wide; place += 1) found.set(shift, place * to);
  connections(side, stride, (here, there, tap) => {
    for (let inside = 0; inside < from; inside += 1) {
      const value = values[there * from + inside];
      if (value === 0) continue; // what a ReLU has shut
      const at = (tap * from + inside) * to;
      for (let out = 0; out < to; out += 1) found[here * to + out] += value * weights[at + out];
    }
  });
  return { side: wide, values: found };
}

/** The derivative by a 3×3 layer's input maps, of side `side`, from that by its output. */
function convolvedBack(slopes, { from, to, stride, weights }, side) {
  const found = new Float64Array(side * side * from);
  connections(side, stride, (here, there, tap) => {
    for (let inside = 0; inside < from; inside += 1) {
      const at = (tap * from + inside) * to;
      let sum = 0;
      for (let out = 0; out < to; out += 1) sum += slopes[here * to + out] * weights[at + out];
      found[there * from + inside] += sum;
    }
  });
  return found;
}

const positive = (maps) => ({ side: maps.side, values: maps.values.map((value) => Math.max(0, value)) });
const open = (slopes, maps) => slopes.map((slope, index) => (maps.values[index] > 0 ? slope : 0));

/** Calls `visit(output place, input place)` along a shortcut: every second pixel where the map is halved. */
function shortcut(side, stride, visit) {
  const wide = Math.ceil(side / stride);
  for (let row = 0; row < wide; row += 1) {
    for (let column = 0; column < wide; column += 1) visit(row * wide + column, row * stride * side + column * stride);
  }
}

/** Probabilities of ten classes for 64 pixels in [0, 1], and what `slopeOf` needs of the way. */
function answerOf({ layers, mean, std }, pixels) {
  const way = [positive(convolved({ side: SIDE, values: Float64Array.from(pixels, (pixel) => (pixel - mean) / std) }, layers[0]))];
  for (const block of [1, 3, 5]) {
    const [first, second] = [layers[block], layers[block + 1]], maps = way.at(-1);
    const middle = positive(convolved(maps, first)), sum = convolved(middle, second);
    shortcut(maps.side, first.stride, (here, there) => {
      for (let channel = 0; channel < first.from; channel += 1) sum.values[here * second.to + channel] += maps.values[there * first.from + channel];
    });
    way.push(middle, positive(sum));
  }
  const last = layers[7], maps = way.at(-1), area = maps.side * maps.side, logits = Float64Array.from(last.shift);
  maps.values.forEach((value, index) => {
    for (let out = 0; out < last.to; out += 1) logits[out] += value / area * last.weights[(index % last.from) * last.to + out];
  });
  const highest = Math.max(...logits), powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return { probabilities: powers.map((value) => value / sum), way };
}

/** The derivative of the cross-entropy by each pixel. */
function slopeOf({ layers, std }, { probabilities, way }, label) {
  const last = layers[7], maps = way.at(-1), area = maps.side * maps.side;
  let slopes = maps.values.map((_, index) => {
    let sum = 0;
    for (let out = 0; out < last.to; out += 1) sum += (probabilities[out] - (out === label)) * last.weights[(index % last.from) * last.to + out];
    return sum / area;
  });
  for (const [number, block] of [[2, 5], [1, 3], [0, 1]]) {
    const [first, second] = [layers[block], layers[block + 1]];
    const before = way[2 * number], middle = way[2 * number + 1], after = way[2 * number + 2];
    const at = open(slopes, after);
    const inside = open(convolvedBack(at, second, middle.side), middle);
    slopes = convolvedBack(inside, first, before.side);
    shortcut(before.side, first.stride, (here, there) => {
      for (let channel = 0; channel < first.from; channel += 1) slopes[there * first.from + channel] += at[here * second.to + channel];
    });
  }
  return convolvedBack(open(slopes, way[0]), layers[0], SIDE).map((slope) => slope / std);
}

// Attacks -----------------------------------------------------------------------------------------------------------

const within = (value, low, high) => Math.min(Math.max(value, low), high);

/** The changed pixels; `coins` are the signs that a coin has thrown. */
function changed(network, { pixels, label, coins }, attack, epsilon) {
  if (epsilon === 0) return Float64Array.from(pixels);
  const step = (moved, size) => {
    const slopes = slopeOf(network, answerOf(network, moved), label);
    return moved.map((pixel, index) => within(pixel + size * Math.sign(slopes[index]),
      Math.max(0, pixels[index] - epsilon), Math.min(1, pixels[index] + epsilon)));
  };
  let moved = Float64Array.from(pixels);
  if (attack === "coin") return moved.map((pixel, index) => within(pixel + epsilon * coins[index], 0, 1));
  if (attack === "fgsm") return step(moved, epsilon);
  for (let count = 0; count < STEPS; count += 1) moved = step(moved, 2.5 * epsilon / STEPS);
  return moved;
}

/** Pictures of a state: a character a pixel, from "a" for 0 to "q" for 16; and the coins, the same for the same picture. */
function picturesFrom({ pictures, labels }) {
  return pictures.map((text, number) => {
    let state = (number + 1) * 2654435761 >>> 0;
    const coins = Array.from({ length: PIXELS }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 31 ? 1 : -1;
    });
    return { pixels: Array.from(text, (letter) => (letter.charCodeAt(0) - 97) / 16), label: labels[number], coins };
  });
}

const said = (probabilities) => probabilities.indexOf(Math.max(...probabilities));

/** The conclusion, rebuilt from the numbers. */
function attackSentences({ attack, epsilon, network }, label, before, after, right, count) {
  const turned = said(after) !== label;
  return [
    epsilon === 0 ? `Nothing is changed. The network says ${said(before)}, with ${number(100 * before[said(before)])} %.`
      : `Every pixel may move by ${number(epsilon)}, that is ${number(16 * epsilon)} of 16 grey levels. The ${label} is now read as `
        + `${said(after)}, with ${number(100 * after[said(after)])} %${turned ? "" : ": rightly"}.`,
    `Of the ${count} digits to choose from ${right} ${right === 1 ? "is" : "are"} read rightly.`,
    attack === "coin" && epsilon > 0 ? "A coin's change is as large as the attack's. Compare." : null,
    network === "attacked" && epsilon > 0 ? "This network saw attacked pictures, of size 0.15, in its training." : null];
}

// The page ----------------------------------------------------------------------------------------------------------

/** Shows 64 numbers as grey levels, from white for `low` to black for `high`. */
function show(canvas, values, low, high) {
  canvas.width = SIDE; canvas.height = SIDE;
  const context = canvas.getContext("2d"), image = context.createImageData(SIDE, SIDE);
  values.forEach((value, index) => {
    image.data.set([0, 1, 2].map(() => Math.round(255 * (1 - within((value - low) / (high - low), 0, 1)))).concat(255), 4 * index);
  });
  context.putImageData(image, 0, 0);
}

function render({ model, el }) {
  const data = model.get("state"), pictures = picturesFrom(data);
  const networks = Object.fromEntries(Object.entries(data.networks).map(([name, layers]) =>
    [name, { layers: networkFrom(layers), mean: data.mean, std: data.std }]));
  const choices = { picture: pictures.map((_, index) => index), network: Object.keys(networks), attack: Object.keys(ATTACKS), epsilon: EPSILONS };
  const turned = pictures.findIndex((one) => said(answerOf(networks.usual, changed(networks.usual, one, "fgsm", 0.1)).probabilities) !== one.label);
  const now = { picture: Math.max(0, turned), network: "usual", attack: "fgsm", epsilon: 0.1, ...address.chosen("attack", choices) };

  begin(el, "Make the network err");
  if (!document.getElementById("attack-style")) document.head.append(make("style", { id: "attack-style" }, ATTACK_STYLE));
  const canvases = ["before", "change", "after"].map((name) => make("canvas", { role: "img", "data-picture": name }));
  const captions = canvases.map(() => make("p"));
  const board = make("div", { class: "attack" }, make("div", { class: "pictures" },
    ...canvases.map((canvas, index) => make("div", {}, captions[index], canvas))));
  const recorded = make("div", { class: "panels", style: "margin-top: 1.25rem" }), readout = make("div"), told = conclusion();

  function curves(describe) {
    const colours = { fgsm: "var(--residual)", pgd: "var(--residual)", coin: "var(--muted)" };
    const lines = Object.entries(data.curves[now.network]).map(([attack, [x, y]]) => ({ x, y, colour: colours[attack],
      dashed: attack === "fgsm", fine: attack !== now.attack, name: { fgsm: "one step", pgd: "ten steps", coin: "coin" }[attack] }));
    recorded.replaceChildren(panel({ title: "Test pictures read rightly, % (recorded)", label: "largest change of a pixel",
      domain: [0, 0.3], ticks: [0, 0.1, 0.2, 0.3], range: [0, 100], linear: true, cursor: now.epsilon, lines,
      width: panelWidth(recorded, 1), height: 230, describe }).svg);
  }

  function update() {
    const network = networks[now.network], picture = pictures[now.picture];
    const results = pictures.map((one) => {
      const moved = changed(network, one, now.attack, now.epsilon);
      return { moved, after: answerOf(network, moved).probabilities };
    });
    const { moved, after } = results[now.picture], before = answerOf(network, picture.pixels).probabilities;
    const right = results.filter((result, index) => said(result.after) === pictures[index].label).length;
    show(canvases[0], picture.pixels, 0, 1);
    show(canvases[1], Array.from(moved, (value, index) => value - picture.pixels[index]), -0.3, 0.3);
    show(canvases[2], Array.from(moved), 0, 1);
    captions[0].textContent = `as it is: “${said(before)}”`;
    captions[1].textContent = "the change (grey: none)";
    captions[2].textContent = `changed: “${said(after)}”`;
    canvases[0].setAttribute("aria-label", `A ${picture.label}, 8×8 pixels, as it is.`);
    canvases[1].setAttribute("aria-label", `The change of its pixels, at most ${number(now.epsilon)}.`);
    canvases[2].setAttribute("aria-label", `The changed ${picture.label}, read as ${said(after)}.`);
    const share = (value) => number(Math.round(1000 * value) / 10);
    readout.replaceChildren(table("Probability (%)", ["digit", ...Array.from({ length: 10 }, (_, digit) => String(digit))],
      [["as it is", ...Array.from(before, share)], ["changed", ...Array.from(after, share)]]));
    const sentences = attackSentences(now, picture.label, before, after, right, pictures.length);
    curves(sentences.filter(Boolean).join(" "));
    told.say(...sentences);
    address.write("attack", Object.keys(choices).map((setting) => now[setting]).join());
  }

  const change = (setting) => (value) => { now[setting] = value; update(); };
  const names = { usual: "usual training", attacked: "trained against attacks" };
  const controls = [
    slider("Largest change of a pixel", EPSILONS, now.epsilon, change("epsilon"), number),
    choice("Attack", Object.entries(ATTACKS), now.attack, change("attack")),
    choice("Digit", pictures.map(({ label }, index) => [index, String(label)]), now.picture, change("picture")),
    choice("Network", choices.network.map((name) => [name, names[name] ?? name]), now.network, change("network"))];
  el.append(board, make("div", { class: "controls" }, ...controls.map((control) => control.element)), readout, told.element, recorded);
  const stop = whenResized(recorded, update);
  return () => { stop(); told.stop(); };
}
