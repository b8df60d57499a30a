// The week of each person: blood pressure with her own band, glucose by mealtime, nights in bed, last seen.
// One drawing for every page; what stands around it gives the names, and how old the answer is.
import { ago, make } from "./making.js";
import { language, pick, say } from "./words.js";

const DAY = 86_400_000, STALE = 2 * DAY, JUST_NOW = 120_000;   // STALE: edge/trends.py
const WIDTH = 336, TALL = 132, LOW = 46, LEFT = 30;
const svg = (tag, attributes = {}, text) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
};
const round = (value) => Math.round(value * 10) / 10;

/** Everybody's cards; nothing at all while no hub has told a week. `age`: how many ms ago it told this. */
export function showTrends(place, trends, names, age = 0) {
  const people = (trends?.people ?? []).filter((one) => one.seen.length || one.sleep.length);
  const shown = people.map((person) => card(person, { ...trends, now_ms: trends.now_ms + age }, names[person.id]));
  const before = [...place.querySelector(".people").children];
  place.hidden = !trends;
  place.querySelector(".nothing").hidden = people.length > 0;
  if (shown.length === before.length && shown.every((one, n) => one.isEqualNode(before[n]))) return;
  place.querySelector(".people").replaceChildren(...shown);
}

function card(person, trends, name) {
  const shown = make("article", "week");
  shown.dataset.person = person.id;
  shown.append(make("h3", "", pick(name) || person.id));
  const { points } = person.blood_pressure;
  if (points.length) shown.append(titled("pressure_week", pressures(person.blood_pressure, trends)));
  if (person.glucose.length) shown.append(titled("glucose_meals", glucose(person.glucose)));
  if (person.sleep.length) shown.append(titled("nights", nights(person.sleep, trends.days)));
  shown.append(lastSeen(person.seen, trends));
  return shown;
}

function titled(word, drawing) {
  const figure = make("figure");
  figure.append(make("figcaption", "", say(word)), drawing);
  return figure;
}

const midnight = (trends) => Date.parse(`${trends.days[0]}T00:00:00Z`) - trends.offset_minutes * 60_000;
const weekday = (day) => new Intl.DateTimeFormat(language() === "zh" ? "zh-CN" : "en-GB", { weekday: "short", timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));

function days(drawing, list, height) {
  list.forEach((day, n) => {
    const x = LEFT + ((n + 0.5) / list.length) * (WIDTH - LEFT);
    drawing.append(svg("text", { x, y: height - 3, class: "tick", "text-anchor": "middle" }, weekday(day)));
  });
}

