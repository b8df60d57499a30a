// Draw the flat: rooms, furniture, walls that can be raised, hubs, and pendants that can be dragged.
import { pick, say } from "./words.js";

const NS = "http://www.w3.org/2000/svg";
const PIXELS = 70; // drawing units a metre
const MOVE_MS = 150; // how often a drag is told to the air

export function el(name, attributes = {}, ...children) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// Furniture as rows: [shape, x, y, width, height, corner] in metres.
const FURNITURE = [
  ["rect", 0.25, 0.5, 1.9, 1.6, 0.12], ["rect", 0.35, 0.62, 0.5, 0.6, 0.12], ["rect", 0.35, 1.38, 0.5, 0.6, 0.12],
  ["rect", 3.1, 0.3, 0.5, 2.0, 0.06], ["rect", 0.25, 3.9, 1.8, 1.1, 0.12], ["rect", 0.35, 4.1, 0.45, 0.7, 0.12],
  ["rect", 2.9, 5.3, 0.7, 0.65, 0.06], ["rect", 4.0, 0.2, 0.75, 1.5, 0.3], ["circle", 5.5, 0.5, 0.26],
  ["rect", 6.2, 0.15, 2.8, 0.55, 0.06], ["circle", 7.0, 0.42, 0.16], ["circle", 7.45, 0.42, 0.16],
  ["rect", 8.2, 0.24, 0.55, 0.36, 0.08], ["rect", 5.9, 2.48, 1.5, 0.42, 0.06], ["rect", 4.15, 4.9, 2.3, 0.85, 0.18],
  ["rect", 4.15, 5.5, 2.3, 0.28, 0.1], ["rect", 4.6, 4.0, 1.4, 0.6, 0.1], ["circle", 8.2, 5.1, 0.55],
  ["circle", 7.4, 5.1, 0.18], ["circle", 8.2, 4.3, 0.18], ["circle", 9.6, 0.6, 0.2], ["circle", 9.6, 5.6, 0.24],
  ["circle", 10.2, 5.7, 0.16],
];
// Doors: gaps in the walls, as lines in metres.
const DOORS = [[3.8, 2.45, 3.8, 3.1], [3.8, 4.3, 3.8, 5], [4.6, 2.3, 5.3, 2.3], [7.9, 2.3, 8.7, 2.3], [9.2, 3.4, 9.2, 4.8], [4.2, 6.2, 5.1, 6.2]];
const TREES = [[11.5, 0.9, 0.55], [12.4, 2.3, 0.4], [11.4, 5.4, 0.5]];

export class Plan {
  constructor(svg, act) {
    this.svg = svg;
    this.act = act;
    this.things = new Map();
  }

  draw(home, walls) {
    const { width, height, rooms } = home;
    this.home = home;
    this.svg.setAttribute("viewBox", `-10 -10 ${width * PIXELS + 20} ${height * PIXELS + 20}`);
    this.svg.replaceChildren();
    this.things.clear();
    const floor = el("g", { class: "floor" });
    for (const room of rooms) {
      floor.append(el("rect", { class: room.outside ? "yard" : `room ${room.id}`, x: room.x * PIXELS, y: room.y * PIXELS,
        width: room.width * PIXELS, height: room.height * PIXELS, rx: room.outside ? 14 : 0 }));
    }
    for (const [x, y, radius] of TREES) {
      floor.append(el("circle", { class: "tree", cx: x * PIXELS, cy: y * PIXELS, r: radius * PIXELS }));
    }
    for (const [shape, x, y, a, b, corner] of FURNITURE) {
      floor.append(shape === "circle"
        ? el("circle", { class: "thing", cx: x * PIXELS, cy: y * PIXELS, r: a * PIXELS })
        : el("rect", { class: "thing", x: x * PIXELS, y: y * PIXELS, width: a * PIXELS, height: b * PIXELS, rx: corner * PIXELS }));
    }
    const names = el("g", { class: "names" });
    for (const room of rooms) {
      names.append(el("text", { x: (room.x + room.width / 2) * PIXELS, y: (room.y + room.height) * PIXELS - 14 }, pick(room)));
    }
    this.links = el("g", { class: "links" });
    this.layer = el("g");
    const house = rooms.filter((room) => !room.outside);
    const right = Math.max(...house.map((room) => room.x + room.width)) * PIXELS;
    const outline = el("rect", { class: "outline", x: 0, y: 0, width: right, height: height * PIXELS, rx: 4 });
    const doors = el("g", {}, ...DOORS.map(([x1, y1, x2, y2]) => el("line", { class: "door", x1: x1 * PIXELS, y1: y1 * PIXELS, x2: x2 * PIXELS, y2: y2 * PIXELS })));
    this.svg.append(floor, names, outline, this.walls(home, walls), doors, this.links, this.layer);
  }

