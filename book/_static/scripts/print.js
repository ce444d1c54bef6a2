// A page of questions is printed as a paper, or with its answers; what the browser's own command prints is the paper.
"use strict";
(() => {
  const root = document.documentElement;
  document.querySelectorAll(".print-questions button").forEach((button, index) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      root.classList.toggle("with-answers", index === 1);
      window.print();
    });
  });
  window.addEventListener("afterprint", () => root.classList.remove("with-answers"));
})();
