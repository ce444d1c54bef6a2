// A question with choices. What is said about a choice names the misconception behind it; nothing is counted.

const QUIZ_STYLE = `
.quiz fieldset { max-width: 40rem; }
.quiz legend { display: block; font-size: 1rem; line-height: 1.5; margin-bottom: .4rem; }
.quiz .options { display: block; }
.quiz .options label { box-sizing: border-box; align-items: flex-start; gap: .6rem; min-height: 40px; padding: .5rem .6rem;
  border: 1px solid transparent; border-radius: 4px; font-size: 1rem; line-height: 1.5; }
.quiz .options label:hover, .quiz .options label:has(:checked) { border-color: var(--rule); }
.quiz .options label:has(:checked) { font-weight: 600; }
.quiz .options input { flex: none; width: 1.5rem; height: 1.5rem; margin: 0; }
.quiz .feedback { font-size: .9375rem; }
.quiz .feedback:not(:empty) { border-left: 5px solid var(--rule); padding: 0 0 0 .9rem; margin: .15rem 0 .6rem 2.75rem; }
.quiz .feedback.right:not(:empty) { border-left-color: var(--ink); }
.quiz .note { align-self: center; margin: 0; min-height: 0; }
.quiz [hidden], .quiz .on-paper, .quiz-notes { display: none; }
:is(.quiz, .quiz-notes) code { font: .875em var(--mono, monospace); color: inherit; background: none; padding: 0; }
@media print {
  .explorer.quiz, .quiz-notes li { break-inside: avoid; }
  .quiz .feedback { display: none; }
  .quiz .on-paper { display: block; color: var(--muted); font-size: .875rem; margin: .25rem 0 0; }
  .quiz-notes { display: var(--answers, block); }
  .quiz-notes ul { list-style: none; padding: 0; }
  article:has(.print-questions) .quiz-notes { break-before: page; }
  article:has(.print-questions) .quiz .on-paper { display: none; }
  article:has(.print-questions) .quiz input { appearance: none; width: .9rem; height: .9rem; margin-top: .3rem;
    border: 1px solid #000; border-radius: 0; background: none; }
  article:has(.print-questions) .quiz label { font-weight: inherit; border-color: transparent; min-height: 0;
    padding: .15rem 0; }
}
`;

// Text --------------------------------------------------------------------------------------------------------------

/** Text with `code` and *emphasis* as pairs of an element's name and its text; "" names text that is neither. */
function pieces(text) {
  const found = [];
  let end = 0;
  for (const { 0: whole, 1: code, 2: emphasis, index } of text.matchAll(/`([^`]+)`|\*([^\s*](?:[^*]*[^\s*])?)\*/g)) {
    found.push(["", text.slice(end, index)], code === undefined ? ["em", emphasis] : ["code", code]);
    end = index + whole.length;
  }
  return [...found, ["", text.slice(end)]].filter(([, part]) => part);
}

const rich = (text) => pieces(text).map(([tag, part]) => (tag ? make(tag, {}, part) : part));
const lettered = (index, text) => [`${String.fromCharCode(97 + index)}) `, ...rich(text)];
const verdict = ({ right, feedback }) => [make("strong", {}, right ? "Right." : "Not quite."), " ", ...rich(feedback)];

// Memory ------------------------------------------------------------------------------------------------------------

/** One text, kept in this browser under the page and the name; where storage is refused it is forgotten. */
function memory(name) {
  const key = `quiz:${location.pathname}:${name}`;
  return {
    recall: () => { try { return localStorage.getItem(key); } catch { return null; } },
    keep: (text) => { try { localStorage.setItem(key, text); } catch { /* a private window, a sandboxed frame */ } },
    forget: () => { try { localStorage.removeItem(key); } catch { /* the same */ } },
  };
}

// Paper -------------------------------------------------------------------------------------------------------------

/** What is said about each choice, at the end of the article, for print alone. */
function endnote(article, title, choices) {
  let notes = article.querySelector(".quiz-notes");
  if (!notes) {
    notes = make("section", { class: "quiz-notes" }, make("h2", {}, "Notes on the questions"));
    article.append(notes);
  }
  notes.append(make("h3", {}, title), make("ul", {}, ...choices.map((choice, index) =>
    make("li", {}, ...lettered(index, ""), ...verdict(choice)))));
}

// Quiz --------------------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const { name, question, choices } = model.get("state");
  const remembered = memory(name);
  const number = [...document.querySelectorAll("[data-explorer='quiz']")].indexOf(el) + 1;   // 0: not on a page
  const title = number ? `Question ${number}` : "Question";
  let chosen = null;

  begin(el, title);
  el.classList.add("quiz");
  const note = make("p", { class: "note", role: "status" });
  const radios = choice(rich(question), choices.map(({ text }, index) => [index, lettered(index, text)]), null,
    (index) => { chosen = index; note.textContent = ""; });
  const said = choices.map(({ right }, index) => {
    const element = make("div", { class: `feedback${right ? " right" : ""}`, role: "status", id: unique("feedback") });
    radios.inputs[index].setAttribute("aria-describedby", element.id);
    radios.inputs[index].parentElement.after(element);
    return element;
  });
  const again = button("Answer again", () => {
    chosen = null;
    remembered.forget();
    radios.set(chosen);
    show(chosen);
    radios.inputs[0].focus();
  });

  function show(index) {
    said.forEach((element, at) => element.replaceChildren(...(at === index ? verdict(choices[at]) : [])));
    again.hidden = index === null;
  }

  const check = button("Check", () => {
    if (chosen === null) {
      note.textContent = "Choose an answer first.";
      return;
    }
    remembered.keep(choices[chosen].text);
    show(chosen);
  });

  const known = choices.findIndex(({ text }) => text === remembered.recall());
  if (known >= 0) {
    chosen = known;
    radios.set(chosen);
  }
  show(chosen);
  el.append(make("style", {}, QUIZ_STYLE), radios.element, make("div", { class: "buttons" }, check, again, note));
  const article = number ? el.closest("article") : null;
  if (article) {
    el.append(make("p", { class: "on-paper" }, `A note on each answer stands at the end of the chapter, under “${title}”.`));
    endnote(article, title, choices);
  }
}