function pressures({ points, band }, trends) {
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${TALL}`, role: "img", class: "pressures" });
  const all = points.flatMap((point) => [point.systolic, point.diastolic]).concat(band ? [...band.systolic, ...band.diastolic] : []);
  const least = Math.floor((Math.min(...all) - 5) / 20) * 20, most = Math.ceil((Math.max(...all) + 5) / 20) * 20;
  const bottom = TALL - 18;
  const y = (value) => bottom - ((value - least) / (most - least)) * (bottom - 6);
  const x = (at) => LEFT + Math.min(1, Math.max(0, (at - midnight(trends)) / (trends.days.length * DAY))) * (WIDTH - LEFT);
  for (const name of band ? ["systolic", "diastolic"] : []) {
    const [low, high] = band[name];
    drawing.append(svg("rect", { x: LEFT, y: y(high), width: WIDTH - LEFT, height: y(low) - y(high), class: `band ${name}` }));
  }
  for (let value = least; value <= most; value += 20) {
    drawing.append(svg("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: "grid" }));
    drawing.append(svg("text", { x: LEFT - 4, y: y(value) + 3, class: "tick", "text-anchor": "end" }, value));
  }
  for (const point of points) {
    const at = x(point.at_ms), marked = point.judged === "high" || point.judged === "low";
    const mark = svg("g", { class: marked ? "point marked" : "point" });
    mark.append(svg("title", {}, `${clock(point.at_ms, trends)}  ${round(point.systolic)}/${round(point.diastolic)} mmHg`));
    mark.append(svg("line", { x1: at, x2: at, y1: y(point.systolic), y2: y(point.diastolic) }));
    for (const value of [point.systolic, point.diastolic]) mark.append(svg("circle", { cx: at, cy: y(value), r: 3.2 }));
    drawing.append(mark);
  }
  days(drawing, trends.days, TALL);
  const newest = points[points.length - 1];
  drawing.setAttribute("aria-label", `${say("pressure_week")}: ${round(newest.systolic)}/${round(newest.diastolic)} mmHg`);
  return drawing;
}

function glucose(meals) {
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${TALL - 16}`, role: "img", class: "glucose" });
  const most = Math.max(12, ...meals.map((meal) => meal.high)) + 1, bottom = TALL - 34;
  const y = (value) => bottom - (value / most) * (bottom - 6);
  drawing.append(svg("rect", { x: LEFT, y: y(10), width: WIDTH - LEFT, height: y(3.9) - y(10), class: "band" }));
  for (let value = 0; value <= most; value += 4) drawing.append(svg("text", { x: LEFT - 4, y: y(value) + 3, class: "tick", "text-anchor": "end" }, value));
  meals.forEach((meal, n) => {
    const step = (WIDTH - LEFT) / meals.length, middle = LEFT + (n + 0.5) * step;
    meal.points.forEach((point, k) => {
      const side = point.context === "before" || point.context === "fasting" ? -1 : point.context === "after" ? 1 : 0;
      const dot = svg("circle", { cx: middle + side * step * 0.17 + ((k % 5) - 2) * 2, cy: y(point.mmol), r: 3, class: side < 0 ? "before" : side > 0 ? "after" : "" });
      dot.append(svg("title", {}, `${round(point.mmol)} mmol/L${point.context ? `, ${say(`meal_${point.context}`)}` : ""}`));
      drawing.append(dot);
    });
    drawing.append(svg("line", { x1: middle - step * 0.32, x2: middle + step * 0.32, y1: y(meal.mean), y2: y(meal.mean), class: "mean" }));
    drawing.append(svg("text", { x: middle, y: TALL - 20, class: "tick", "text-anchor": "middle" }, `${say(`meal_${meal.meal}`)} ${meal.mean}`));
  });
  drawing.setAttribute("aria-label", `${say("glucose_meals")}: ${meals.map((meal) => `${say(`meal_${meal.meal}`)} ${meal.mean}`).join(", ")} mmol/L`);
  return drawing;
}

function nights(list, week) {
  const height = 16 * week.length + 14;
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", class: "nights" });
  // From six in the evening to noon: minutes 360 to 1440 after noon.
  const right = WIDTH - 46, x = (minute) => LEFT + ((Math.min(1440, Math.max(360, minute)) - 360) / 1080) * (right - LEFT);
  for (const hour of [18, 22, 2, 6, 10]) {
    const at = x((((hour - 12) + 24) % 24) * 60);
    drawing.append(svg("line", { x1: at, x2: at, y1: 0, y2: height - 12, class: "grid" }), svg("text", { x: at, y: height - 2, class: "tick", "text-anchor": "middle" }, hour));
  }
  week.forEach((day, n) => {
    const y = n * 16 + 3, night = list.find((one) => one.day === day);
    drawing.append(svg("text", { x: LEFT - 4, y: y + 8, class: "tick", "text-anchor": "end" }, weekday(day)));
    for (const [from, to] of night?.spans ?? []) {
      const bar = svg("rect", { x: x(from), y, width: Math.max(1.5, x(to) - x(from)), height: 10, rx: 3, class: "slept" });
      drawing.append(bar);
    }
    const told = night ? `${Math.floor(night.minutes / 60)} h ${String(night.minutes % 60).padStart(2, "0")}` : "–";
    drawing.append(svg("text", { x: WIDTH, y: y + 9, class: "tick", "text-anchor": "end" }, told));
  });
  drawing.setAttribute("aria-label", `${say("nights")}: ${list.map((night) => `${weekday(night.day)} ${round(night.minutes / 60)} h`).join(", ")}`);
  return drawing;
}

/** The newest of each kind, and how long ago: what was told hours ago has grown older since. */
function lastSeen(seen, trends) {
  const list = make("ul", "seen");
  for (const one of seen) {
    const since = trends.now_ms - one.at_ms, stale = one.stale || since > STALE;
    const item = make("li", stale ? "stale" : "");
    const age = since < JUST_NOW ? say("age_now") : ago(since);
    const words = one.time_known ? say("seen_ago", { age }) : say("seen_arrived", { age });
    item.append(make("b", "", say(`measure_${one.kind}`)), make("span", "", one.text), make("time", "", stale ? `${words} · ${say("stale")}` : words));
    list.append(item);
  }
  return list;
}

const clock = (at, trends) => new Date(at + trends.offset_minutes * 60_000).toISOString().slice(5, 16).replace("T", " ");
