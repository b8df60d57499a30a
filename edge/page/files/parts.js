// The parts of the page: each makes nodes out of what the hub told, and says how old that is.
import { ago, button, make, took } from "./making.js";
import { knows, named, say } from "./words.js";

const ANSWERS_MS = 300_000;   // a platform that was silent for longer is shown as silent, as the hub itself says it
const ROOM = ["room_temperature", "humidity"];   // of a room, and of nobody
const ASKED = 5;   // readings of nobody that are asked about
const ASKED_MS = 7 * 86_400_000;
const SHOWN = 12;

export const people = ({ value }) => Object.fromEntries((value("people") ?? []).map((one) => [one.id, one.name || one.id]));
/** Wall time of the home, which need not be that of the machine. */
function at(reading, known) {
  const offset = known.value("trends")?.offset_minutes;
  return offset === undefined ? reading.at : new Date(reading.at_ms + offset * 60_000).toISOString().slice(0, 16).replace("T", " ");
}
const who = (known, id) => people(known)[id] ?? id;

/* help at a glance */

export function glance(hub, lost, known) {
  if (!hub) return [headline("unknown", say("glance_waiting"), "")];
  const status = known.value("status");
  if (known.down) return [headline("bad", say(lost ? "glance_lost" : "glance_down"), say(lost ? "glance_lost_more" : "glance_down_more")), ...(status ? [asOf(known.age("status"))] : [])];
  if (!status) return [headline("unknown", say("glance_waiting"), "")];
  const ways = waysOf(known);
  const answered = Math.min(...ways.filter((way) => way.state === "good").map((way) => way.answered_ms));
  const ever = Math.min(...ways.map((way) => way.answered_ms ?? Infinity));
  const list = make("ul", "ways");
  list.append(...ways.map(wayRow));
  const open = status.open_calls ? [make("p", "open", say("open_calls", { n: status.open_calls }))] : [];
  if (answered <= ANSWERS_MS) return [headline("good", say("glance_good"), say("glance_good_more", { age: ago(answered) })), ...open, list];
  if (ever === Infinity && ways.some((way) => way.state === "untried")) return [headline("unknown", say("glance_none"), ""), ...open, list];
  return [headline("bad", say("glance_bad"), `${ever === Infinity ? say("glance_never") : say("glance_silent", { age: ago(ever) })} ${say("glance_bad_more")}`), ...open, list];
}

function headline(state, text, more) {
  const head = make("div", `headline ${state}`);
  const words = make("div");
  words.append(make("h2", "", text), ...(more ? [make("p", "", more)] : []));
  const sign = make("span", "sign", { good: "✓", bad: "!", unknown: "?" }[state]);
  sign.setAttribute("aria-hidden", "true");
  head.append(sign, words);
  return head;
}

const asOf = (ms) => make("p", "as-of", say("as_of", { age: ago(ms) }));

/** Each way to help: what it did last by itself, and when it was last tried on purpose. */
function waysOf(known) {
  const rows = new Map();
  for (const path of known.value("status")?.paths ?? []) {
    const answered = path.last_good_age_s === null ? null : path.last_good_age_s * 1000 + known.age("status");
    rows.set(path.name, { name: path.name, answered_ms: answered, reason: path.reason, state: !path.good ? "bad" : answered === null ? "untried" : "good" });
  }
  for (const proof of known.value("proofs")?.paths ?? []) {
    const row = rows.get(proof.path) ?? { name: proof.path, answered_ms: null, state: "proofs" };
    const age = proof.age_s === null ? null : proof.age_s * 1000 + known.age("proofs");
    rows.set(proof.path, { ...row, proof: { outcome: proof.outcome, age } });
  }
  return [...rows.values()];
}

function wayRow({ name, state, answered_ms, reason, proof }) {
  const shown = state === "proofs" ? { good: "good", failed: "bad" }[proof.outcome] ?? "untried" : state;
  const item = make("li", shown);
  item.dataset.way = name;
  const told = state === "proofs" ? [] : [answered_ms === null ? say("way_never") : say("way_answered", { age: ago(answered_ms) })];
  if (state === "bad") told.unshift(say("way_bad") + (reason ? ` (${named("reason", reason)})` : ""));
  if (proof) {
    const when = proof.age === null ? say("time_unknown") : ago(proof.age);
    told.push(proof.outcome === "untested" ? say("proof_untested") : say(`proof_${proof.outcome}`, { age: when }));
  }
  item.append(make("b", "", named("way", name)), make("span", "", told.join(" · ")));
  return item;
}

/* what waits for a person */

