// What the quiz makes of its texts and how it remembers, without a browser: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const source = ["common", "quiz"].map((name) => readFileSync(new URL(`${name}.js`, folder), "utf-8")).join("\n");

/** The quiz's functions on a page with this address and this storage. */
const load = (location, storage) => new Function("location", "storage",
  `Object.defineProperty(globalThis, "localStorage", { configurable: true, get: storage });
  ${source}\nreturn { pieces, memory };`)(location, storage);

test("text holds code and emphasis, and nothing else is markup", () => {
  const { pieces } = load({}, () => null);
  assert.deepEqual(pieces("the `x*y` of *all* <b>seeds</b>"),
    [["", "the "], ["code", "x*y"], ["", " of "], ["em", "all"], ["", " <b>seeds</b>"]]);
  for (const text of ["2 * 3 * 4", "a lone ` here", "a lone * here", "**"]) assert.deepEqual(pieces(text), [["", text]]);
  assert.deepEqual(pieces(""), []);
});

test("an answer is remembered for one quiz of one page", () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
  const first = load({ pathname: "/depth.html" }, () => storage).memory("one");
  first.keep("because");
  assert.equal(load({ pathname: "/depth.html" }, () => storage).memory("one").recall(), "because");
  assert.equal(load({ pathname: "/depth.html" }, () => storage).memory("two").recall(), null);
  assert.equal(load({ pathname: "/other.html" }, () => storage).memory("one").recall(), null);
  first.forget();
  assert.equal(first.recall(), null);
});

test("where storage is refused, nothing is remembered and nothing breaks", () => {
  const refused = () => { throw new Error("SecurityError"); };
  const full = { getItem: () => null, setItem: refused, removeItem: refused };
  for (const storage of [refused, () => full, () => null]) {
    const { memory } = load({ pathname: "/depth.html" }, storage);
    memory("one").keep("because");
    memory("one").forget();
    assert.equal(memory("one").recall(), null);
  }
});
