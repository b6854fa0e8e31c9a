// The page: its tabs, and what the server says of itself.

import { get } from "./api.js";
import * as draw from "./draw.js";
import * as live from "./live.js";
import * as picture from "./picture.js";
import * as result from "./result.js";

const byId = (id) => document.getElementById(id);
const panels = { draw, picture, live };
const names = Object.keys(panels);
let shown = "draw";

function showTab(name, focus = false) {
  if (name !== shown) panels[shown].leave();
  for (const other of names) {
    const tab = byId(`tab-${other}`);
    tab.setAttribute("aria-selected", String(other === name));
    tab.tabIndex = other === name ? 0 : -1;
    byId(`panel-${other}`).hidden = other !== name;
  }
  shown = name;
  history.replaceState(null, "", `#${name}`);
  if (focus) byId(`tab-${name}`).focus();
  panels[name].enter();
}

for (const name of names) byId(`tab-${name}`).addEventListener("click", () => showTab(name));
document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  showTab(names[(names.indexOf(shown) + step + names.length) % names.length], true);
});
document.addEventListener("show-tab", (event) => showTab(event.detail));
document.addEventListener("needs-token", () => {
  if (!byId("login").open) byId("login").showModal();
});

async function begin() {
  const wanted = location.hash.slice(1);
  showTab(names.includes(wanted) ? wanted : "draw");
  if (wanted === "wrong-token") byId("login-said").textContent = "That was not the token. The server printed it when it was started:";
  try {
    const info = await get("/api/info");
    for (const part of [result, picture, live]) part.configure(info);
    byId("about").textContent = `edge-digits ${info.version}, model ${info.model}`;
  } catch (error) {
    if (error.status !== 401) {
      byId("trouble").textContent = error.message;
      byId("trouble").hidden = false;
    }
  }
}

begin();
