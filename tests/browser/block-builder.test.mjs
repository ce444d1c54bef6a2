// The pure logic of the block builder, without a document: node --test tests/browser/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const folder = new URL("../../book/_static/explorers/", import.meta.url);
const { blockOf, countNetwork, legend, networkSentences, seen } = new Function(
  `"use strict";\n${readFileSync(new URL("common.js", folder), "utf8")}\n${readFileSync(new URL("block-builder.js", folder), "utf8")}
  return { blockOf, countNetwork, legend, networkSentences, seen };`)();

const KINDS = ["plain", "residual", "pre_activation"], SHORTCUTS = ["A", "B", "C"];
const DEPTHS = [8, 14, 20, 32, 44, 56, 110], WIDTHS = [8, 16, 32];
const SHAPES = { digits: [1, 8, 8], mnist: [1, 28, 28], cifar10: [3, 32, 32] };
const standard = { kind: "residual", depth: 20, width: 16, shortcut: "A", input: "cifar10", shape: SHAPES.cifar10,
  classes: 10 };
const count = (changes = {}) => countNetwork({ ...standard, ...changes });
const every = [];
for (const kind of KINDS) {
  for (const shortcut of SHORTCUTS) {
    for (const depth of DEPTHS) {
      for (const width of WIDTHS) {
        for (const [input, shape] of Object.entries(SHAPES)) {
          every.push({ kind, shortcut, depth, width, input, shape, classes: 10 });
        }
      }
    }
  }
}

test("parameters with option A, to the digit", () => {
  for (const [depth, parameters] of [[20, 269722], [32, 464154], [44, 658586], [56, 853018], [110, 1727962]]) {
    for (const kind of ["plain", "residual"]) assert.equal(count({ kind, depth }).total.parameters, parameters);
  }
});

test("the smallest network, layer by layer by hand", () => {
  const { rows, total } = count({ depth: 8, width: 8, shape: [1, 8, 8] });
  assert.deepEqual(rows.map((row) => row.shape), [[8, 8, 8], [8, 8, 8], [16, 4, 4], [32, 2, 2], [10]]);
  assert.deepEqual(rows.map((row) => row.parameters),
    [72 + 16, 2 * (576 + 16), 1152 + 2304 + 64, 4608 + 9216 + 128, 330]);
  assert.deepEqual(rows.map((row) => row.multiplyAdds),
    [72 * 64, 2 * 576 * 64, (1152 + 2304) * 16, (4608 + 9216) * 4, 320]);
  assert.deepEqual(rows.map((row) => row.kept), [2 * 512, 4 * 512, 4 * 256, 4 * 128, 32]);
  assert.deepEqual(rows.map((row) => row.field), [3, 7, 13, 25, null]);
  assert.deepEqual(total, { parameters: 19074, multiplyAdds: 4608 + 73728 + 55296 + 55296 + 320, kept: 4640 });
});

test("projections: where they stand and what they hold", () => {
  const plain = count().total, b = count({ shortcut: "B" }), c = count({ shortcut: "C" });
  assert.deepEqual([count().projections, b.projections, c.projections], [0, 2, 9]);
  assert.equal(b.shortcutParameters, 16 * 32 + 64 + 32 * 64 + 128); // a 1×1 convolution and its normalisation
  assert.equal(b.total.parameters - plain.parameters, b.shortcutParameters);
  assert.equal(b.total.multiplyAdds - plain.multiplyAdds, 16 * 32 * 256 + 32 * 64 * 64);
  assert.equal(b.total.kept - plain.kept, 32 * 256 + 64 * 64);
  assert.equal(c.total.parameters - plain.parameters,
    3 * (256 + 32) + (512 + 64) + 2 * (1024 + 64) + (2048 + 128) + 2 * (4096 + 128));
  const pre = count({ kind: "pre_activation" }).total, preB = count({ kind: "pre_activation", shortcut: "B" });
  assert.equal(preB.shortcutParameters, 16 * 32 + 32 * 64); // without one
  assert.equal(preB.total.kept, pre.kept);
});

