// The seat's page: reads the platform's stream, shows calls and faults, sends what the seat does.
// Everything that comes from outside is put in as text, never as markup.
import { WORDS } from "./words.js";

const $ = (id) => document.getElementById(id);
const calls = new Map();      // call_id -> call
const fresh = new Map();      // call_id -> until when its card flashes (page time, ms)
let faults = [];
let readings = [];
let hubs = 0;
let skew = 0;                 // platform time - page time, ms
let language = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en");
let sounding = false;
let audio = null;
let state = "starting";
let liveAt = 0;               // when the platform was last heard, its own time, ms

const word = (key) => WORDS[language][key] ?? key;
const fill = (key, values) => word(key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
const among = (table, key) => (Object.hasOwn(WORDS[language][table], key) ? WORDS[language][table][key] : key);
const who = (by) => (by === "seat" ? word("somebody") : by);   // "seat": nobody gave a name
const now = () => Date.now() + skew;

function make(tag, className, text, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  node.append(...children.filter(Boolean));
  return node;
}

/* the token: once in the fragment, then in this tab only */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token");
}

const authorized = () => ({ authorization: `Bearer ${sessionStorage.getItem("token") || ""}` });

function askToken(wrong) {
  $("gate").hidden = false;
  $("wrong").hidden = !wrong;
  $("token").focus();
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token").value.trim());
  $("token").value = "";
  $("gate").hidden = true;
  listen();
});

/* the stream: read by fetch, because EventSource cannot send a header */
async function listen() {
  for (let failures = 0; ; failures += 1) {
    try {
      const answer = await fetch("seat/stream", { headers: authorized() });
      if (answer.status === 401) {
        askToken(sessionStorage.getItem("token") !== null);
        return;
      }
      if (answer.ok) {
        failures = 0;
        await read(answer.body.getReader());
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;   // TypeError: the network's way to say no
    }
    setState("lost");
    show();
    await new Promise((done) => setTimeout(done, Math.min(500 * 1.6 ** failures, 5000)));
  }
}

async function read(reader) {
  const decoder = new TextDecoder();
  let rest = "";
  let quiet;
  for (;;) {
    clearTimeout(quiet);
    quiet = setTimeout(() => reader.cancel(), 40000);   // a ping comes every 15 s: longer silence is a dead line
    const { done, value } = await reader.read();
    if (done) break;
    rest += decoder.decode(value, { stream: true });
    const parts = rest.split("\n\n");
    rest = parts.pop();
    for (const part of parts) heard(part);
  }
  clearTimeout(quiet);
}

function heard(part) {
  const name = /^event: (.*)$/m.exec(part)?.[1];
  const data = /^data: (.*)$/m.exec(part)?.[1];
  if (!name || !data) return;
  const value = JSON.parse(data);
  if (value.now_ms) skew = value.now_ms - Date.now();
  if (name === "state") {
    calls.clear();
    for (const call of value.calls) calls.set(call.call_id, call);
    faults = value.faults;
    readings = value.readings;
    hubs = value.hubs;
  } else if (name === "call") {
    calls.set(value.call.call_id, value.call);
    if (value.alert === "new" || value.alert === "again") alertSeat(value.call.call_id);
    if (value.call.lifecycle !== "open" || (value.alert === "update" && !value.call.unseen)) fresh.delete(value.call.call_id);
  } else if (name === "faults") {
    faults = value;
  } else if (name === "readings") {
    readings = value;
  }
  liveAt = now();
  setState("live");
  show();
}

function alertSeat(id) {
  fresh.set(id, Date.now() + 6000);
  ring();
  if (navigator.vibrate) navigator.vibrate([200, 100, 200]);
}

function ring() {
  if (!sounding || !audio) return;
  for (const [at, pitch] of [[0, 880], [0.22, 660], [0.44, 880]]) {
    const tone = audio.createOscillator();
    const gain = audio.createGain();
    tone.frequency.value = pitch;
    gain.gain.setValueAtTime(0.25, audio.currentTime + at);
    gain.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + at + 0.2);
    tone.connect(gain).connect(audio.destination);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + at + 0.21);
  }
}

/* what the seat does */
async function act(call, action, button) {
  button.disabled = true;
  try {
    const answer = await fetch(`seat/calls/${encodeURIComponent(call.call_id)}/${action}`, {
      method: "POST",
      headers: { ...authorized(), "content-type": "application/json" },
      body: JSON.stringify({ by: $("name").value.trim(), presses: call.press_count }),
    });
    if (!answer.ok) toast(word("conflict") + await refusal(answer));
  } catch {
    toast(word("lost"));
  }
  button.disabled = false;
}

