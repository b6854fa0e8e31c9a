// The thread that reads, so that the page stays quick while it does. Messages in: { id, options, file }, or { id } to
// ask whether all is loaded; out: { id, record } or { id, error: { status, words } }.

import { decode, PictureError } from "./decode.js";
import { loadNetworks } from "./networks.js";
import { toGray } from "./pixels.js";
import { read } from "./reader.js";

const loaded = fetch(new URL("../page.json", import.meta.url))
  .then((response) => response.json())
  .then(loadNetworks);
loaded.catch(() => {}); // said to whoever asks
let last = Promise.resolve();

async function answer({ id, options, file }) {
  let networks;
  try {
    networks = await loaded;
  } catch (error) {
    return { id, error: { status: 500, words: `The networks cannot be loaded here: ${error.message}` } };
  }
  if (!file) return { id, record: null };
  try {
    const start = performance.now();
    const { picture, size } = await decode(file);
    const decoded = performance.now() - start;
    const record = await read(options.gray ? [toGray(picture)] : picture, size, networks, options);
    return { id, record: { ...record, speed_ms: { decode: decoded, ...record.speed_ms } } };
  } catch (error) {
    const wrong = error instanceof PictureError;
    const words = wrong ? `${options.name || "the picture"}: ${error.message}` : `Reading failed: ${error.message}`;
    return { id, error: { status: wrong ? 422 : 500, words } };
  }
}

addEventListener("message", ({ data }) => {
  last = last.then(async () => postMessage(await answer(data))); // one after the other
});
