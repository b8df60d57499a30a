// The things a hand can reach: each hub's two keys, each pendant's one, and what they show.
import { pick, say } from "./words.js";

const make = (tag, className, ...children) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
};

export class Devices {
  constructor(root, act) {
    this.root = root;
    this.act = act;
    this.cards = new Map();
  }

  clear() {
    this.cards.clear();
    this.root.replaceChildren();
  }

  /** A key that goes down with the finger and up with it, whatever becomes of the pointer in between. */
  key(device, key, className, label, hint) {
    const button = make("button", `key ${className}`, make("span", "", label));
    button.type = "button";
    button.title = hint;
    button.setAttribute("aria-label", `${device} ${label || hint}`);
    button.dataset.key = `${device}/${key}`;
    let down = false;
    const set = (now) => {
      if (now === down) return;
      down = now;
      button.classList.toggle("down", now);
      this.act({ act: "key", device, key, down: now });
    };
    button.addEventListener("pointerdown", (event) => { if (event.button === 0) { button.setPointerCapture(event.pointerId); set(true); } });
    for (const name of ["pointerup", "pointercancel", "blur"]) button.addEventListener(name, () => set(false));
    button.addEventListener("keydown", (event) => { if ((event.key === " " || event.key === "Enter") && !event.repeat) { event.preventDefault(); set(true); } });
    button.addEventListener("keyup", (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); set(false); } });
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    return button;
  }

  card(id, build) {
    let card = this.cards.get(id);
    if (!card) {
      card = build();
      this.cards.set(id, card);
      const order = [...this.cards.keys()].sort();
      this.root.replaceChildren(...order.map((name) => this.cards.get(name)));
    }
    return card;
  }

  showHub(hub) {
    const card = this.card(`0${hub.id}`, () => {
      const device = make("div", "body",
        make("div", "lamp", make("i")),
        make("div", "keys",
          this.key(hub.id, "red", "red", say("red_key"), say("red_hint")),
          this.key(hub.id, "green", "green", say("green_key"), say("green_hint"))),
        make("div", "grille"));
      return make("article", "card device hub", make("h2", "", say("hub"), make("small", "", ` ${hub.id}`)), device,
        make("p", "spoken", make("span", "")));
    });
    card.className = `card device hub lamp-${hub.lamp.colour} ${hub.lamp.pattern} ${hub.up ? "" : "dead"}`;
    const spoken = card.querySelector(".spoken");
    const text = hub.up && hub.spoken?.text ? pick(hub.spoken.text) : "";
    spoken.classList.toggle("now", Boolean(hub.up && hub.spoken?.now));
    spoken.firstChild.textContent = text ? `“${text}”` : say(hub.up ? "quiet" : "dead_hub");
  }

  showPendant(pendant) {
    const card = this.card(`1${pendant.id}`, () => {
      const cord = make("div", "cord");
      const body = make("div", "body", cord,
        make("div", "ring", this.key(pendant.id, "pendant", "press", "", say("press_hint", { name: pendant.id }))));
      const power = make("button", "quiet power");
      power.type = "button";
      power.addEventListener("click", () => this.act({ act: "power", device: pendant.id, on: !power.powered }));
      const fall = make("button", "quiet fall", say("let_fall"));
      fall.type = "button";
      fall.addEventListener("click", () => this.act({ act: "fall", device: pendant.id }));
      return make("article", "", make("h2", "", pick(pendant.name), make("small", "", ` ${pendant.id}`)), body,
        make("p", "says", make("span", "tells"), fall, power));
    });
    card.className = `card device pendant led-${pendant.led.colour} ${pendant.led.pattern} ${pendant.powered ? "" : "dead"}`;
    const power = card.querySelector(".power");
    power.powered = pendant.powered;
    power.textContent = say(pendant.powered ? "cut_power" : "give_power");
    const tells = !pendant.powered ? say("dead_pendant") : pendant.led.colour === "off" ? say("quiet") : `${say(pendant.led.colour)} ${say(pendant.led.pattern)}`;
    card.querySelector(".tells").textContent = tells;
    const ring = card.querySelector(".ring");
    if (card.buzz !== undefined && card.buzz !== pendant.buzz.n) {
      ring.classList.remove("buzzing");
      void ring.offsetWidth;
      ring.classList.add("buzzing");
      ring.dataset.buzz = say(pendant.buzz.kind);
    }
    card.buzz = pendant.buzz.n;
  }
}