/* why not, in the page's language; what has no words of its own is said as the platform said it */
async function refusal(answer) {
  const { sentence } = await answer.json().catch(() => ({}));
  const by = /^(.*) has taken this call$/.exec(sentence)?.[1];
  const why = WORDS[language].refusals;
  return (by ? why.taken.replace("{by}", () => by) : why[sentence] ?? why[answer.status]) ?? sentence ?? String(answer.status);
}

let toasting;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toasting);
  toasting = setTimeout(() => { $("toast").hidden = true; }, 5000);
}

/* words and times */
function ago(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return fill("ago_s", { n: s });
  if (s < 3600) return fill("ago_m", { n: Math.floor(s / 60) });
  if (s < 86400) return fill("ago_h", { n: Math.floor(s / 3600) });
  return fill("ago_d", { n: Math.floor(s / 86400) });
}

function stopwatch(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

const clockTime = (ms) => new Date(ms).toLocaleTimeString(language === "zh" ? "zh-CN" : "en-GB");
const short = (ms) => (ms < 10000 ? `${ms} ms` : ago(ms));

/* a call's card */
const waits = (call) => call.lifecycle === "open" && (call.handling === "none" || call.unseen > 0);

function rank(call) {
  const weight = call.handling === "none" ? 0 : call.unseen > 0 ? 1 : 2;
  return [weight, call.lane === "sos" ? 0 : 1, call.opened_ms];
}

function before(a, b) {
  const [left, right] = [rank(a), rank(b)];
  const at = left.findIndex((value, index) => value !== right[index]);
  return at < 0 ? 0 : left[at] - right[at];
}

function card(call, wasOpen) {
  const ended = call.lifecycle !== "open";
  const taken = call.handling !== "none";
  const node = make("article", `call ${call.lane === "sos" ? "sos" : "assist"}`);
  node.dataset.call = call.call_id;
  node.classList.toggle("waiting", waits(call));
  node.classList.toggle("handled", !ended && !waits(call));
  node.classList.toggle("past", ended);
  node.classList.toggle("fresh", (fresh.get(call.call_id) || 0) > Date.now());
  node.append(head(call, ended), place(call));
  if (call.elder.notes) node.append(make("p", "notes", call.elder.notes));
  node.append(chips(call, ended, taken));
  if (!ended) node.append(buttons(call, taken));
  node.append(history_(call, wasOpen));
  return node;
}

function head(call, ended) {
  const elder = make("span", call.elder.name ? "elder" : "elder unknown", call.elder.name || word("unknown") + (call.elder.id ? ` (${call.elder.id})` : ""));
  const clock = make("span", "clock");
  if (ended) {
    clock.textContent = clockTime(call.ended_ms);
  } else {
    const handled = call.handling === "arrived" ? call.arrived_ms : call.taken_ms;
    const from = !waits(call) ? handled : call.handling === "none" ? call.opened_ms : call.alerted_ms;
    if (waits(call)) clock.append(make("small", "", word("since")));
    clock.append(make("span", "ticks"));
    clock.lastChild.dataset.from = from;
  }
  return make("div", "top", null, make("span", "kind", among("kinds", call.kind)), elder, make("span", "room", among("rooms", call.room)), clock);
}

function place(call) {
  const row = make("div", "where", null, make("span", "", call.elder.address || word("no_address")));
  if (call.elder.phone) {
    const phone = make("a", "", call.elder.phone);
    phone.href = `tel:${call.elder.phone.replace(/[^0-9+]/g, "")}`;
    row.append(phone);
  }
  const kind = call.device.kind ? among("devices", call.device.kind) : "";
  row.append(make("span", "id", [call.device.name || kind, call.device.id].filter(Boolean).join(" · ")));
  return row;
}

/* of a fall also how sure the home is of it, and what else it knows */
function changed(press) {
  const signs = press.signs.map((sign) => among("signs", sign));
  return [among("changes", press.change), press.confidence > 0 && `${press.confidence} %`, ...signs].filter(Boolean).join(" · ");
}

function chips(call, ended, taken) {
  const row = make("div", "chips");
  if (!ended && taken && call.unseen > 0) row.append(make("span", "chip loud", fill("again_N", { n: call.unseen })));
  else if (!ended && call.press_count > 1) row.append(make("span", "chip loud", fill("presses_N", { n: call.press_count })));
  if (!ended && call.cancel_asked) row.append(make("span", "chip warn", word("cancel_asked")));
  const why = call.presses.find((press) => press.detail);
  if (why) row.append(make("span", "chip warn", why.detail));
  if (call.reopened > 0 && !ended) row.append(make("span", "chip warn", word("reopened")));
  const reply = call.notes.find((note) => note.words);
  if (!ended && reply) row.append(make("span", "chip", `${reply.contact}: “${reply.words}”`));
  const last = call.presses.find((press) => press.change && among("changes", press.change) !== press.change);
  if (!ended && last && !["cancel_asked", "cancelled", "cancel"].includes(last.change)) row.append(make("span", "chip warn", changed(last)));
  if (taken) row.append(make("span", "chip", fill(call.handling === "arrived" ? "arrived_by" : "taken", { by: who(call.handling === "arrived" ? call.arrived_by : call.taken_by) })));
  if (ended) row.append(make("span", "chip", fill(call.lifecycle, { by: who(call.ended_by) })));
  return row;
}

function buttons(call, taken) {
  const row = make("div", "doing");
  const add = (action, label, main, careful) => {
    const button = make("button", main ? "main" : "", label);
    button.type = "button";
    button.dataset.action = action;
    button.addEventListener("click", () => (careful && !button.classList.contains("sure") ? sure(button) : act(call, action, button)));
    row.append(button);
  };
  if (!taken || call.unseen > 0) add("take", word(taken ? "retake" : "take"), true, false);
  if (call.handling !== "arrived") add("arrived", word("arrived"), taken && !call.unseen, false);
  if (call.cancel_asked) add("accept-cancel", word("accept-cancel"), false, true);
  add("close", word("close"), call.handling === "arrived" && !call.unseen, true);
  return row;
}

/* ending a call takes two presses: a slip of the finger is not to end anything */
const armed = new Map();
function sure(button) {
  const key = `${button.closest("article").dataset.call} ${button.dataset.action}`;
  armed.set(key, Date.now() + 4000);
  arm(button);
  setTimeout(show, 4100);
}

function arm(button) {
  button.classList.add("sure");
  button.textContent = word("sure");
}

/** What the folded list says: how often it was pressed, and how long the latest press was on its way. */
function summary(call) {
  const way = call.presses.find((press) => !press.change)?.stages.here;
  return [word("more"), fill("presses_N", { n: call.press_count }), way !== undefined && `${word("here")} +${short(way)}`].filter(Boolean).join(" · ");
}

function history_(call, wasOpen) {
  const box = make("details", "", null, make("summary", "", summary(call)));
  box.open = wasOpen;
  for (const note of call.notes) {
    const said = note.words ? `“${note.words}”` : [among("told_words", note.what), among("outcomes", note.outcome)].filter(Boolean).join(" · ");
    const what = [among("note_kinds", note.kind), note.contact, said].filter(Boolean).join(" · ");
    box.append(make("div", "press note", null, make("time", "", clockTime(note.received_ms)), make("span", "what", what)));
  }
  for (const press of call.presses) {
    const what = press.change ? changed(press) : among("kinds", press.kind);
    const row = make("div", "press", null, make("time", "", clockTime(press.received_ms)), make("span", "what", [what, press.device, press.room && among("rooms", press.room)].filter(Boolean).join(" · ")));
    const stages = make("span", "stages");
    for (const name of ["heard", "stored", "sent", "here"]) {
      if (press.stages[name] !== undefined) stages.append(make("span", "", `${word(name)} +${short(press.stages[name])}`));
    }
    if (!press.durable) stages.append(make("span", "", word("memory")));
    if (!press.clock_trusted) stages.append(make("span", "", word("clock")));
    row.append(stages);
    box.append(row);
  }
  return box;
}

/* faults */
function faultRow(group, wasOpen) {
  const many = make("span", "many", group.homes > 1 ? fill("homes_N", { n: group.homes }) : group.members[0]?.device_name || group.members[0]?.device || "");
  const summary = make("summary", "", null, make("b", "", among("fault_words", group.fault)), many, make("span", "area", group.area), make("span", "age", `${ago(now() - group.since_ms)}`));
  const list = make("ul");
  for (const fault of group.members) {
    const detail = [fault.about, fault.cause && among("causes", fault.cause), fault.detail].filter(Boolean).join(" · ");
    list.append(make("li", "", `${fault.address || fault.hub} · ${fault.device_name || fault.device}`, make("small", "", `${ago(now() - fault.since_ms)} ${detail}`)));
  }
  const box = make("details", "fault", null, summary, list);
  box.dataset.key = `${group.area} ${group.fault}`;
  box.open = wasOpen;
  return box;
}

function calmLine() {
  if (state !== "live") return make("p", "stale", word(state === "lost" ? "stale" : state));
  return make("p", "fine", `${word("fine")} · ${fill(hubs === 1 ? "hubs_1" : "hubs_N", { n: hubs })}`);
}

/* readings: whose, what, and when it was measured; a time that nobody knows is the time of arrival, and says so */
function readingRow(reading) {
  const whose = reading.name || word(reading.elder ? "unknown" : "nobodys");
  const figures = reading.usable ? reading.text : word("unusable");
  const at = reading.measured_ms ? ago(now() - reading.measured_ms) : fill("came", { at: ago(now() - reading.received_ms) });
  const where = [among("measures", reading.kind), at, among("rooms", reading.room), reading.device].filter(Boolean);
  return make("li", "", null, make("b", "", figures), document.createTextNode(` · ${whose}`), make("small", "", where.join(" · ")));
}

/* putting it on the page; what is open, focused or armed stays so */
function openKeys(selector, key) {
  return new Set([...document.querySelectorAll(selector)].map((node) => node.closest(key === "call" ? "article" : "details").dataset[key]));
}

function show() {
  const focused = document.activeElement?.dataset?.action && `${document.activeElement.closest("article")?.dataset.call} ${document.activeElement.dataset.action}`;
  const opened = openKeys("article details[open]", "call");
  const openedFaults = openKeys("details.fault[open]", "key");
  const all = [...calls.values()];
  const open = all.filter((call) => call.lifecycle === "open").sort(before);
  const ended = all.filter((call) => call.lifecycle !== "open").sort((a, b) => b.ended_ms - a.ended_ms).slice(0, 30);
  $("open").replaceChildren(...open.map((call) => card(call, opened.has(call.call_id))));
  $("ended").replaceChildren(...ended.map((call) => card(call, opened.has(call.call_id))));
  $("past").hidden = !ended.length;
  $("past_count").textContent = fill("n_N", { n: ended.length });
  $("calm").hidden = open.length > 0 || state !== "live";
  const waiting = open.filter(waits).length;
  $("count").textContent = open.length ? `${fill("waiting_N", { n: waiting })} · ${fill("open_N", { n: open.length })}` : "";
  document.title = (waiting ? `(${waiting}) ` : "") + `Anban 安伴 · ${word("title")}`;
  $("faults").replaceChildren(...(faults.length ? faults.map((group) => faultRow(group, openedFaults.has(`${group.area} ${group.fault}`))) : [calmLine()]));
  $("fault_count").textContent = faults.length ? fill("n_N", { n: faults.length }) : "";
  $("measured").hidden = !readings.length;
  $("readings").replaceChildren(...readings.map(readingRow));
  for (const button of document.querySelectorAll(".doing button")) {
    const key = `${button.closest("article").dataset.call} ${button.dataset.action}`;
    if ((armed.get(key) || 0) > Date.now()) arm(button);
    if (key === focused) button.focus();
  }
  tick();
}

function tick() {
  for (const node of document.querySelectorAll(".ticks")) node.textContent = stopwatch(now() - Number(node.dataset.from));
}

/** What stands on a page that has lost the platform is old: it says since when, and is not called calm or well. */
function setState(next) {
  state = next;
  document.body.classList.toggle("old", next === "lost");
  $("stale").hidden = next !== "lost";
  $("stale").textContent = liveAt ? fill("stale_since", { at: clockTime(liveAt) }) : word("lost");
  $("link").className = `link ${next}`;
  $("link").textContent = word(next);
}

function speak() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  $("language").textContent = word("language");
  $("sound").textContent = word(sounding ? "sound_on" : "sound_off");
  $("sound").setAttribute("aria-pressed", String(sounding));
  $("name").placeholder = word("nobody");
  setState(state);
  show();
}

$("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
  speak();
});
$("sound").addEventListener("click", () => {
  sounding = !sounding;
  audio = audio || new AudioContext();   // browsers let a page sound only after somebody touched it
  speak();
  ring();
});
$("name").value = localStorage.getItem("name") || "";
$("name").addEventListener("change", () => localStorage.setItem("name", $("name").value.trim()));
setInterval(tick, 1000);
speak();
if (takeToken()) listen();
else askToken(false);
