// A picture that is dropped, pasted, chosen or taken with the phone's camera.

import { alone, send } from "./api.js";
import { clear, drawBoxes, say, show } from "./result.js";

const byId = (id) => document.getElementById(id);
const shown = byId("picture");
const boxes = byId("picture-boxes");
const drop = byId("drop");
const sheet = byId("sheet");
const form = byId("options");
const NOTHING = "Choose, drop or paste a picture.";

let picture = null;
let record = null;
let request = null;

function options() {
  return Object.fromEntries(new FormData(form));
}

export function configure(info) {
  for (const [name, values] of [["layout", info.layouts], ["signs", info.signs]]) {
    form.elements[name].replaceChildren(...values.map((value) => new Option(value, value)));
  }
}

/** Show a picture and read it. */
export async function take(file) {
  picture = file;
  URL.revokeObjectURL(shown.src);
  shown.src = URL.createObjectURL(file);
  shown.alt = file.name ? `The picture ${file.name}` : "The picture";
  shown.hidden = false;
  byId("drop-hint").hidden = true;
  await read();
}

async function read() {
  request?.abort();
  request = new AbortController();
  record = null;
  sheet.hidden = true;
  byId("steps").disabled = true;
  drawBoxes(boxes, shown, null);
  if (!picture) {
    clear(NOTHING);
    return;
  }
  clear(`Reading ${picture.name || "the picture"} …`);
  try {
    const asked = { ...options(), name: picture.name || "pasted", seen: 1, top_k: 100 };
    record = await (await send("/api/read", asked, picture, request.signal)).json();
    if (byId("panel-picture").hidden) return; // `enter` shows it
    show(record, picture);
    drawBoxes(boxes, shown, record);
    byId("steps").disabled = false;
  } catch (error) {
    if (error.name !== "AbortError") say(error.message);
  }
}

byId("steps").addEventListener("click", async () => {
  byId("steps").disabled = true;
  try {
    const blob = await (await send("/api/explain", options(), picture)).blob();
    URL.revokeObjectURL(byId("sheet-picture").src);
    byId("sheet-picture").src = URL.createObjectURL(blob);
    sheet.hidden = false;
    sheet.scrollIntoView({ block: "nearest" });
  } catch (error) {
    say(error.message);
  }
  byId("steps").disabled = false;
});

shown.addEventListener("load", () => drawBoxes(boxes, shown, record));
shown.addEventListener("error", () => {
  if (!shown.getAttribute("src")) return;
  shown.hidden = true;
  byId("drop-hint").hidden = false;
  const more = alone ? "" : "; the server may read it all the same";
  byId("drop-hint").textContent = `This browser cannot show this kind of picture${more}`;
});
for (const id of ["file", "photo"]) {
  byId(id).addEventListener("change", (event) => {
    if (event.target.files.length) take(event.target.files[0]);
    event.target.value = "";
  });
}
form.addEventListener("change", read);
form.addEventListener("submit", (event) => event.preventDefault());
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) offer(file);
});
document.addEventListener("paste", (event) => {
  const [file] = event.clipboardData.files;
  if (file) offer(file);
});

/** A picture that came whichever tab was shown. */
function offer(file) {
  document.dispatchEvent(new CustomEvent("show-tab", { detail: "picture" }));
  take(file);
}
new ResizeObserver(() => drawBoxes(boxes, shown, record)).observe(drop);

export function enter() {
  if (record) {
    show(record, picture);
    drawBoxes(boxes, shown, record);
    byId("steps").disabled = false;
  } else read();
}

export function leave() {
  sheet.hidden = true;
}
