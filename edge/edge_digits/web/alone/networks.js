// The two networks, run by onnxruntime-web in this thread; as inference/session.py.

import * as ort from "../ort/ort.wasm.bundle.min.mjs";
import { depthToSpace, INPUT_MULTIPLE } from "./heatmap.js";

const MOST_AT_ONCE = 256;

// More threads would need headers that plain file servers do not send.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL("../ort/ort-wasm-simd-threaded.wasm", import.meta.url).href };

/** Load the networks that the page's own description names: { maps, probabilities, weights }. */
export async function loadNetworks({ finder, reader, weights }) {
  const [finding, reading] = [await session(finder.file), await session(reader.file)];

  /** The cells of a plane whose sides are multiples of eight. */
  async function maps({ width, height, data }) {
    const { maps: output } = await finding.run({ image: new ort.Tensor("uint8", data, [1, height, width]) });
    const [, rows, columns, channels] = output.dims;
    if (rows !== height / INPUT_MULTIPLE || columns !== width / INPUT_MULTIPLE) throw new Error("the finder is another one");
    return depthToSpace(output.data, rows, columns, channels / 4);
  }

  /** Probabilities of each class for each window, an array each; what they lack of 1 is for no class. */
  async function probabilities(windows, side) {
    const rows = [];
    for (let first = 0; first < windows.length; first += MOST_AT_ONCE) {
      const some = windows.slice(first, first + MOST_AT_ONCE);
      const pixels = new Uint8Array(some.length * side * side);
      some.forEach((one, i) => pixels.set(one, i * side * side));
      const { logits } = await reading.run({ image: new ort.Tensor("uint8", pixels, [some.length, side, side]) });
      const classes = logits.dims[1];
      for (let i = 0; i < some.length; i++) {
        rows.push(softmax(Array.from(logits.data.subarray(i * classes, (i + 1) * classes)), reader));
      }
    }
    return rows;
  }

  return { maps, probabilities, weights };
}

async function session(file) {
  const response = await fetch(new URL(`../${file}`, import.meta.url));
  if (!response.ok) throw new Error(`${file}: the file server answered with ${response.status}`);
  return ort.InferenceSession.create(new Uint8Array(await response.arrayBuffer()), { executionProviders: ["wasm"] });
}

/** The softmax at a temperature; `background` is one class more, whose logit is always 0. */
function softmax(logits, { temperature, background }) {
  const top = Math.max(...logits, background ? 0 : -Infinity);
  const shares = logits.map((logit) => Math.exp((logit - top) / temperature));
  const total = shares.reduce((sum, share) => sum + share, background ? Math.exp(-top / temperature) : 0);
  return shares.map((share) => share / total);
}
