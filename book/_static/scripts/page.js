// What scrolls sideways can be reached by keyboard. What is far from the view has no size yet and is looked at later.
"use strict";
(() => {
  const wide = document.querySelectorAll(
    "div.math, .measured .scroll, article pre, .cell_output > .output, .pst-scrollable-table-container");
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth + 1) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  wide.forEach((element) => observer.observe(element));
})();
