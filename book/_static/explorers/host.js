// Brings the explorers of a static page to life: each `data-explorer` element holds its state as JSON and, until the
// reader comes near it, a figure. In a notebook the same modules are rendered by anywidget, with a kernel behind the
// model.
"use strict";
(() => {
  const model = (state) => {
    const values = { state };
    return { get: (name) => values[name], set: (name, value) => { values[name] = value; }, save_changes() {}, on() {}, off() {} };
  };
  const start = (el) => {
    const render = window.explorers?.[el.dataset.explorer];
    const state = el.querySelector("script[type='application/json']");
    if (render && state) render({ model: model(JSON.parse(state.textContent)), el });
  };
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((entry) => entry.isIntersecting)) {
      near.unobserve(entry.target);
      start(entry.target);
    }
  }, { rootMargin: "1200px 0px" });
  for (const el of document.querySelectorAll("[data-explorer]")) {
    if (!window.explorers?.[el.dataset.explorer]) continue;
    el.addEventListener("wanted", () => { near.unobserve(el); if (!el.matches(".explorer")) start(el); }); // by a lecture
    if (el.querySelector("figure")) near.observe(el);
    else start(el); // a question is light, and its notes have to be there when the page is printed
  }
})();
