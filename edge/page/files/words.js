// Words in the page's language, which the server has chosen: <html lang>.
import { WORDS } from "./told.js";

const index = document.documentElement.lang === "zh" ? 0 : 1;

export const language = () => ["zh", "en"][index];
export const knows = (key) => Object.hasOwn(WORDS, key);
/** The words of a key with {names} filled in; an unknown key says itself. */
export function say(key, values = {}) {
  const text = knows(key) ? WORDS[key][index] : key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
/** The words of `prefix_name`, or the name as it came where there are none. */
export const named = (prefix, name) => (knows(`${prefix}_${name}`) ? say(`${prefix}_${name}`) : String(name ?? "").replaceAll("_", " "));
/** One of {zh, en}, or plain text. */
export const pick = (names) => (typeof names === "object" && names ? names[language()] ?? "" : names ?? "");
