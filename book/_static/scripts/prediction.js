// Predictions: turns the list in each `.admonition.predict` into radio buttons, remembers the reader's choice in
// this browser and repeats it beside the next result. Without this script the list stays a list.
"use strict";
(() => {
  const results = "figure.measured, .recorded-strip, .claim";

  const recall = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const remember = (key, value) => {
    try { value === null ? localStorage.removeItem(key) : localStorage.setItem(key, value); } catch { /* private window */ }
  };
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

  function nextResult(box) {
    const follows = (element) => box.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
    return [...document.querySelectorAll("figure.measured")].find(follows)
      || [...document.querySelectorAll(results)].find(follows);
  }

  function setUp(box, index) {
    const list = box.querySelector("ul, ol");
    if (!list) return;
    const key = `prediction:${location.pathname}:${index}`;
    const question = list.previousElementSibling;
    const choices = [...list.children];
    const result = nextResult(box);
    question.id ||= `prediction-${index}`;
    box.setAttribute("role", "group");
    box.setAttribute("aria-labelledby", question.id);

    choices.forEach((item, number) => {
      const label = make("label", {});
      label.append(make("input", { type: "radio", name: key, value: String(number) }), make("span", {}));
      label.lastChild.append(...item.childNodes);
      item.append(label);
    });
    const show = make("button", { type: "button", textContent: "Show me" });
    const again = make("button", { type: "button", className: "again", textContent: "Predict again" });
    const status = make("span", { className: "predicted" });
    status.setAttribute("role", "status");
    const row = make("div", { className: "predict-row" });
    row.append(show, again, status);
    box.append(row);
    const beside = make("p", { className: "predicted beside", hidden: true });
    result?.after(beside);

    function update(value) {
      const chosen = value === null ? undefined : choices[Number(value)];
      box.querySelectorAll("input").forEach((input) => { input.checked = input.value === value; });
      status.textContent = chosen ? "Noted." : "";
      again.hidden = !chosen;
      beside.hidden = !chosen;
      beside.textContent = chosen ? `You predicted: ${chosen.textContent.trim()}` : "";
    }

    list.addEventListener("change", (event) => {
      remember(key, event.target.value);
      update(event.target.value);
    });
    again.addEventListener("click", () => {
      remember(key, null);
      update(null);
      box.querySelector("input").focus();
    });
    show.hidden = !result;
    show.addEventListener("click", () => {
      result.setAttribute("tabindex", "-1");
      result.focus({ preventScroll: true });
      result.scrollIntoView({ block: "center" });
    });
    update(recall(key));
  }

  document.querySelectorAll(".admonition.predict").forEach(setUp);
})();
