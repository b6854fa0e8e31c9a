// What the page asks of its server, answered in the browser alone: this file takes the place of the one that asks.

import { Voter } from "./alone/voting.js";

/** Whether there is no server. */
export const alone = true;

/** An answer that says what was wrong. */
export class Refused extends Error {
  constructor(status, words, seconds) {
    super(words);
    this.status = status;
    this.seconds = seconds;
  }
}

const waiting = new Map();
const voters = new Map();
let asked = 0;
let broken = null; // why nothing can be read
// Made of a blob, a worker keeps the page's Content-Security-Policy: neither can send a picture anywhere.
const start = `import ${JSON.stringify(new URL("alone/worker.js", import.meta.url).href)};`;
const worker = new Worker(URL.createObjectURL(new Blob([start], { type: "text/javascript" })), { type: "module" });
worker.addEventListener("message", ({ data: { id, record, error } }) => {
  const { done, failed } = waiting.get(id);
  waiting.delete(id);
  if (error) failed(new Refused(error.status, error.words, 1));
  else done(record);
});
worker.addEventListener("error", () => {
  broken = new Refused(500, "This browser cannot run what reads here. Use a newer one.", 1);
  for (const { failed } of waiting.values()) failed(broken);
  waiting.clear();
});

function ask(message) {
  if (broken) throw broken;
  const id = ++asked;
  return new Promise((done, failed) => {
    waiting.set(id, { done, failed });
    worker.postMessage({ id, ...message });
  });
}

/** What the page is told of what reads here, once that is loaded. */
export async function get() {
  let response;
  try {
    response = await fetch(new URL("page.json", import.meta.url));
  } catch {
    throw new Refused(0, "The page's files cannot be loaded. Serve its folder: python3 -m http.server", 2);
  }
  const info = await response.json();
  await ask({});
  return info;
}

/** The response to a picture with these options; as from a server, its JSON is the record. */
export async function send(path, options, picture, signal) {
  signal?.throwIfAborted();
  const [, , kind, stream] = path.split("/");
  if (kind !== "read" && kind !== "frame") throw new Refused(404, "This needs a server: edge-digits serve", 1);
  const live = kind === "frame";
  const given = live ? { ...options, gray: true, seen: true, top_k: 100, name: "browser" } : options;
  const record = await ask({ options: given, file: picture });
  signal?.throwIfAborted();
  return new Response(JSON.stringify(live ? announced(record, stream) : record));
}

function announced(record, stream) {
  if (!voters.has(stream)) {
    voters.clear();
    voters.set(stream, new Voter());
  }
  const voter = voters.get(stream);
  const events = voter.update(record, performance.now() / 1000);
  return { ...record, announced: { text: voter.text, confidence: voter.confidence }, events };
}
