// Keep the page as the feed says: devices, switches, calls and the timeline.
import { Devices } from "./devices.js";
import { Phones } from "./phones.js";
import { Plan } from "./plan.js";
import { showTrends } from "./trends.js";
import { language, pick, say, switchLanguage } from "./words.js";

const $ = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=anban-token]").content;
const SWITCHES = ["internet", "udp", "platform", "hub_process", "disk", "jam", "stranger"];
const STAGES = ["pressed", "heard", "stored", "sent", "platform", "felt", "taken", "arrived"];
const ROWS_SHOWN = 200;

let state = {};
let rows = [];

async function act(what) {
  const answer = await fetch("do", {
    method: "POST", headers: { "content-type": "application/json", "x-anban-token": token }, body: JSON.stringify(what),
  }).catch(() => null);
  if (!answer || !answer.ok) toast(answer ? refusal(await answer.json().catch(() => ({}))) : say("ended"));
}

/** What could not be done, in the page's language; a sentence without a word of its own as it came. */
const refusal = ({ word, about, error }) => (word ? say(word, { about }) : error ?? say("not_done"));

let hideToast;
function toast(text) {
  $("toast").textContent = text ?? "";
  $("toast").hidden = false;
  clearTimeout(hideToast);
  hideToast = setTimeout(() => { $("toast").hidden = true; }, 4000);
}

const plan = new Plan($("plan"), act);
const devices = new Devices($("devices"), act);
const phones = new Phones($("phones"), act);
const of = (kind) => Object.keys(state).filter((key) => key.startsWith(`${kind}:`)).sort().map((key) => state[key]);
const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

function showAll() {
  document.documentElement.lang = language();
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = say(node.dataset.word);
  $("language").textContent = language() === "zh" ? "English" : "中文";
  devices.clear();
  if (state.home) plan.draw(state.home, state.walls ?? {});
  show(Object.keys(state));
  $("rows").replaceChildren();
  for (const row of rows) addRow(row);
}

function show(names) {
  const changed = (prefix) => names.some((name) => name.startsWith(prefix));
  if (changed("home") || changed("walls")) {
    if (state.home) plan.draw(state.home, state.walls ?? {});
    $("seed").textContent = say("seed", { seed: state.home?.seed ?? "" });
    if (state.home?.seat) $("seat").href = state.home.seat;
    names = Object.keys(state);
  }
  const hubs = of("hub"), pendants = of("pendant");
  for (const hub of hubs) if (names.includes(`hub:${hub.id}`)) { plan.showHub(hub); devices.showHub(hub); }
  for (const pendant of pendants) {
    if (names.includes(`pendant:${pendant.id}`)) { plan.showPendant(pendant); devices.showPendant(pendant); }
  }
  if (names.some((name) => /^(hub|pendant|walls|home)/.test(name))) plan.showLinks(pendants, hubs);
  if (names.some((name) => name.startsWith("hub:"))) showBubbles(hubs);
  if (changed("phone") || names.includes("home")) {
    phones.show(of("phone"));
    $("family").hidden = !of("phone").length;
  }
  if (changed("world")) showWorld(state.world ?? {});
  if (changed("calls")) showCalls(state.calls ?? []);
  if (changed("trends") || changed("home")) showWeek();
  if (changed("hub_page")) {
    $("hub-page").hidden = !state.hub_page;
    $("hub-page").href = state.hub_page || "#";
  }
}

/** Everybody's week, as old as it is by now: `told_ms` is when the hub told it. */
function showWeek() {
  const age = state.trends?.told_ms ? Math.max(0, Date.now() - state.trends.told_ms) : 0;
  showTrends($("trends"), state.trends, state.home?.people ?? {}, age);
}

function showBubbles(hubs) {
  const { width, height } = state.home ?? { width: 1, height: 1 };
  $("bubbles").replaceChildren(...hubs.filter((hub) => hub.up && hub.spoken?.text).map((hub) => {
    const bubble = make("p", hub.spoken.now ? "bubble now" : "bubble", pick(hub.spoken.text));
    bubble.style.left = `${(hub.x / width) * 100}%`;
    bubble.style.top = `${(hub.y / height) * 100}%`;
    return bubble;
  }));
}

function showWorld(world) {
  $("world").replaceChildren(...SWITCHES.filter((name) => name in world).map((name) => {
    const well = world[name];
    const button = make("button", well ? "switch" : "switch bad");
    button.type = "button";
    button.setAttribute("role", "switch");
    button.setAttribute("aria-checked", String(!well));
    button.dataset.switch = name;
    button.title = say(`${name}_hint`);
    button.append(make("b", "", say(name)), make("span", "", say(`${name}_${well ? "on" : "off"}`)), make("i"));
    button.addEventListener("click", () => act({ act: "world", name, well: !well }));
    return button;
  }));
}

const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60000)} min`);

function showCalls(calls) {
  if (!calls.length) {
    $("calls").replaceChildren(make("li", "empty", say("no_calls")));
    return;
  }
  $("calls").replaceChildren(...calls.slice(0, 6).map((call) => {
    const item = make("li", `call ${call.state}`);
    const head = make("p", "head");
    head.append(make("b", "", pick(call.elder)), make("span", "kind", pick(call.title)));
    if (call.presses > 1) head.append(make("span", "kind", say("presses", { n: call.presses })));
    head.append(make("span", "state", say(`state_${call.state}`)));
    const line = make("ol", "stages");
    for (const stage of STAGES) {
      const known = call.stages[stage];
      const step = make("li", known === undefined ? "" : "done");
      step.append(make("i"), make("b", "", say(`stage_${stage}`)), make("span", "", known === undefined ? "" : duration(known)));
      line.append(step);
    }
    item.append(head, line);
    return item;
  }));
}

function addRow(row) {
  const item = make("li", `row ${row.what}${row.well === false ? " bad" : ""}`);
  const seconds = row.ms / 1000;
  const clock = `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
  const words = Object.fromEntries(Object.entries(row).map(([key, value]) => [key, typeof value === "object" ? pick(value) : value]));
  if (row.switch) words.text = `${say(row.switch)}${language() === "zh" ? "" : " "}${say(`${row.switch}_${row.well ? "on" : "off"}`)}`;
  if (row.key) words.key = say(`key_${row.key}`);
  if (row.what === "stored" && row.kind) words.text = say(`kind_${row.kind}`);
  if (row.parts) words.text = row.parts.map((part) => say(part)).join(language() === "zh" ? "" : " ");
  item.append(make("time", "", clock), make("b", row.colour ?? "", row.who === "seat" ? say("seat") : row.who), make("span", "", say(`row_${row.what}`, words)));
  const list = $("rows");
  const atTop = list.scrollTop < 30;
  list.prepend(item);
  while (list.children.length > ROWS_SHOWN) list.lastChild.remove();
  if (atTop) list.scrollTop = 0;
}

function listen() {
  const feed = new EventSource("feed");
  feed.addEventListener("all", (event) => {
    ({ state, rows } = JSON.parse(event.data));
    $("ended").hidden = true;
    showAll();
  });
  feed.addEventListener("state", (event) => {
    const changed = JSON.parse(event.data);
    Object.assign(state, changed);
    show(Object.keys(changed));
  });
  feed.addEventListener("row", (event) => {
    const row = JSON.parse(event.data);
    rows.push(row);
    rows = rows.slice(-ROWS_SHOWN);
    addRow(row);
  });
  feed.addEventListener("error", () => { $("ended").hidden = false; });
}

$("language").addEventListener("click", () => { switchLanguage(); showAll(); });
setInterval(showWeek, 15_000);
showAll();
listen();
