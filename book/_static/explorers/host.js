// Brings the explorers of a static page to life: each `data-explorer` element holds its state as JSON and, until this
// script has run, a figure. In a notebook the same modules are rendered by anywidget, with a kernel behind the model.
"use strict";
(() => {
  const model = (state) => {
    const values = { state };
    return { get: (name) => values[name], set: (name, value) => { values[name] = value; }, save_changes() {}, on() {}, off() {} };
  };
  for (const el of document.querySelectorAll("[data-explorer]")) {
    const render = window.explorers?.[el.dataset.explorer];
    const state = el.querySelector("script[type='application/json']");
    if (render && state) render({ model: model(JSON.parse(state.textContent)), el });
  }
})();
