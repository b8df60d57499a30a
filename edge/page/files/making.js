// Nodes out of words: whatever is told to the page becomes text, never markup.
import { say } from "./words.js";

export const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

export function button(id, className, text, press) {
  const node = make("button", className, text);
  node.type = "button";
  node.id = id;
  node.addEventListener("click", press);
  return node;
}

const MIN = 60_000, HOUR = 3_600_000, DAY = 86_400_000;

/** How long ago, in words: "4 s ago", "3 days ago". */
export function ago(ms) {
  if (ms < 2 * MIN) return say("ago_s", { n: Math.max(0, Math.round(ms / 1000)) });
  if (ms < 2 * HOUR) return say("ago_min", { n: Math.round(ms / MIN) });
  if (ms < 2 * DAY) return say("ago_h", { n: Math.round(ms / HOUR) });
  return say("ago_d", { n: Math.round(ms / DAY) });
}

/** How long something took. */
export const took = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : ms < 2 * MIN ? `${(ms / 1000).toFixed(1)} s` : say("for_min", { n: Math.round(ms / MIN) }));
