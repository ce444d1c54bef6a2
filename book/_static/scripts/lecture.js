// Lecture mode: L, the button in the page's header, or an address with `#lecture` turns the page into slides. What it
// needs is loaded then, and not before.
"use strict";
(() => {
  const folder = new URL("..", document.currentScript.src).href;
  const sheets = ["vendor/reveal/reveal.css", "lecture/slides.css"];
  const scripts = ["vendor/reveal/reveal.js", "vendor/reveal/notes.js", "lecture/slides.js"];

  const added = (tag, properties) => new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement(tag), properties, { onload: resolve, onerror: reject }));
  });
  let loading = null;
  async function load() {
    await Promise.all(sheets.map((name) => added("link", { rel: "stylesheet", href: folder + name })));
    for (const name of scripts) await added("script", { src: folder + name });
  }

  async function enter() {
    await (loading ??= load());
    if (!window.lecture.open) await window.lecture.enter();
  }

  const linked = () => new URLSearchParams(location.hash.slice(1)).has("lecture")
    || /[?&](receiver|print-pdf)\b/.test(location.search);
  const typing = "input, textarea, select, [contenteditable]";

  document.querySelector(".btn-lecture-button")?.addEventListener("click", enter);
  document.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey;
    if (event.key !== "l" || !plain || event.target.closest(typing) || document.querySelector("dialog[open]")) return;
    if (window.lecture?.open) return; // then L leaves, and slides.js hears it
    event.preventDefault();
    enter();
  });
  addEventListener("hashchange", () => { if (linked()) enter(); });
  if (linked()) enter();
})();
