// A threshold on the recorded probabilities of test images: what it does to a thousand children, what it costs, what an alarm is worth.

const THRESHOLDS = [0.1, 0.2, 0.5, ...Array.from({ length: 99 }, (_, index) => index + 1), 99.5, 99.8, 99.9];  // per cent
const PREVALENCES = [0.5, 1, 2, 5, 10, 20, 30, 40, 50, 62.5, 74, 90];

/** The probability "ill" in per cent of each image, from logits in hundredths. */
const probabilities = (logits) => logits.map((hundredths) => 100 / (1 + Math.exp(-hundredths / 100)));

/** Sensitivity and false alarms, in per cent, when all at or above `threshold` per cent are called ill; `ill` is a string of 0 and 1. */
function ratesAt(shares, ill, threshold) {
  const called = [0, 0], all = [0, 0];
  shares.forEach((share, index) => { all[ill[index]] += 1; if (share >= threshold) called[ill[index]] += 1; });
  return { sensitivity: 100 * called[1] / all[1], alarms: 100 * called[0] / all[0] };
}

/** Of 1,000 children, of whom `prevalence` per cent are ill: found, missed, alarmed, left in peace; and the cost in false alarms. */
function thousand({ sensitivity, alarms }, prevalence, price) {
  const ill = 10 * prevalence, healthy = 1000 - ill;
  const found = ill * sensitivity / 100, alarmed = healthy * alarms / 100;
  return { ill, found, missed: ill - found, alarmed, peace: healthy - alarmed, cost: price * (ill - found) + alarmed,
    worth: found + alarmed > 0 ? 100 * found / (found + alarmed) : null };
}

/** The threshold at which a miss that costs `price` false alarms and an alarm cost the same, for right probabilities. */
const byCost = (price) => 100 / (1 + price);

/** The threshold of the list with the lowest cost; of several, the one in the middle. */
function cheapest(rates, prevalence, price) {
  const costs = rates.map((rate) => thousand(rate, prevalence, price).cost), least = Math.min(...costs);
  const best = costs.flatMap((cost, index) => (cost <= least + 1e-9 ? [index] : []));
  return best[Math.floor(best.length / 2)];
}

const children = (count) => (count > 0 && count < 0.95 ? number(count) : Math.round(count).toLocaleString("en-US"));
const percent = (value) => `${number(value)} %`;

/** The conclusion, rebuilt from the numbers. */
function thresholdSentences(data, { threshold, prevalence, price }, rates) {
  const now = thousand(rates[THRESHOLDS.indexOf(threshold)], prevalence, price);
  const best = cheapest(rates, prevalence, price), least = thousand(rates[best], prevalence, price);
  const said = [`Threshold ${percent(threshold)}: of 1,000 children ${children(now.found + now.alarmed)} are called ill, `
    + `${children(now.alarmed)} of them wrongly. Of ${children(now.ill)} ill children ${children(now.missed)} `
    + `${Math.round(now.missed) === 1 ? "is" : "are"} missed.`];
  said.push(now.worth === null ? "There is no alarm at all." : `An alarm is right in ${percent(now.worth)} of the cases.`);
  said.push(`The cost is ${children(now.cost)} false alarms, where a missed child counts as ${price}. `
    + (now.cost <= least.cost + 0.5 ? "No threshold costs less here. "
      : `At a threshold of ${percent(THRESHOLDS[best])} it would be ${children(least.cost)}. `)
    + `With right probabilities for these children the best threshold would be ${percent(byCost(price))}.`);
  return said;
}

function render({ model, el }) {
  const data = model.get("state");
  const shares = probabilities(data.logits);
  const rates = THRESHOLDS.map((threshold) => ratesAt(shares, data.ill, threshold));
  const choices = { threshold: THRESHOLDS, prevalence: PREVALENCES, price: [1, 2, 5, 10, 20, 50, 100] };
  const now = { ...data.default, ...address.chosen("threshold", choices) };

  begin(el, "Where to put the threshold");
  const picture = make("div", { class: "panels two" });
  const readout = make("div");
  const said = conclusion();

  function update() {
    const sentences = thresholdSentences(data, now, rates);
    const here = rates[THRESHOLDS.indexOf(now.threshold)], width = panelWidth(picture, 2);
    const roc = [{ alarms: 100, sensitivity: 100 }, ...rates, { alarms: 0, sensitivity: 0 }].reverse();
    const costs = rates.map((rate) => thousand(rate, now.prevalence, now.price).cost);
    const highest = Math.max(1, Math.min(Math.max(...costs), 4 * Math.min(...costs) + 50));
    picture.replaceChildren(
      panel({ title: "Ill children found, %", label: "healthy children alarmed, %", domain: [0, 100], ticks: [0, 20, 40, 60, 80, 100],
        range: [0, 100], linear: true, width, describe: sentences.join(" "),
        lines: [{ x: roc.map((rate) => rate.alarms), y: roc.map((rate) => rate.sensitivity), colour: "var(--residual)" },
          { x: [0, here.alarms, here.alarms], y: [here.sensitivity, here.sensitivity, 0], colour: "var(--ink)", fine: true }] }).svg,
      panel({ title: "Cost, % of the highest shown", label: "threshold, %", domain: [0, 100], ticks: [0, 20, 40, 60, 80, 100],
        range: [0, 100], linear: true, cursor: now.threshold, width, describe: sentences.join(" "),
        lines: [{ x: THRESHOLDS, y: costs.map((cost) => Math.min(100, 100 * cost / highest)), colour: "var(--residual)" }] }).svg);
    const many = thousand(here, now.prevalence, now.price);
    readout.replaceChildren(table("Of 1,000 children", ["child", "called ill", "called healthy"],
      [["ill", children(many.found), children(many.missed)], ["healthy", children(many.alarmed), children(many.peace)]]));
    said.say(...sentences);
    address.write("threshold", Object.keys(choices).map((setting) => now[setting]).join());
  }

  const change = (setting) => (value) => { now[setting] = value; update(); };
  const controls = {
    threshold: slider("Threshold", THRESHOLDS, now.threshold, change("threshold"), percent),
    prevalence: slider("Children who are ill", PREVALENCES, now.prevalence, change("prevalence"), percent),
    price: slider("A missed child costs", choices.price, now.price, change("price"),
      (value) => (value === 1 ? "one false alarm" : `${value} false alarms`)) };
  const go = button("Go to the lowest cost", () => {
    now.threshold = THRESHOLDS[cheapest(rates, now.prevalence, now.price)];
    controls.threshold.set(now.threshold);
    update();
  });
  el.append(picture, make("div", { class: "controls" }, ...Object.values(controls).map((control) => control.element)),
    make("div", { class: "buttons" }, go), readout, said.element);
  const stop = whenResized(picture, update);
  return () => { stop(); said.stop(); };
}
