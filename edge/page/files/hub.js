// Asks the page's own server how the hub is, every few seconds, and keeps each part of the page as it says.
import { calls, devices, glance, people, prompts, readings, todo } from "./parts.js";
import { make } from "./making.js";
import { showTrends } from "./trends.js";
import { knows, language, say } from "./words.js";

const LOOK_MS = 3000;
const $ = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=anban-token]").content;
const SECTIONS = ["trends", "devices", "readings", "calls", "prompts"];

const parts = {};   // operation -> { version, value, at: when it was true, by performance.now() }
let hub = null;     // { up, sentence }: what the server says of the hub; null until it has said anything
let lost = "";      // why nothing comes from the server

/** How old what is known of `op` is, in ms: it grows while nobody answers. */
const age = (op) => performance.now() - parts[op].at;
const value = (op) => parts[op]?.value;

async function look() {
  const have = Object.entries(parts).map(([op, part]) => `${op}.${part.version}`).join(",");
  try {
    const answer = await fetch(`state?have=${have}`);
    if (answer.status === 403) lost = "lost_key";
    else if (!answer.ok) lost = "lost_page";
    else {
      const told = await answer.json();
      for (const [op, part] of Object.entries(told.parts)) {
        parts[op] = { version: part.version, value: "value" in part ? part.value : value(op), at: performance.now() - part.age_s * 1000 };
      }
      hub = { up: told.up, sentence: told.sentence };
      lost = "";
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;   // TypeError: the network's way to say no
    lost = "lost_page";
  }
  show();
}

async function act(what) {
  let told = {};
  try {
    const answer = await fetch("do", {
      method: "POST", headers: { "content-type": "application/json", "x-anban-token": token }, body: JSON.stringify(what),
    });
    if (answer.ok) return look();
    told = await answer.json().catch(() => ({ reason: "lost_key" }));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    told = { reason: "no-hub" };
  }
  toast(knows(`refused_${told.reason}`) ? say(`refused_${told.reason}`) : told.sentence ?? say("refused"));
  return look();
}

let hideToast;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(hideToast);
  hideToast = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

/** Put new content into a place, unless it is the same; who types or has opened something goes on with it. */
function keep(place, nodes) {
  const fresh = place.cloneNode(false);
  fresh.append(...nodes);
  for (const open of place.querySelectorAll("details[open][id]")) {
    const same = fresh.querySelector(`#${CSS.escape(open.id)}`);
    if (same) same.open = true;
  }
  if (place.isEqualNode(fresh)) return;
  const before = place.contains(document.activeElement) ? document.activeElement : null;
  const typed = new Map([...place.querySelectorAll("input[id]")].map((input) => [input.id, input.value]));
  place.replaceChildren(...fresh.childNodes);
  for (const input of place.querySelectorAll("input[id]")) input.value = typed.get(input.id) ?? "";
  if (before?.id) document.getElementById(before.id)?.focus({ preventScroll: true });
}

function show() {
  const known = { value, age, act, down: !hub?.up || Boolean(lost) };
  document.body.classList.toggle("old", Boolean(hub) && known.down);
  $("lost").hidden = !lost;
  if (lost) $("lost").textContent = say(lost);
  $("hub").textContent = value("status")?.hub ?? "Anban";
  keep($("glance"), glance(hub, lost, known));
  const waiting = parts.devices || parts.faults ? todo(known) : [];
  $("todo").hidden = !waiting.length;
  keep($("todo").querySelector(".body"), waiting);
  if (parts.trends) {
    showTrends($("trends"), value("trends"), people(known), age("trends"));
    $("trends").hidden = false;
  }
  for (const [name, build] of Object.entries({ devices, readings, calls, prompts })) {
    if (!parts[name]) continue;
    $(name).hidden = false;
    keep($(name).querySelector(".body"), build(known));
  }
  keep($("nav"), SECTIONS.filter((name) => parts[name]).map((name) => {
    const link = make("a", "", say(name));
    link.href = `#${name}`;
    return link;
  }));
}

for (const node of document.querySelectorAll("[data-word]")) node.textContent = say(node.dataset.word);
const other = language() === "zh" ? "en" : "zh";
$("language").textContent = say("other_language");
$("language").lang = other;
$("language").href = `./?language=${other}`;

async function run() {
  for (;;) {
    if (!document.hidden) await look();
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
}
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
run();