export function todo(known) {
  const meters = known.down ? [] : (known.value("devices") ?? []).filter((device) => ["waiting", "passkey", "failed"].includes(device.pairing));
  const lost = (known.value("faults") ?? []).filter((fault) => !meters.some((meter) => pairAgain(fault) && meter.id === fault.about));
  return [...meters.map((meter) => pairing(meter, known)), ...asked(known).map((reading) => question(reading, known)), ...lost.map((fault) => faultRow(fault, known))];
}

const pairAgain = (fault) => fault.fault === "meter" && fault.cause === "pair-again";

function task(className, title, more) {
  const item = make("article", `task ${className}`);
  item.append(make("h3", "", title), ...(more ? [make("p", "", more)] : []));
  return item;
}

function pairing(meter, { act }) {
  const item = task("pairing", `${named("device", meter.kind)} ${meter.id}`, say(`pairing_${meter.pairing}`));
  if (meter.pairing === "failed") item.append(button(`again-${meter.id}`, "do", say("pair_again"), () => act({ act: "pair", meter: meter.id })));
  if (meter.pairing !== "passkey") return item;
  const form = make("form", "passkey");
  const label = make("label", "", say("passkey"));
  const input = make("input");
  Object.assign(input, { id: `passkey-${meter.id}`, inputMode: "numeric", pattern: "[0-9]{6}", maxLength: 6, required: true, autocomplete: "off" });
  label.htmlFor = input.id;
  const give = make("button", "do", say("passkey_give"));
  form.append(label, input, give);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act({ act: "passkey", meter: meter.id, passkey: input.value });
    input.value = "";
  });
  item.append(form);
  return item;
}

function asked(known) {
  if (known.down) return [];   // nobody is there to take the answer
  const now = known.value("trends")?.now_ms;
  const fresh = (reading) => now === undefined || now - reading.at_ms < ASKED_MS;
  return (known.value("readings") ?? []).filter((one) => !one.person && personal(one) && fresh(one)).slice(0, ASKED);
}

const personal = (reading) => !ROOM.includes(reading.kind) && reading.judged !== "unusable";

function question(reading, known) {
  const item = task("whose", say("whose", { what: named("measure", reading.kind), figures: reading.text }), `${at(reading, known)} · ${reading.meter}`);
  item.append(choices(reading, known));
  return item;
}

/** A button for each person; undone again by what stands beside it in the list of readings. */
function choices(reading, known, more = []) {
  const row = make("p", "choices");
  const names = people(known);
  row.append(...Object.keys(names).filter((id) => id !== reading.person).map((id) => button(`give-${reading.id}-${id}`, "do", names[id], () => known.act({ act: "give", id: reading.id, person: id }))), ...more);
  return row;
}

function faultRow(fault, known) {
  const name = pairAgain(fault) ? "pair_again" : fault.fault;
  const about = named("device", (known.value("devices") ?? []).find((device) => device.id === fault.about)?.kind ?? "");
  const item = task("fault", `${knows(`fault_${name}`) ? say(`fault_${name}`) : fault.fault}${fault.about ? ` · ${about} ${named("about", fault.about)}` : ""}`);
  const since = say("since", { age: ago(fault.age_s * 1000 + known.age("faults")) });
  item.dataset.fault = name;
  item.append(make("p", "", knows(`fault_${name}_do`) ? say(`fault_${name}_do`) : say("fault_do")), make("p", "small", `${since}${fault.cause && !pairAgain(fault) ? ` · ${named("reason", fault.cause)}` : ""}`));
  if (pairAgain(fault) && !known.down) item.append(button(`pair-${fault.about}`, "do", say("pair_again"), () => known.act({ act: "pair", meter: fault.about })));
  return item;
}

/* devices */

export function devices(known) {
  const rows = known.value("devices");
  if (!rows.length) return [make("p", "nothing", say("no_devices"))];
  const list = make("ul", "rows");
  list.append(...rows.map((device) => deviceRow(device, known)));
  return [list];
}

function deviceRow(device, known) {
  const item = make("li");
  item.dataset.device = device.id;
  const head = make("p", "head");
  head.append(make("b", "", `${named("device", device.kind)} ${device.id}`), make("span", "", [device.elder ? who(known, device.elder) : "", named("room", device.room)].filter(Boolean).join(" · ")));
  const facts = make("p", device.heard_age_s === null ? "facts never" : "facts");
  facts.append(make("span", "heard", heard(device, known)));
  if (device.battery_pct !== null) facts.append(make("span", device.battery_pct <= 15 ? "low" : "", say("battery", { n: device.battery_pct })));
  if (device.rssi_dbm !== null) facts.append(make("span", "", `${Math.round(device.rssi_dbm)} dBm`));
  item.append(head, facts);
  const again = (known.value("faults") ?? []).some((fault) => pairAgain(fault) && fault.about === device.id);
  if (again) item.append(make("p", "warn", say("fault_pair_again")));
  if (device.pairing === "paired") item.append(make("p", "well", say("pairing_paired")));
  return item;
}

