// Slides from the page itself. The cells that are marked for a slide (`<!--cell slide-->`, from lectures.py) are moved
// into reveal.js and back when the lecture ends, so what was chosen in an explorer or a question stays chosen. What does
// not fit on a slide goes on on the next one. The text between the slides becomes the speaker's notes.
"use strict";
window.lecture = (() => {
  const WIDTH = 1280, HEIGHT = 720; // of a slide, in pixels; the screen shows it larger or smaller
  const SIZES = [32, 30, 28, 26.5]; // of text, from the one that is tried first
  const SMALLEST = 24; // of any text, figures included
  const LINES = 17; // of code on a slide: what is longer is shown only where it is all that a cell has
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const frame = () => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  // The page -----------------------------------------------------------------------------------------------------

  /** What a slide is made from: its title, the blocks that it shows, and what is said: notes, or the text around. */
  const sheet = (title, own) => ({ title, own, blocks: [], notes: [], text: [] });

  /** The slides of a page that has cells marked for them. Each has its explorers and questions, marked or not, and its
   * predictions where none is marked. */
  function marked(article, also = "[data-explorer]") {
    const slides = [sheet(null, true)];
    let mark = "slide", fresh = false, heading = null, ahead = [];
    const begin = (own) => {
      const before = slides.at(-1);
      if (before.title && !before.blocks.length && !own) before.own = true; // a title alone: the slide goes on under it
      else slides.push(sheet(heading, own));
      slides.at(-1).text.push(...ahead.splice(0));
      fresh = false;
    };
    function walk(node) {
      for (const child of [...node.childNodes]) {
        const found = child.nodeType === Node.COMMENT_NODE && child.data.match(/^cell (\S+)$/);
        if (found) {
          mark = found[1];
          fresh = mark === "slide" || mark === "subslide";
        } else if (child.nodeType !== Node.ELEMENT_NODE || child.matches("style, script, .exercise, .solution, .quiz-notes, .definitions, p.read")) {
          continue;
        } else if (child.matches("section")) {
          walk(child);
        } else if (child.matches("h1, h2, h3, h4, h5, h6")) {
          heading = child;
          if (!slides[0].title) slides[0].title = child;
          else if (mark === "slide" || mark === "subslide") begin(true);
          else if (mark === "none") ahead.push(child);
        } else if (mark === "slide" || mark === "subslide" || mark === "fragment") {
          if (fresh) begin(false);
          slides.at(-1).blocks.push({ node: child, later: mark === "fragment" });
        } else if (mark === "notes") {
          slides.at(-1).notes.push(child);
        } else if (mark === "none" && (child.matches(also) || child.querySelector(also))) {
          begin(false);
          slides.at(-1).blocks.push({ node: child, later: false });
        } else if (mark === "none") {
          (ahead.length ? ahead : slides.at(-1).text).push(child);
        }
      }
    }
    walk(article);
    const found = slides.filter((slide, index) => index === 0 || slide.blocks.length);
    const asks = found.some((slide) => slide.blocks.some(({ node }) => node.matches(".predict")));
    return asks || also.includes("predict") ? found : marked(article, "[data-explorer], .predict");
  }

  /** The slides of a page without such cells: each section is one, and shows what fits. */
  function sections(article) {
    return [...article.querySelectorAll("section > :is(h1, h2, h3)")].map((title) => {
      const blocks = [...title.parentElement.children].filter((one) => !one.matches("section, style, script, .exercise, .solution, p.read, .definitions, :is(h1, h2, h3, h4, h5, h6)"));
      return { ...sheet(title, true), short: true, blocks: blocks.map((node) => ({ node, later: false })) };
    }).filter((slide, index) => index === 0 || slide.blocks.length);
  }

  /** A text without links to itself, with formulas as they are typed. */
  function plain(element) {
    const copy = element.cloneNode(true);
    copy.querySelectorAll(".headerlink, script, style, svg, .copybtn, .toggle-button, noscript").forEach((one) => one.remove());
    copy.querySelectorAll(".katex").forEach((one) => one.replaceWith(one.querySelector("annotation")?.textContent ?? ""));
    return copy;
  }

  /** Paragraphs for the speaker: what the notes say, else the text around the slide. */
  function spoken(slide) {
    const sources = slide.notes.length ? slide.notes : slide.text;
    return sources.filter((one) => !one.matches(".cell, .solution, .exercise")).flatMap((one) => {
      const parts = one.matches("ul, ol") ? [...one.children] : [one];
      return parts.map((part) => make(part.matches("h2, h3, h4") ? "h4" : "p", {}, plain(part).textContent.replace(/\s+/g, " ").trim()));
    });
  }

  // Pages --------------------------------------------------------------------------------------------------------

  let moved = [], undo = [];

  /** What stands around a part of a block: its parents up to the block. */
  function around(part, block) {
    const found = [];
    for (let one = part; one !== block; one = one.parentElement) found.push(one.parentElement);
    return found;
  }

  /** An element inside of copies of those parents, so that it looks as it does on the page. */
  function framed(element, parents) {
    return parents.reduce((inner, parent) => {
      const copy = parent.cloneNode(false);
      copy.removeAttribute("id");
      copy.append(inner);
      return copy;
    }, element);
  }

  /** The parts of a block that can stand on different pages. */
  function parts(block) {
    if (!block.matches("div.cell")) return [block];
    const inputs = [...block.querySelectorAll(":scope > .cell_input")];
    const outputs = [...block.querySelectorAll(":scope > .cell_output > .output, :scope > .cell_output > div[class*='highlight-']")];
    const speaks = block.querySelector(".cell_output :is(figure.measured, .claim, [data-explorer])");
    const lines = inputs.map((one) => one.textContent.trimEnd().split("\n").length);
    const shown = inputs.filter((one, index) => !speaks && (lines[index] <= LINES || !outputs.length));
    return [...shown, ...outputs.flatMap((output) => (output.matches(".text_html")
      ? [...output.children].filter((one) => !one.matches("style, script, .beside, noscript")) : [output]))];
  }

  class Page {
    constructor(slide, first, room) {
      const title = plain(slide.title).textContent.trim();
      this.body = make("div", { className: "slide-body" });
      this.head = first && slide.own ? make(slide.title.matches("h1") ? "h1" : "h2", {}, title) : make("p", { className: "running" }, title);
      this.section = make("section", { className: "slide-page" }, this.head, this.body);
      if (this.head.matches("h1")) this.section.classList.add("slide-first");
      room.append(this.section);
      this.size(SIZES[0]);
    }
    size(pixels) { this.body.style.fontSize = `${pixels}px`; }
    get empty() { return !this.body.childElementCount; }
    get fits() {
      const { body } = this;
      if (body.scrollHeight > body.clientHeight + 1 || body.scrollWidth > body.clientWidth + 1) return false;
      return [...body.querySelectorAll(".katex-display, pre, table")].every((one) => one.scrollWidth <= body.clientWidth + 1);
    }
    /** The largest size of text at which everything fits; whether there is one. */
    fit() {
      return SIZES.some((pixels) => { this.size(pixels); return this.fits; });
    }
    /** The height that is left below what stands on the page. */
    get rest() {
      const last = this.body.lastElementChild;
      const scale = this.section.getBoundingClientRect().width / WIDTH || 1;
      return this.body.clientHeight - (last ? (last.getBoundingClientRect().bottom - this.body.getBoundingClientRect().top) / scale : 0);
    }
  }

  /** Set an attribute; it is as before when the slides are left, or when what is returned is called. */
  function change(element, name, value) {
    const before = element.getAttribute(name);
    const restore = () => (before === null ? element.removeAttribute(name) : element.setAttribute(name, before));
    element.setAttribute(name, value);
    undo.push(restore);
    return restore;
  }

  const enlarged = new WeakMap();

  /** Draw a figure as large as there is room, its texts at least `SMALLEST`. */
  function enlarge(figure, room) {
    const drawings = [...figure.querySelectorAll("svg")];
    const shown = drawings.find((one) => one.getClientRects().length);
    if (!shown) return;
    (enlarged.get(figure) ?? []).reverse().forEach((restore) => restore());
    const changes = [];
    enlarged.set(figure, changes);
    const [, , width, height] = shown.getAttribute("viewBox").split(/[\s,]+/).map(Number);
    const caption = figure.querySelector("figcaption")?.offsetHeight ?? 0;
    const scale = Math.min((WIDTH - 120) / width, (room - caption - 28) / height);
    for (const drawing of drawings.filter((one) => one.getClientRects().length)) {
      changes.push(change(drawing, "style", `width:${width * scale}px;height:${height * scale}px;max-width:none`));
      for (const text of drawing.querySelectorAll("text")) {
        const pieces = [text, ...text.querySelectorAll("tspan")];
        const pixels = Math.max(...pieces.map((one) => parseFloat(getComputedStyle(one).fontSize))) * scale;
        if (!(pixels < SMALLEST)) continue;
        const box = text.getBBox(), anchor = getComputedStyle(text).textAnchor;
        const x = box.x + { start: 0, middle: 0.5, end: 1 }[anchor] * box.width, y = box.y + box.height / 2;
        const more = SMALLEST / pixels;
        changes.push(change(text, "transform", `${text.getAttribute("transform") ?? ""} translate(${x} ${y}) scale(${more}) translate(${-x} ${-y})`));
      }
    }
  }

  /** Show a picture as large as there is room. */
  function limit(picture, room) {
    change(picture, "style", `max-height:${room}px !important;max-width:100%;width:auto !important;height:auto !important`);
  }

  /** Ways to divide what is too long for a page: the pieces, and a frame around some of them. */
  function pieces(part) {
    const list = part.matches("ul, ol") ? part : null;
    if (list) {
      const start = Number(list.getAttribute("start") ?? 1);
      return { items: [...list.children], frame: (from) => Object.assign(list.cloneNode(false), list.matches("ol") ? { start: start + from } : {}) };
    }
    const table = part.matches("table") ? part : part.querySelector("table");
    if (table?.tBodies.length && !part.matches(".explorer")) {
      return { items: [...table.tBodies[0].rows], frame: () => {
        const copy = table.cloneNode(false), body = table.tBodies[0].cloneNode(false);
        copy.append(...[...table.children].filter((one) => one.matches("thead, colgroup")).map((one) => one.cloneNode(true)), body);
        return copy;
      } };
    }
    const code = part.matches("pre") ? part : part.querySelector("pre");
    if (code) return { lines: code };
    const children = [...part.children];
    if (children.length > 1 && !part.matches("figure, .explorer")) return { items: children, frame: () => part.cloneNode(false) };
    return null;
  }

  /** A copy of some lines of code, with its colours. */
  function excerpt(code, from, to) {
    const text = code.textContent, ends = [0];
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) ends.push(at + 1);
    const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    const first = ends[from], last = Math.max(first, (ends[to] ?? text.length + 1) - 1);
    range.setEnd(code, code.childNodes.length);
    let passed = 0, started = false;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const length = node.data.length;
      if (!started && first <= passed + length) { range.setStart(node, first - passed); started = true; }
      if (last <= passed + length) { range.setEnd(node, last - passed); break; }
      passed += length;
    }
    const copy = code.cloneNode(false);
    copy.append(range.cloneContents());
    return copy;
  }

  /** Bring an explorer or a question to life, and wait until it is drawn. */
  async function awake(explorer) {
    explorer.dispatchEvent(new Event("wanted"));
    for (let wait = 0; wait < 3; wait += 1) await frame();
  }

  /** Make the pages of a slide. */
  async function paginate(slide, room) {
    const pages = [new Page(slide, true, room)];
    const page = () => pages.at(-1);
    const turn = () => {
      if (!page().empty) { page().fit(); pages.push(new Page(slide, false, room)); }
      return page();
    };
    for (const { node, later } of slide.blocks) {
      if (node.matches("p") && /^\d+ minutes to read/.test(node.textContent.trim())) continue;
      for (const part of parts(node)) {
        if (!part.matches(".cell_input, .cell_input *") && !part.getClientRects().length && !part.matches("[data-explorer]")) continue;
        await put(part, node, later);
        if (slide.short && pages.length > 1) { pages.pop().section.remove(); return pages; }
      }
    }

    function step(element, later) { if (later && element.previousElementSibling) element.classList.add("fragment"); }

    async function put(part, block, later) {
      const parents = around(part, block);
      const explorer = part.matches("[data-explorer]") ? part : part.querySelector("[data-explorer]");
      const figure = part.matches("figure.measured") ? part : null;
      const picture = part.matches("img") ? part : part.querySelector("p > img, a > img");
      if (explorer || (figure && page().rest < 440)) turn();
      const place = document.createComment("on a slide");
      part.replaceWith(place);
      moved.push([place, part]);
      const whole = framed(part, parents);
      page().body.append(whole);
      if (explorer) {
        page().section.classList.add("slide-explorer");
        page().body.setAttribute("data-prevent-swipe", ""); // a finger on a slider turns no slide
        await awake(explorer);
        if (explorer.dataset.explorer === "quiz") ask(explorer, page());
        else arrange(explorer);
        await frame();
        const drawn = explorer.querySelector(":scope > .lecture-picture");
        if (drawn && drawn.scrollHeight > drawn.clientHeight + 1) explorer.classList.add("tall");
        await frame();
        return;
      }
      const draw = () => {
        if (figure) enlarge(figure, roomFor(whole, page()));
        else if (picture) limit(picture, roomFor(whole, page()) - 40);
      };
      draw();
      step(whole, later);
      if (page().fits || page().fit()) return;
      if (whole.previousElementSibling) {
        whole.classList.remove("fragment");
        whole.remove();
        turn().body.append(whole);
        draw();
        if (page().fits || page().fit()) return;
      }
      const found = slide.short ? null : pieces(part);
      if (found) divide(part, whole, found, parents);
      else whole.classList.add("slide-cut"); // its end is not shown
    }

    /** The height that is there for an element that stands last on a page. */
    function roomFor(element, target) {
      const before = element.previousElementSibling;
      const scale = target.section.getBoundingClientRect().width / WIDTH || 1;
      const top = target.body.getBoundingClientRect().top;
      return target.body.clientHeight - (before ? (before.getBoundingClientRect().bottom - top) / scale + 24 : 0);
    }

    /** Put the pieces of what stands alone on a page, and is too long for it, on as many pages as they need. */
    function divide(part, whole, found, parents) {
      whole.remove();
      const next = () => { pages.push(new Page(slide, false, room)); return page(); };
      if (found.lines) {
        const code = found.lines, inside = [...around(code, part), ...parents];
        const count = code.textContent.replace(/\n+$/, "").split("\n").length;
        for (let from = 0; from < count;) {
          if (from) next();
          let to = Math.min(count, from + 20), shown;
          do {
            shown?.remove();
            shown = framed(excerpt(code, from, to), inside);
            page().body.append(shown);
          } while (!page().fits && !page().fit() && (to -= 1) > from);
          from = Math.max(to, from + 1);
        }
        return;
      }
      let frame = null;
      const begin = (index) => {
        frame = found.frame(index);
        page().body.append(framed(frame, parents));
        frame = frame.matches("table") ? frame.tBodies[0] : frame;
      };
      begin(0);
      found.items.forEach((item, index) => {
        const copy = item.cloneNode(true);
        frame.append(copy);
        if (page().fits || page().fit() || frame.childElementCount === 1) return;
        copy.remove();
        page().fit();
        next();
        begin(index);
        frame.append(copy);
        page().fit();
      });
    }

    page().fit();
    const needed = pages.filter((one, index) => index === 0 || !one.empty);
    pages.filter((one) => !needed.includes(one)).forEach((one) => one.section.remove());
    return needed;
  }

  const ZOOMS = [2, 1.9, 1.8, 1.7, 1.6]; // of a question; its smallest text has 15 pixels on the page

  /** Show a question as large as it fits with the longest of what is said about an answer. */
  function ask(quiz, page) {
    const before = quiz.style.zoom, said = [...quiz.querySelectorAll(".feedback")], shown = said.map((one) => [...one.childNodes]);
    undo.push(() => { quiz.style.zoom = before; });
    const title = quiz.querySelector("h3").textContent;
    const note = [...document.querySelectorAll(".quiz-notes h3")].find((one) => one.textContent === title);
    const longest = Math.max(0, ...[...note?.nextElementSibling.children ?? []].map((one) => one.textContent.length));
    said.forEach((one, index) => one.replaceChildren(index ? "" : "m".repeat(7).concat(" ").repeat(Math.ceil(longest / 9))));
    for (const zoom of ZOOMS) {
      quiz.style.zoom = zoom;
      if (page.fits) break;
    }
    said.forEach((one, index) => one.replaceChildren(...shown[index]));
  }

  /** Put an explorer's picture beside its controls, or above them when it is wide; the controls scroll by themselves. */
  function arrange(explorer) {
    const children = [...explorer.children];
    const isPicture = (one) => one.matches(".panels, .picture, .board, .strip") || (one.matches("div") && one.querySelector("svg, canvas")
      && !one.querySelector("table, input, button"));
    const picture = make("div", { className: "lecture-picture" }), controls = make("div", { className: "lecture-controls" });
    const said = make("div", { className: "lecture-said" });
    const wide = explorer.querySelector(":scope > .panels.two") !== null;
    explorer.classList.add("lecture-explorer", wide ? "wide" : "narrow");
    for (const child of children.filter((one) => !one.matches("h3, style"))) {
      (isPicture(child) ? picture : child.matches(".conclusion") ? said : controls).append(child);
    }
    explorer.append(picture, said, controls);
    undo.push(() => {
      explorer.append(...children);
      picture.remove();
      said.remove();
      controls.remove();
      explorer.classList.remove("lecture-explorer", "wide", "narrow", "tall");
    });
  }

  // Lecture ------------------------------------------------------------------------------------------------------

  let room = null, deck = null, left = null, ticking = null;

  const hash = () => new URLSearchParams(location.hash.includes("=") || location.hash === "#lecture" ? location.hash.slice(1) : "");
  function keep(parameters) {
    const text = parameters.toString().replace(/=(?=&|$)/g, "");
    try { history.replaceState(null, "", text ? `#${text}` : location.pathname.split("/").pop() + location.search); } catch { /* a sandboxed frame */ }
  }

  async function enter() {
    lecture.open = true;
    try {
      await open();
    } catch (error) {
      leave();
      throw error;
    }
  }

  async function open() {
    const article = document.querySelector("article.bd-article");
    left = { scroll: scrollY, focus: document.activeElement, parameters: hash() };
    const slidesElement = make("div", { className: "slides" });
    const reveal = make("div", { className: "reveal bd-article" }, slidesElement);
    room = make("div", { className: "lecture-room bd-content fitting", role: "region", ariaLabel: "Slides" }, reveal);
    document.documentElement.classList.add("lecturing");
    document.body.append(room);
    await document.fonts?.ready;
    const wanted = article.querySelector(":scope > section") ? marked(article) : [];
    const slides = wanted.length > 1 ? wanted : sections(article);
    const minutes = planned(article, slides.length);
    for (const [number, slide] of slides.entries()) {
      const pages = await paginate(slide, slidesElement);
      const said = spoken(slide);
      if (!number) said.unshift(make("p", {}, `Planned: ${minutes} minutes for ${slides.length} slides.`));
      for (const { section } of pages) section.append(make("aside", { className: "notes" }, ...said.map((one) => one.cloneNode(true))));
      if (pages.length > 1) {
        const stack = make("section");
        pages[0].section.before(stack);
        stack.append(...pages.map((one) => one.section));
      }
    }
    await begin(reveal, minutes);
  }

  /** The minutes of a lecture: as many as the page states to read, at least 10 and at most 40. */
  function planned(article, slides) {
    const stated = article.textContent.match(/(\d+) minutes to read/);
    return Math.min(40, Math.max(10, stated ? Number(stated[1]) : Math.round(slides * 1.5)));
  }

  async function begin(reveal, minutes) {
    const printing = /[?&]print-pdf\b/.test(location.search);
    room.classList.remove("fitting");
    for (const one of document.body.children) if (one !== room && !one.inert) { one.inert = true; undo.push(() => { one.inert = false; }); }
    const inside = "[data-explorer] :is(svg, [role], [tabindex]:not(button)), select, summary, audio";
    deck = new Reveal(reveal, {
      width: WIDTH, height: HEIGHT, margin: 0, minScale: 0.1, maxScale: 8, center: false, embedded: !printing, hash: false,
      respondToHashChanges: false, history: false, transition: "none", backgroundTransition: "none", navigationMode: "linear",
      slideNumber: "c/t", controls: false, disableLayout: false, scrollActivationWidth: null, pdfSeparateFragments: false,
      pdfMaxPagesPerSlide: 1, totalTime: minutes * 60, plugins: [RevealNotes], touch: true, focusBodyOnPageVisibilityChange: false,
      keyboardCondition: ({ target, key }) => /^Page/.test(key) || !(target.closest?.(inside)
        || ((key === " " || key === "Enter") && target.closest?.("button, a, label"))),
    });
    await deck.initialize();
    if (printing) { setTimeout(print, 500); return; }
    const slide = (left.parameters.get("lecture") ?? "").split(".").map(Number);
    if (slide[0]) deck.slide(slide[0] - 1, (slide[1] || 1) - 1);
    deck.on("slidechanged", remember);
    if (!/[?&]receiver\b/.test(location.search)) remember();
    deck.addKeyBinding({ keyCode: 76, key: "L", description: "Leave the slides" }, leave);
    deck.addKeyBinding({ keyCode: 84, key: "T", description: "Show or hide the timer" }, () => { timer.hidden = !timer.hidden; });
    deck.addKeyBinding({ keyCode: 69, key: "E", description: "Print, or save as PDF" }, toPaper);
    deck.addKeyBinding({ keyCode: 68, key: "D", description: "Hold: a dot follows the pointer" }, () => {});

    const tool = (name, text, act) => make("button", { type: "button", title: name, ariaLabel: name, onclick: act }, text);
    const timer = make("p", { className: "lecture-timer", hidden: true });
    const dot = make("div", { className: "lecture-dot", hidden: true });
    room.append(timer, dot, make("div", { className: "lecture-tools" }, tool("Previous slide", "‹", () => deck.prev()),
      tool("Next slide", "›", () => deck.next()), tool("Speaker notes (S)", "≡", () => deck.getPlugin("notes").open()),
      tool("Keys (?)", "?", () => deck.toggleHelp()), tool("Leave the slides (L)", "×", leave)));
    const started = Date.now();
    const tick = () => { timer.textContent = `${clock((Date.now() - started) / 1000)} of ${minutes} min`; };
    tick();
    ticking = setInterval(tick, 1000);
    addEventListener("pointermove", point);
    addEventListener("keydown", hold, true);
    addEventListener("keyup", release, true);
  }

  const dotElement = () => room?.querySelector(".lecture-dot");
  function point(event) {
    const dot = dotElement();
    if (dot) dot.style.transform = `translate(${event.clientX}px, ${event.clientY}px)`;
  }
  function hold(event) {
    const field = event.target.closest?.("input, textarea");
    if (field && (event.key === "Escape" || /^Page(Up|Down)$/.test(event.key))) {
      field.blur(); // a presenter's keys turn the slide wherever the focus is
      if (event.key === "Escape") event.stopPropagation();
    } else if (field && event.key.toLowerCase() === "l") {
      field.blur();
    } else if (!field && event.key.toLowerCase() === "d") {
      dotElement().hidden = false;
    }
  }
  function release(event) { if (event.key.toLowerCase() === "d") dotElement().hidden = true; }

  function remember() {
    const { h, v } = deck.getIndices();
    const parameters = hash();
    parameters.set("lecture", v ? `${h + 1}.${v + 1}` : String(h + 1));
    keep(parameters);
  }

  function toPaper() {
    location.href = `${location.pathname}?print-pdf#lecture`;
  }

  /** End the lecture: the page is as it was. */
  function leave() {
    clearInterval(ticking);
    removeEventListener("pointermove", point);
    removeEventListener("keydown", hold, true);
    removeEventListener("keyup", release, true);
    for (const act of undo.reverse()) act();
    for (const [place, node] of moved.reverse()) {
      node.classList.remove("fragment", "visible", "current-fragment");
      node.removeAttribute("data-fragment-index");
      node.querySelectorAll("[data-paused-by-reveal]").forEach((one) => one.removeAttribute("data-paused-by-reveal"));
      place.replaceWith(node);
    }
    moved = [];
    undo = [];
    deck?.destroy();
    room.remove();
    room = deck = null;
    document.documentElement.classList.remove("lecturing");
    const parameters = hash();
    parameters.delete("lecture");
    keep(parameters);
    scrollTo(0, left.scroll);
    left.focus?.focus?.({ preventScroll: true });
    lecture.open = false;
  }

  const lecture = { open: false, enter, leave, get deck() { return deck; } };
  return lecture;
})();
