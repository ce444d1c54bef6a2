// Definitions: a link to a term of the glossary shows what is said there, under the pointer and under the keyboard's
// focus. It stays while either is on the link or on the definition; Escape closes it. A tap follows the link. Without
// this script the link is a link.
"use strict";
(() => {
  const OPEN = 150, CLOSE = 250, GAP = 6, MARGIN = 8; // milliseconds before it opens and closes; pixels
  let shown = null; // the definition, its link, and the pointer's height where that opened it
  let timer;

  const lines = (link, height) => {
    const rows = [...link.getClientRects()];
    return rows.find((row) => height >= row.top - 1 && height <= row.bottom + 1) || rows[0];
  };

  function place() {
    const { box, link, height } = shown;
    box.style.left = box.style.top = "0";
    const row = lines(link, height), size = box.getBoundingClientRect();
    const below = row.bottom + GAP, above = row.top - GAP - size.height;
    const top = below + size.height > innerHeight - MARGIN && above >= MARGIN ? above : below;
    const left = Math.max(MARGIN, Math.min(row.left, document.documentElement.clientWidth - size.width - MARGIN));
    box.style.left = `${left - size.left}px`;
    box.style.top = `${top - size.top}px`;
  }

  function hide() {
    clearTimeout(timer);
    if (shown) shown.box.hidden = true;
    shown = null;
  }

  function show(link, box, height) {
    if (shown?.link === link) { clearTimeout(timer); return; }
    hide();
    box.hidden = false;
    shown = { box, link, height };
    place();
  }

  const later = (wait, act) => { clearTimeout(timer); timer = setTimeout(act, wait); };
  const leave = () => later(CLOSE, () => {
    if (!shown) return;
    const { box, link } = shown;
    if (!link.matches(":hover, :focus-visible") && !box.matches(":hover")) hide();
  });

  for (const link of document.querySelectorAll("a:has(> .std-term)")) {
    const box = document.getElementById(`definition-${decodeURIComponent(link.hash.slice(1))}`);
    if (!box) continue;
    link.setAttribute("aria-describedby", box.id);
    link.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "touch") return;
      if (shown?.link === link) clearTimeout(timer);
      else later(OPEN, () => show(link, box, event.clientY));
    });
    link.addEventListener("pointerleave", leave);
    link.addEventListener("focus", () => { if (link.matches(":focus-visible")) show(link, box); });
    link.addEventListener("blur", leave);
    box.addEventListener("pointerenter", () => clearTimeout(timer));
    box.addEventListener("pointerleave", leave);
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("resize", () => { if (shown) place(); });
  addEventListener("pagehide", hide);
})();