/** When a device was last heard. That it was not since the hub's start does not mean never: a hub forgets that. */
function heard(device, known) {
  if (device.heard_age_s !== null) return say("heard", { age: ago(device.heard_age_s * 1000 + known.age("devices")) });
  if (device.kind === "pendant" && !device.life) return say("heard_never");
  const newest = (known.value("readings") ?? []).find((reading) => reading.meter === device.id);
  return newest ? `${say("heard_not")} ${say("heard_reading", { at: at(newest, known) })}` : say("heard_not");
}

/* readings */

export function readings(known) {
  const rows = known.value("readings").slice(0, SHOWN);
  if (!rows.length) return [make("p", "nothing", say("no_trends"))];
  const list = make("ul", "rows");
  list.append(...rows.map((reading) => readingRow(reading, known)));
  return [list];
}

function readingRow(reading, known) {
  const item = make("li", reading.judged ? `judged-${reading.judged}` : "");
  const head = make("p", "head");
  head.append(make("b", "", `${named("measure", reading.kind)} ${reading.judged === "unusable" ? "" : reading.text}`), make("span", "", [reading.time_known ? at(reading, known) : say("arrived", { at: at(reading, known) }), reading.meter].filter(Boolean).join(" · ")));
  item.append(head);
  if (reading.judged) item.append(make("p", "warn", named("judged", reading.judged)));
  if (!personal(reading)) return item;
  const more = make("details", "whose");
  more.id = `whose-${reading.id}`;
  more.append(make("summary", "", reading.person ? `${who(known, reading.person)}${reading.whose ? ` (${named("said", reading.whose)})` : ""}` : say("nobodys")));
  const extra = [];
  if (reading.person) extra.push(button(`nobody-${reading.id}`, "do", say("give_nobody"), () => known.act({ act: "give", id: reading.id, person: "" })));
  if (reading.whose) extra.push(button(`undo-${reading.id}`, "do", say("undo"), () => known.act({ act: "undo", id: reading.id })));
  more.append(choices(reading, known, extra));
  item.append(more);
  return item;
}

/* calls */

export function calls(known) {
  const rows = [...known.value("calls")].reverse();
  if (!rows.length) return [make("p", "nothing", say("no_calls"))];
  const list = make("ul", "rows");
  list.append(...rows.map((call) => callRow(call, known)));
  return [list];
}

function callRow(call, known) {
  const item = make("li", call.lifecycle === "open" || call.lifecycle === "asking" ? "going" : "");
  const first = call.events[0];
  const head = make("p", "head");
  const state = call.lifecycle === "open" && call.handling !== "none" ? call.handling : call.lifecycle;
  head.append(make("b", "", `${named("kind", (first?.kind ?? "call.").slice(5))} · ${who(known, call.elder)}`), make("span", "", `${first?.at ?? ""} · ${named("state", state)}${call.by && call.handling !== "none" ? ` (${call.by})` : ""}`));
  item.append(head);
  for (const event of call.events) item.append(stages(event.stages, event.delivered ? [] : [say("not_delivered")], event.durable ? "" : say("not_durable")));
  if (Object.keys(call.stages).length) item.append(stages(call.stages, [], ""));
  return item;
}

function stages(known, before, after) {
  const told = Object.entries(known).sort((a, b) => a[1] - b[1]).map(([name, ms]) => `${named("stage", name)} ${took(ms)}`);
  return make("p", "stages", [...before, ...told, after].filter(Boolean).join(" → "));
}

/* prompts of the day */

export function prompts(known) {
  const day = known.value("trends")?.days.at(-1);
  const rows = [...known.value("prompts")].filter((one) => one.last || !day || one.next.startsWith(day)).sort((a, b) => (a.next < b.next ? -1 : 1));
  if (!rows.length) return [make("p", "nothing", say("no_prompts"))];
  const list = make("ul", "rows");
  list.append(...rows.map((prompt) => promptRow(prompt, known, day)));
  return [list];
}

function promptRow(prompt, known, day) {
  const item = make("li");
  const head = make("p", "head");
  const next = !prompt.next ? say("prompt_none") : prompt.next.startsWith(day ?? " ") ? say("prompt_today", { at: prompt.next.slice(11) }) : say("prompt_next", { at: prompt.next });
  head.append(make("b", "", `${named("prompt", prompt.kind)} · ${who(known, prompt.elder)}`), make("span", "", next));
  item.append(head);
  const times = /^asked (\d+) times$/.exec(prompt.last)?.[1];
  if (prompt.last) item.append(make("p", "facts", times ? say("prompt_asked", { n: times }) : named("prompt", prompt.last.replaceAll(" ", "_"))));
  return item;
}