test("pre-activation: norms before the convolutions, one more after the last block", () => {
  const before = count({ kind: "pre_activation" }), after = count();
  assert.equal(before.rows[0].parameters, 432);
  assert.equal(before.rows[4].parameters, 650 + 128);
  // Stage 2: its first norm has the channels of stage 1.
  assert.equal(before.rows[2].parameters, after.rows[2].parameters - 64 + 32);
  assert.equal(before.rows[0].kept, 16 * 1024);
  assert.equal(before.rows[1].kept, 3 * 4 * 16 * 1024); // a block: first convolution, two ReLUs and the sum
  assert.equal(before.rows[2].kept, 16 * 1024 + 3 * 32 * 256 + 2 * 4 * 32 * 256); // the first ReLU: stage 1's maps
  assert.equal(before.rows[4].kept, 64 * 64 + 64);
  assert.deepEqual(before.rows.map((row) => row.multiplyAdds), after.rows.map((row) => row.multiplyAdds));
});

test("kinds of skip", () => {
  const skip = (kind, shortcut, channels, stride) =>
    blockOf({ kind, shortcut }, [16, 8, 8], [channels, 8 / stride, 8 / stride], stride).skip;
  assert.deepEqual(SHORTCUTS.map((option) => skip("plain", option, 32, 2)), ["none", "none", "none"]);
  assert.deepEqual(SHORTCUTS.map((option) => skip("residual", option, 32, 2)), ["padding", "projection", "projection"]);
  assert.deepEqual(SHORTCUTS.map((option) => skip("pre_activation", option, 16, 1)),
    ["identity", "identity", "projection"]);
});

test("receptive field", () => {
  assert.deepEqual(seen({ field: 37, jump: 2 }, 2), { field: 41, jump: 4 });
  assert.deepEqual(count().rows.map((row) => row.field), [3, 15, 37, 81, null]);
  assert.deepEqual(count({ depth: 110 }).rows.map((row) => row.field), [3, 75, 217, 501, null]);
});

test("rows add up to the total, and depth costs the same from block to block", () => {
  for (const settings of every) {
    const { rows, total, stages } = countNetwork(settings);
    assert.equal(rows.length, 5);
    for (const key of ["parameters", "multiplyAdds", "kept"]) {
      assert.equal(rows.reduce((whole, row) => whole + row[key], 0), total[key]);
      assert.ok(Number.isSafeInteger(total[key]));
    }
    assert.equal(2 * stages.flat().length + 2, settings.depth);
    const [a, b, c] = [0, 6, 12].map((more) => countNetwork({ ...settings, depth: settings.depth + more }).total);
    for (const key of ["parameters", "multiplyAdds", "kept"]) assert.equal(c[key] - b[key], b[key] - a[key]);
  }
});

test("sentences: the default's story, and no gap or missing number anywhere", () => {
  assert.deepEqual(networkSentences(standard), [
    "Residual network, 20 layers, 16 channels at first, CIFAR-10: 269,722 parameters, 40.6 million "
      + "multiply-adds and 1.51 MB of memory for one image.",
    "One block more in each stage adds 97,216 parameters and 14.2 million multiply-adds.",
    "Most parameters: stage 3 (75.5 %). Most multiply-adds: stage 1 (34.9 %). Most memory: stage 1 (52.2 %).",
    "The shortcuts add nothing to these counts: a plain network has the same totals.",
    "At the end of stage 2 the receptive field, 37×37 pixels, is larger than the image."]);
  assert.match(networkSentences({ ...standard, depth: 56 })[1], /^That is 3\.16 times the parameters of depth 20 /);
  assert.match(networkSentences({ ...standard, depth: 8 })[1], /^That is 1\/3\.58 of the parameters of depth 20 /);
  assert.match(networkSentences({ ...standard, depth: 8 })[4], /25×25 pixels, is still smaller/);
  assert.match(networkSentences({ ...standard, kind: "plain" })[3], /^A residual network with shortcut A has the same/);
  assert.match(networkSentences({ ...standard, shortcut: "C" })[3], /^The 9 projections hold 14,\d{3} parameters/);
  assert.match(networkSentences({ ...standard, depth: 8, width: 8, input: "digits", shape: [1, 8, 8] })[0],
    /digits: 19,074 parameters, 189,248 multiply-adds and 18\.6 kB of memory/);
  for (const settings of every) {
    const said = networkSentences(settings);
    assert.equal(said.length, 5);
    assert.doesNotMatch(said.join(" "), /undefined|NaN|null|–|∞|Infinity|⁻/);
    assert.match(legend(settings), /^Bar/);
  }
});

test("no tie for the most: naming one row is right", () => {
  for (const settings of every) {
    const { rows } = countNetwork(settings);
    for (const key of ["parameters", "multiplyAdds", "kept"]) {
      const most = Math.max(...rows.map((row) => row[key]));
      assert.equal(rows.filter((row) => row[key] === most).length, 1, JSON.stringify([settings, key]));
    }
  }
});
