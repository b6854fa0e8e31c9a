// What was read: the text, each digit with what the model saw and its ten bars, and its correction.

import { send } from "./api.js";

const byId = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const page = { labels: [], corrections: false };

/** An element with a class and a text. */
function made(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export function configure(info) {
  page.labels = info.labels;
  page.corrections = info.corrections;
}

/** Show nothing but a word on why. */
export function clear(words) {
  byId("text").textContent = "";
  byId("said").textContent = words;
  byId("warnings").replaceChildren();
  byId("digits").replaceChildren();
  byId("copy").disabled = true;
}

/** Say what is being done, or went wrong, and leave the last result. */
export function say(words) {
  byId("said").textContent = words;
}

/** Show a record; `picture` is what it was read from, for corrections; `text` what is to be said of it. */
export function show(record, picture, text = record.text) {
  setText(text);
  const statuses = {
    ok: `Read, ${percent(record.confidence)} sure`,
    uncertain: record.text ? `Read, ${percent(record.confidence)} sure, and some digits were refused` : "Too unsure to be read",
    no_digits: "No digits were found",
  };
  const milliseconds = Object.values(record.speed_ms).reduce((sum, value) => sum + value, 0);
  say(`${statuses[record.status] || record.status}, in ${milliseconds.toFixed(0)} ms.`);
  byId("warnings").replaceChildren(...record.warnings.map((warning) => made("li", "", warning)));
  byId("digits").replaceChildren(...record.digits.map((digit) => card(digit, picture)));
}

/** Whether somebody is about to correct a digit, which must not be replaced by that of the next frame meanwhile. */
export function isHeld() {
  const digits = byId("digits");
  return digits.matches(":hover, :focus-within") || digits.querySelector(".labels:not([hidden])") !== null;
}

export function setText(text) {
  const output = byId("text");
  if (output.textContent !== text) output.textContent = text; // a screen reader says each change
  byId("copy").disabled = !text;
}

function card(digit, picture) {
  const item = made("li", digit.rejected ? "digit refused" : "digit");
  if (digit.seen) item.append(painted(digit));
  const words = made("div");
  words.append(made("h3", "", digit.label), made("p", "", percent(digit.confidence)));
  if (digit.rejected) words.append(made("p", "", digit.sign ? "a sign" : "refused"));
  item.append(words, bars(digit));
  if (page.corrections && picture && !digit.sign) item.append(mending(digit, picture));
  return item;
}

/** The 28 x 28 grey pixels that the model saw of a digit. */
function painted(digit) {
  const canvas = made("canvas");
  canvas.width = canvas.height = 28;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `What the model saw: 28 x 28 pixels, read as ${digit.label}`);
  const gray = atob(digit.seen);
  const image = new ImageData(28, 28);
  for (let i = 0; i < gray.length; i++) {
    image.data.fill(gray.charCodeAt(i), 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** A bar for each class, in the order of the classes. */
function bars(digit) {
  const list = made("dl", "bars");
  const shares = new Map(digit.topk);
  for (const label of page.labels) {
    const share = shares.get(label) || 0;
    const bar = made("dd", "bar");
    const filled = made("span");
    filled.style.width = percent(share).replace(" ", "");
    bar.append(filled);
    bar.setAttribute("aria-hidden", "true");
    list.append(made("dt", "", label), bar, made("dd", "share", percent(share)));
  }
  return list;
}

/** A button that opens the labels; one of them is sent with the picture. */
function mending(digit, picture) {
  const box = made("div", "mend");
  const open = made("button", "", "Wrong?");
  const labels = made("div", "labels");
  const said = made("p", "", "");
  said.setAttribute("role", "status");
  labels.hidden = true;
  open.setAttribute("aria-expanded", "false");
  open.addEventListener("click", () => {
    labels.hidden = !labels.hidden;
    open.setAttribute("aria-expanded", String(!labels.hidden));
  });
  for (const label of [...page.labels, "none"]) {
    const button = made("button", "", label === "none" ? "no digit" : label);
    button.setAttribute("aria-label", label === "none" ? "It is no digit" : `It is ${label}`);
    button.addEventListener("click", async () => {
      try {
        await send("/api/corrections", { label, ...digit.box }, picture);
        said.textContent = `Saved as ${label === "none" ? "no digit" : label}. Thank you.`;
        labels.hidden = true;
      } catch (error) {
        said.textContent = error.message;
      }
    });
    labels.append(button);
  }
  box.append(open, labels, said);
  return box;
}

/** Draw the boxes of a record over an element that shows its picture. */
export function drawBoxes(canvas, shown, record) {
  const place = shown.getBoundingClientRect();
  const around = canvas.parentElement.getBoundingClientRect();
  const sharp = window.devicePixelRatio || 1;
  canvas.style.left = `${place.left - around.left - canvas.parentElement.clientLeft}px`;
  canvas.style.top = `${place.top - around.top - canvas.parentElement.clientTop}px`;
  canvas.style.width = `${place.width}px`;
  canvas.style.height = `${place.height}px`;
  canvas.width = Math.round(place.width * sharp);
  canvas.height = Math.round(place.height * sharp);
  if (!record || !record.width) return;
  const pen = canvas.getContext("2d");
  const x = canvas.width / record.width;
  const y = canvas.height / record.height;
  pen.lineWidth = 2 * sharp;
  pen.font = `600 ${14 * sharp}px system-ui, sans-serif`;
  for (const digit of record.digits) {
    const { x1, y1, x2, y2 } = digit.box;
    pen.strokeStyle = pen.fillStyle = digit.rejected ? "#b35900" : "#1b7a38";
    pen.strokeRect(x1 * x, y1 * y, (x2 - x1) * x, (y2 - y1) * y);
    const tab = pen.measureText(digit.label).width + 8 * sharp;
    const top = y1 * y > 20 * sharp ? y1 * y - 20 * sharp : y2 * y;
    pen.fillRect(x1 * x - sharp, top, tab, 20 * sharp);
    pen.fillStyle = "#ffffff";
    pen.fillText(digit.label, x1 * x + 3 * sharp, top + 15 * sharp);
  }
}

byId("copy").addEventListener("click", async () => {
  const output = byId("text");
  try {
    await navigator.clipboard.writeText(output.textContent);
    say("Copied.");
  } catch {
    // Pages without HTTPS may not; the text is selected, to be copied by hand.
    getSelection().selectAllChildren(output);
    say(document.execCommand("copy") ? "Copied." : "Selected: copy it with Ctrl+C.");
  }
});
