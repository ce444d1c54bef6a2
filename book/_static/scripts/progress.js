// What the reader has done, kept in this browser alone. A chapter ends with a button that marks it as read, an exercise
// has a box to tick; predictions and questions are remembered by prediction.js and explorers/quiz.js. The page
// "Your progress" shows all of it, and writes it to a file or reads it from one. Without this script nothing is kept.
"use strict";
(() => {
  const FORMAT = "residual-networks-measured/progress", LARGEST = 1_000_000; // bytes of a file
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const recall = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const remember = (key, value) => {
    try { value === null ? localStorage.removeItem(key) : localStorage.setItem(key, value); return true; } catch { return false; }
  };
  const keyOf = { read: (page) => `read:${page}`, exercise: (page, id) => `exercise:${page}:${id}` };

  /** A box to tick, kept under `key`; `change` is called when the reader ticks it. */
  function box(key, text, what, change = () => {}) {
    const input = make("input", { type: "checkbox", checked: recall(key) !== null, ariaLabel: `${text}: ${what}` });
    input.addEventListener("change", () => {
      const kept = remember(key, input.checked ? "done" : null);
      if (!kept) input.checked = false;
      change(kept);
    });
    return make("label", { className: "done" }, input, text);
  }

  // Chapters -----------------------------------------------------------------------------------------------------

  const here = location.pathname;
  const exercises = document.querySelectorAll("div.exercise.admonition[id]");
  for (const one of exercises) {
    const title = one.querySelector(".admonition-title");
    title?.after(box(keyOf.exercise(here, one.id), "Done", title.textContent.trim()));
  }
  if (exercises.length) {
    document.querySelector("article > section")?.append(make("p", { className: "read" }, box(keyOf.read(here), "I have read this chapter", document.querySelector("h1").firstChild.textContent)));
  }

  // Your progress ------------------------------------------------------------------------------------------------

  const tools = document.querySelector(".progress-tools");
  if (!tools) return;

  /** Every thing to do: its kind, the part of the site's address that names its page, and the key under which it is kept. */
  const things = [];
  const lists = [...document.querySelectorAll("ul.tasks")];
  const pathOf = (link) => new URL(link.href).pathname;
  const root = new URL("..", location.href).pathname; // of the book's pages
  for (const list of lists) {
    const title = list.previousElementSibling.querySelector("a"), page = pathOf(title), name = page.replace(root, "");
    const links = [...list.querySelectorAll(":scope > li > p > a, :scope > li > a")];
    if (links.some((link) => !/#(predict|question)-/.test(link.hash))) {
      things.push({ kind: "read", name, key: keyOf.read(page), what: "", list, title: title.textContent });
    }
    let prediction = 0;
    for (const link of links) {
      const anchor = decodeURIComponent(link.hash.slice(1)), item = link.closest("li");
      if (/^predict-\d+$/.test(anchor)) things.push({ kind: "prediction", name, what: String(prediction), key: `prediction:${page}:${prediction}`, item }), prediction += 1;
      else if (anchor.startsWith("question-")) things.push({ kind: "question", name, what: anchor.slice(9), key: `quiz:${page}:${anchor.slice(9)}`, item });
      else things.push({ kind: "exercise", name, what: anchor, key: keyOf.exercise(page, anchor), item });
    }
  }
  const wordsOf = { read: "chapters read", prediction: "predictions made", question: "questions answered", exercise: "exercises done" };

  // The state of each thing, at its line
  const summary = make("p", { className: "progress-summary" });
  const said = make("p", { className: "progress-said" });
  summary.setAttribute("role", "status");
  said.setAttribute("role", "status");
  for (const thing of things) {
    if (thing.kind === "read") {
      thing.box = box(thing.key, "Read", thing.title, ticked);
      thing.list.before(make("p", { className: "progress-read" }, thing.box));
    } else if (thing.kind === "exercise") {
      thing.box = box(thing.key, "Done", thing.item.querySelector("a").textContent, ticked);
      thing.item.prepend(thing.box);
    } else {
      thing.mark = make("span", { className: "progress-mark" });
      thing.item.prepend(thing.mark);
    }
  }

  const count = (number) => `${number} ${number === 1 ? "entry" : "entries"}`;

  function ticked(kept) {
    said.textContent = kept ? "" : "This browser keeps nothing for this page.";
    show();
  }

  function show() {
    for (const thing of things) {
      const done = recall(thing.key) !== null;
      if (thing.box) thing.box.querySelector("input").checked = done;
      else thing.mark.textContent = done ? "✓ answered" : "○ open";
      thing.item?.classList.toggle("progress-done", done);
    }
    summary.textContent = `${Object.entries(wordsOf).map(([kind, words]) => {
      const all = things.filter((thing) => thing.kind === kind);
      return `${all.filter((thing) => recall(thing.key) !== null).length} of ${all.length} ${words}`;
    }).join(", ")}.`;
  }

  // A file
  function write() {
    const kept = things.flatMap(({ kind, name, what, key }) => {
      const value = recall(key);
      return value === null ? [] : [{ page: name, kind, name: what, value }];
    });
    const text = JSON.stringify({ format: FORMAT, version: 1, kept }, null, 1);
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: "progress.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    said.textContent = `Exported: ${count(kept.length)}.`;
  }

  /** The entries of an exported file, each with the thing that it is about; null for any other file. */
  function read(text) {
    let content;
    try { content = JSON.parse(text); } catch { return null; }
    if (content?.format !== FORMAT || content.version !== 1 || !Array.isArray(content.kept)) return null;
    const fine = content.kept.every((one) => one && ["page", "kind", "name", "value"].every((key) => typeof one[key] === "string")
      && one.value.length < 10_000);
    return fine && content.kept.map((one) => ({ ...one,
      thing: things.find((thing) => thing.kind === one.kind && thing.name === one.page && thing.what === one.name) }));
  }

  async function take(file) {
    const entries = file.size > LARGEST ? null : read(await file.text());
    if (!entries) {
      said.textContent = "This file was not exported here; nothing was changed.";
      return;
    }
    const known = entries.filter(({ thing }) => thing);
    known.forEach(({ thing, value }) => remember(thing.key, value));
    const other = entries.length - known.length;
    said.textContent = `Imported: ${count(known.length)}.${other
      ? ` ${count(other)} ${other === 1 ? "belongs to nothing in this book and was" : "belong to nothing in this book and were"} left out.` : ""}`;
    show();
  }

  function forget() {
    if (!confirm("Delete everything that this browser keeps of your progress? This cannot be undone.")) return;
    things.forEach(({ key }) => remember(key, null));
    said.textContent = "Deleted.";
    show();
  }

  const input = make("input", { type: "file", accept: ".json,application/json", hidden: true });
  input.addEventListener("change", () => { if (input.files[0]) take(input.files[0]); input.value = ""; });
  const button = (text, act) => make("button", { type: "button", textContent: text, onclick: act });
  tools.append(summary, make("div", { className: "progress-buttons" }, button("Export to a file", write),
    button("Import a file", () => input.click()), button("Delete all", forget)), input, said);
  tools.hidden = false;
  show();
  addEventListener("storage", show); // another tab
  addEventListener("pageshow", show);
})();
