// The camera of this device, whose frames are sent as fast as they are answered; or that of the server, watched.

import { alone, send } from "./api.js";
import { clear, drawBoxes, isHeld, say, setText, show } from "./result.js";

const byId = (id) => document.getElementById(id);
const video = byId("video");
const stream = byId("stream");
const boxes = byId("live-boxes");
const devices = byId("devices");
const SIDE = 640; // of the longer side of a frame that is sent
const WAITING = "Waiting for what is announced …";
const NOTHING = "Hold a number before a camera.";
const INSECURE =
  "Browsers give a page a camera only at an address that begins with https:// or is that of the same machine " +
  "(localhost). " +
  (alone
    ? "Put this page where it has such an address."
    : "Start the server with --https and open the address that it prints, or open this page on the server.");
const PROBLEMS = {
  NotAllowedError: "The camera was refused. Allow it for this page in the browser's address bar, then try again.",
  NotFoundError: "This device has no camera.",
  NotReadableError: "The camera cannot be opened: another program may be using it.",
  OverconstrainedError: "The camera that was chosen is gone. Choose another one.",
};

let media = null; // the camera of this device, while it is open
let events = null; // those of the server's camera, while it is watched
let run = 0; // which run a loop belongs to

function note(words, bad = false) {
  byId("live-note").textContent = words;
  byId("live-note").classList.toggle("bad", bad);
}

function showRunning(running) {
  byId("stop").hidden = !running;
  byId("start").hidden = running;
  byId("watch").hidden = running || !byId("watch").dataset.offered;
  byId("live-hint").hidden = running;
  byId("announced").hidden = !running && !byId("announcements").children.length;
}

export function configure(info) {
  if (info.camera) byId("watch").dataset.offered = "yes";
  showRunning(!byId("stop").hidden);
}

function announce(event) {
  if (event.event !== "announced") return;
  const item = document.createElement("li");
  item.textContent = `${event.text.replaceAll("\n", " / ")} · ${new Date().toLocaleTimeString()}`;
  byId("announcements").prepend(item);
  while (byId("announcements").children.length > 20) byId("announcements").lastChild.remove();
  byId("announced").hidden = false;
}

async function start() {
  stop();
  if (!navigator.mediaDevices?.getUserMedia) {
    note(INSECURE, true);
    return;
  }
  note("Asking for the camera …");
  const mine = ++run;
  const wanted = devices.value ? { deviceId: { exact: devices.value } } : { facingMode: "environment" };
  let opened;
  try {
    opened = await navigator.mediaDevices.getUserMedia({ video: { ...wanted, width: { ideal: 1280 } }, audio: false });
  } catch (error) {
    if (mine === run) note(PROBLEMS[error.name] || `The camera cannot be opened (${error.name}).`, true);
    return;
  }
  if (mine !== run) {
    for (const track of opened.getTracks()) track.stop();
    return;
  }
  media = opened;
  video.srcObject = media;
  video.hidden = false;
  showRunning(true);
  await video.play().catch(() => {});
  await listDevices();
  await sendFrames(mine);
}

async function listDevices() {
  const found = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
  const used = media?.getVideoTracks()[0]?.getSettings().deviceId;
  devices.replaceChildren(...found.map((one, i) => new Option(one.label || `Camera ${i + 1}`, one.deviceId)));
  devices.value = used || "";
  byId("devices-label").hidden = found.length < 2;
}

/** One frame after the other: each is taken when the one before it has been answered. */
async function sendFrames(mine) {
  const name = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16)).join("");
  const canvas = document.createElement("canvas");
  const times = [];
  while (mine === run) {
    if (document.hidden || !video.videoWidth) {
      await new Promise((done) => setTimeout(done, 100));
      continue;
    }
    const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    try {
      const record = await (await send(`/api/frame/${name}`, {}, picture)).json();
      if (mine !== run) return;
      times.push(performance.now());
      while (times.length > 2 && times.at(-1) - times[0] > 2000) times.shift();
      const rate = times.length > 1 ? (1000 * (times.length - 1)) / (times.at(-1) - times[0]) : 0;
      const text = record.announced.text || record.text;
      if (isHeld()) setText(text);
      else show(record, picture, text);
      drawBoxes(boxes, video, record);
      record.events.forEach(announce);
      note(`Reading ${rate.toFixed(1)} frames a second.`);
    } catch (error) {
      if (mine !== run) return;
      note(error.message, true);
      await new Promise((done) => setTimeout(done, 1000 * (error.seconds || 1)));
    }
  }
}

function watch() {
  stop();
  run++;
  clear(WAITING);
  stream.hidden = false;
  stream.src = `/stream.mjpg?${run}`;
  showRunning(true);
  note("Opening the server's camera …");
  events = new EventSource("/api/events");
  events.addEventListener("announced", (message) => {
    const event = JSON.parse(message.data);
    setText(event.text);
    say(`Announced, ${(100 * event.confidence).toFixed(1)} % sure.`);
    announce(event);
  });
  events.addEventListener("withdrawn", () => clear(WAITING));
  events.addEventListener("camera", (message) => {
    const { state, error } = JSON.parse(message.data);
    const words = { open: "Watching the server's camera.", opening: "Opening the server's camera …", lost: "The camera was lost; it is being opened again." };
    note(error || words[state] || "The camera has ended.", Boolean(error) || state === "lost");
  });
}

stream.addEventListener("error", async () => {
  if (stream.hidden) return;
  try {
    await fetch("/snapshot.jpg").then(async (response) => {
      if (!response.ok) note((await response.json()).error, true);
    });
  } catch {
    note("The server does not answer. Is it still running?", true);
  }
});

function stop() {
  run++;
  for (const track of media?.getTracks() || []) track.stop();
  media = video.srcObject = null;
  events?.close();
  events = null;
  stream.removeAttribute("src");
  stream.hidden = video.hidden = true;
  drawBoxes(boxes, boxes.parentElement, null);
  note("");
  showRunning(false);
}

byId("start").addEventListener("click", start);
byId("watch").addEventListener("click", watch);
byId("stop").addEventListener("click", () => {
  stop();
  clear(NOTHING);
});
devices.addEventListener("change", start);

export function enter() {
  clear(NOTHING);
  showRunning(false);
  if (!navigator.mediaDevices?.getUserMedia) note(INSECURE, true);
}

export function leave() {
  stop();
  byId("announced").hidden = true;
}