  walls(home, raised) {
    const group = el("g", { class: "walls" });
    for (const wall of home.walls) {
      const ends = { x1: wall.x1 * PIXELS, y1: wall.y1 * PIXELS, x2: wall.x2 * PIXELS, y2: wall.y2 * PIXELS };
      const up = Boolean(raised[wall.id]);
      const node = el("g", { class: up ? "wall raised" : "wall", role: "switch", tabindex: 0, "aria-checked": up,
        "aria-label": `${say("plan_hint")} ${wall.id}` },
      el("line", { ...ends, class: "grip" }), el("line", { ...ends, class: "body" }), el("line", { ...ends, class: "hatch" }));
      const toggle = () => this.act({ act: "wall", wall: wall.id, raised: !up });
      node.addEventListener("click", toggle);
      node.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(); } });
      group.append(node);
    }
    return group;
  }

  showHub(hub) {
    const node = this.thing(hub.id, "hub", () => [
      el("circle", { class: "glow", r: 46 }), el("rect", { class: "box", x: -30, y: -17, width: 60, height: 34, rx: 9 }),
      el("rect", { class: "lamp", x: -22, y: -11, width: 44, height: 7, rx: 3.5 }),
      el("circle", { class: "red", cx: -10, cy: 6, r: 6 }), el("circle", { class: "green", cx: 10, cy: 6, r: 6 })]);
    this.put(node, hub, `hub lamp-${hub.lamp.colour} ${hub.lamp.pattern} ${hub.up ? "" : "down"}`);
  }

  showPendant(pendant) {
    const node = this.thing(pendant.id, "pendant", (group) => {
      this.drag(group, pendant.id);
      return [el("circle", { class: "glow", r: 36 }), el("circle", { class: "ripple", r: 20 }),
        el("circle", { class: "body", r: 19 }), el("circle", { class: "light", r: 13 }), el("circle", { class: "key", r: 8 }),
        el("text", { class: "label", y: 38 }, "")];
    });
    node.querySelector(".label").textContent = pick(pendant.name);
    if (!node.held) this.put(node, pendant, `pendant led-${pendant.led.colour} ${pendant.led.pattern} ${pendant.powered ? "" : "down"}`);
    if (node.buzz !== undefined && node.buzz !== pendant.buzz.n) {
      node.classList.remove("buzzing");
      void node.getBoundingClientRect();
      node.classList.add("buzzing");
    }
    node.buzz = pendant.buzz.n;
  }

  thing(id, kind, build) {
    let node = this.things.get(id);
    if (!node) {
      node = el("g", { class: kind });
      node.append(...build(node));
      this.layer.append(node);
      this.things.set(id, node);
    }
    return node;
  }

  put(node, at, classes) {
    const buzzing = node.classList.contains("buzzing");
    node.setAttribute("class", classes + (buzzing ? " buzzing" : ""));
    node.setAttribute("transform", `translate(${at.x * PIXELS} ${at.y * PIXELS})`);
    node.at = { x: at.x, y: at.y };
  }

  /** Lines between each pendant and each hub, as strong as the air says. */
  showLinks(pendants, hubs) {
    this.links.replaceChildren();
    for (const pendant of pendants) {
      for (const hub of hubs) {
        const dbm = pendant.dbm?.[hub.id];
        if (dbm === undefined || dbm === null) continue;
        if (!pendant.powered || !hub.up) continue;
        // Nine packets of ten lost is where the air lets go of a link; noise counts, not distance alone.
        const grade = (pendant.loss?.[hub.id] ?? 0) > 0.9 ? "none" : dbm > -75 ? "good" : "weak";
        const at = this.things.get(pendant.id)?.at ?? pendant;
        const middle = { x: ((at.x + hub.x) / 2) * PIXELS, y: ((at.y + hub.y) / 2) * PIXELS - 5 };
        this.links.append(
          el("line", { class: grade, x1: at.x * PIXELS, y1: at.y * PIXELS, x2: hub.x * PIXELS, y2: hub.y * PIXELS }),
          el("text", { x: middle.x, y: middle.y }, say(`signal_${grade}`), el("title", {}, `${Math.round(dbm)} dBm`)));
      }
    }
  }

  drag(node, id) {
    const label = () => say("press_hint", { name: id });
    node.setAttribute("tabindex", 0);
    node.setAttribute("role", "img");
    node.setAttribute("aria-label", label());
    let told = 0;
    const move = (x, y, final) => {
      const at = { x: Math.min(Math.max(x, 0.2), this.home.width - 0.2), y: Math.min(Math.max(y, 0.2), this.home.height - 0.2) };
      node.setAttribute("transform", `translate(${at.x * PIXELS} ${at.y * PIXELS})`);
      node.at = at;
      if (final || performance.now() - told > MOVE_MS) {
        told = performance.now();
        this.act({ act: "place", device: id, x: at.x, y: at.y });
      }
    };
    const where = (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
      return [point.x / PIXELS, point.y / PIXELS];
    };
    node.addEventListener("pointerdown", (event) => { node.held = true; node.setPointerCapture(event.pointerId); event.preventDefault(); });
    node.addEventListener("pointermove", (event) => { if (node.held) move(...where(event), false); });
    const drop = (event) => { if (node.held) { node.held = false; move(...where(event), true); } };
    node.addEventListener("pointerup", drop);
    node.addEventListener("pointercancel", drop);
    const STEPS = { ArrowLeft: [-0.5, 0], ArrowRight: [0.5, 0], ArrowUp: [0, -0.5], ArrowDown: [0, 0.5] };
    node.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      move(node.at.x + step[0], node.at.y + step[1], true);
    });
  }
}
