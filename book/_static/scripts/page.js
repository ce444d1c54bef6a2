// What scrolls sideways can be reached by keyboard.
"use strict";
(() => {
  const wide = document.querySelectorAll("div.math, .measured .scroll");
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth + 1) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  wide.forEach((element) => observer.observe(element));
})();
