// Paper to write on: strokes of finger, pen or mouse, read while they are drawn.

import { send } from "./api.js";
import { clear, drawBoxes, say, show } from "./result.js";

const byId = (id) => document.getElementById(id);
const paper = byId("drawing");
const boxes = byId("drawing-boxes");
const thickness = byId("thickness");
const NOTHING = "Write one or more digits.";
const MOST_PIXELS = 1200; // of the longer side of what is sent

let strokes = []; // each with its width and points, in shares of the paper's width
let current = null;
let reading = false;
let changed = false;

function fit() {
  const place = paper.getBoundingClientRect();
  if (!place.width) return;
  const scale = Math.min(window.devicePixelRatio || 1, MOST_PIXELS / place.width);
  paper.width = Math.round(place.width * scale);
  paper.height = Math.round(place.height * scale);
  redraw();
  drawBoxes(boxes, paper, null);
}

function redraw() {
  const pen = paper.getContext("2d");
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, paper.width, paper.height);
  pen.strokeStyle = pen.fillStyle = "#1c1c1c";
  pen.lineCap = pen.lineJoin = "round";
  for (const stroke of strokes) {
    const [first, ...others] = stroke.points.map(([x, y]) => [x * paper.width, y * paper.width]);
    pen.lineWidth = stroke.width * paper.width;
    pen.beginPath();
    pen.moveTo(...first);
    if (!others.length) pen.lineTo(first[0] + 0.1, first[1]);
    for (const point of others) pen.lineTo(...point);
    pen.stroke();
  }
  byId("drawing-hint").hidden = strokes.length > 0;
  byId("undo").disabled = byId("clear").disabled = !strokes.length;
}

function pointOf(event) {
  const place = paper.getBoundingClientRect();
  return [(event.clientX - place.left) / place.width, (event.clientY - place.top) / place.width];
}

async function read() {
  changed = true;
  if (reading) return; // what is drawn meanwhile is read next
  reading = true;
  while (changed) {
    changed = false;
    if (byId("panel-draw").hidden) break; // another tab's result is shown
    if (!strokes.length) {
      clear(NOTHING);
      drawBoxes(boxes, paper, null);
      continue;
    }
    const picture = await new Promise((done) => paper.toBlob(done, "image/png"));
    try {
      const record = await (await send("/api/read", { name: "drawing", seen: 1, top_k: 100 }, picture)).json();
      if (strokes.length && !byId("panel-draw").hidden) {
        show(record, picture);
        drawBoxes(boxes, paper, record);
      }
    } catch (error) {
      say(error.message);
      if (error.status !== 503 && error.status !== 0) break;
      await new Promise((done) => setTimeout(done, 1000 * (error.seconds || 1)));
      changed = true;
    }
  }
  reading = false;
}

paper.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  paper.setPointerCapture(event.pointerId);
  current = { id: event.pointerId, width: thickness.value / 160, points: [pointOf(event)] };
  strokes.push(current);
  redraw();
  event.preventDefault();
});
paper.addEventListener("pointermove", (event) => {
  if (!current || event.pointerId !== current.id) return;
  const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  current.points.push(...(events.length ? events : [event]).map(pointOf));
  redraw();
  read();
});
for (const name of ["pointerup", "pointercancel"]) {
  paper.addEventListener(name, (event) => {
    if (!current || event.pointerId !== current.id) return;
    current = null;
    read();
  });
}

function undo() {
  strokes.pop();
  redraw();
  read();
}

function wipe() {
  strokes = [];
  redraw();
  read();
}

byId("undo").addEventListener("click", undo);
byId("clear").addEventListener("click", wipe);
document.addEventListener("keydown", (event) => {
  if (byId("panel-draw").hidden || event.target.matches("input, select")) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "z") undo();
  else if (event.key === "Delete") wipe();
  else return;
  event.preventDefault();
});
new ResizeObserver(() => {
  fit();
  if (strokes.length) read();
}).observe(paper);

/** The tab is shown: its result again. */
export function enter() {
  fit();
  read();
}

export function leave() {}
