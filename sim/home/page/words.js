// Everything the page says, in both languages: [zh, en]. {name} is filled in by say(). The words of the week are
// those of the hub's own page.
import { WORDS as TOLD } from "./told.js";

export const WORDS = {
  ...TOLD,
  lead: ["按一下，有人知道，您也知道有人知道。", "One press: somebody knows, and the elder feels that they know."],
  hub_page: ["终端页面 ↗", "Hub's page ↗"], seat_page: ["坐席页面 ↗", "Seat page ↗"],
  ended: ["这一次模拟已经结束。", "This run has ended."],
  seed: ["种子 {seed}", "seed {seed}"],
  plan: ["家", "The home"],
  plan_hint: ["拖动吊坠；点一下墙，让它变厚", "Drag a pendant. Tap a wall to make it thick."],
  world: ["出点什么事", "Make trouble"],
  calls: ["呼叫", "Calls"],
  no_calls: ["还没有呼叫。按一下红色按键或吊坠。", "No call yet. Press the red key or a pendant."],
  family: ["家人的电话", "The family's phones"], by_sip: ["{name}（网络电话）", "{name}, by SIP"], no_texts: ["（没有短信）", "(no text)"],
  phone_idle: ["待机", "idle"], phone_dialling: ["拨号中", "dialling"], phone_ringing: ["响铃", "rings"], phone_answered: ["通话中", "in a call"],
  hand_answer: ["接听", "Answer"], hand_hang_up: ["挂断", "Hang up"], hand_one: ["按 1", "Press 1"], hand_reply: ["回复“我马上到”", "Reply “on my way”"],
  timeline: ["正在发生", "What happens"],
  hub: ["家庭终端", "Hub"],
  pendant: ["吊坠", "Pendant"], seat: ["坐席", "seat"],
  red_key: ["求助", "SOS"],
  green_key: ["服务", "Assist"],
  red_hint: ["红键：紧急呼叫", "Red key: emergency"],
  green_hint: ["绿键：服务；10 秒内再按：回电；按住 3 秒：取消",
    "Green key: assistance; again within 10 s: call back; held 3 s: cancel"],
  press_hint: ["按下 {name}（可以按住）", "Press {name} (it can be held)"],
  cut_power: ["断电", "Power cut"], let_fall: ["摔倒", "Fall"], row_fall: ["佩戴者走几步后摔倒", "its wearer takes some steps and falls"],
  give_power: ["上电", "Power on"],
  quiet: ["（安静）", "(quiet)"],
  dead_hub: ["终端没有在运行", "the hub does not run"], dead_pendant: ["没有电", "no power"],
  no_power: ["{about} 没有电，按了没有反应", "{about} has no power: a press does nothing"],
  hub_down: ["{about} 没有在运行，按键没有人读", "{about} does not run: nobody reads its keys"],
  other_run: ["这是另一次运行的页面，请刷新", "This page belongs to another run: reload it"],
  not_done: ["没有成功", "That could not be done"],
  signal_good: ["信号好", "good signal"], signal_weak: ["信号弱", "weak signal"], signal_none: ["够不着", "out of reach"],
  internet: ["网络", "Internet"], udp: ["快速通道", "Fast way"], disk: ["存储卡", "Card"],
  hub_process: ["终端程序", "Hub"], platform: ["平台", "Platform"],
  jam: ["无线干扰", "Radio jam"], stranger: ["陌生手机", "Stranger"],
  internet_hint: ["终端和平台之间的网络", "All that lies between hub and platform"],
  udp_hint: ["CoAP（UDP）。拦截后改走 HTTPS", "CoAP over UDP; without it calls go by HTTPS"],
  disk_hint: ["终端的存储卡：写入不再返回", "The hub's memory card: writes no longer return"],
  hub_process_hint: ["杀死终端的程序（kill -9），再启动", "Kill the hub's program (kill -9), and start it again"],
  platform_hint: ["停止平台，再启动", "Stop the platform, and start it again"],
  jam_hint: ["整个蓝牙频段都是噪声", "Noise over all of Bluetooth's band"],
  stranger_hint: ["一部陌生手机一有机会就连上吊坠", "A foreign phone that connects to a pendant whenever it can"],
  internet_on: ["畅通", "open"], internet_off: ["已切断", "cut"],
  udp_on: ["畅通", "open"], udp_off: ["被拦截", "blocked"],
  disk_on: ["正常", "well"], disk_off: ["卡死", "hangs"],
  hub_process_on: ["运行中", "runs"], hub_process_off: ["已被杀死", "killed"],
  platform_on: ["运行中", "runs"], platform_off: ["已停止", "stopped"],
  jam_on: ["没有", "none"], jam_off: ["正在干扰", "jamming"],
  stranger_on: ["没有", "none"], stranger_off: ["连上吊坠", "connects"],
  stage_pressed: ["按下", "pressed"], stage_heard: ["听到", "heard"], stage_stored: ["存好", "stored"],
  stage_sent: ["发出", "sent"], stage_platform: ["平台", "centre"], stage_felt: ["感到", "felt"],
  stage_taken: ["接听", "taken"], stage_arrived: ["到达", "arrived"],
  state_open: ["等待接听", "waiting"], state_taken: ["已接听", "taken"], state_arrived: ["已到达", "arrived"],
  state_closed: ["已结束", "closed"], state_cancelled: ["已取消", "cancelled"], state_going: ["正在发出", "on its way"],
  presses: ["按了 {n} 次", "{n} presses"],
  kind_sos: ["紧急求助", "SOS"], kind_assistance: ["服务", "assistance"], kind_consultation: ["请回电", "call back"],
  kind_updated: ["更新", "an update"],
  row_started: ["一切就绪", "everything is ready"],
  row_key_down: ["{key}按下", "{key} key down"],
  row_key_up: ["{key}松开（{held_ms} 毫秒）", "{key} key up ({held_ms} ms)"],
  key_red: ["红键", "red"], key_green: ["绿键", "green"], key_pendant: ["吊坠", "pendant"],
  row_texted: ["短信已交给运营商", "a text is in the network"],
  row_phone_text: ["收到短信：{text}", "a text: {text}"], row_phone_ringing: ["电话响了", "the phone rings"],
  row_phone_answered: ["电话接通", "the phone is answered"], row_phone_ended: ["电话挂断", "the phone call has ended"],
  row_led: ["灯：{text}", "light: {text}"],
  row_lamp: ["灯：{text}", "lamp: {text}"],
  row_buzz: ["振动：{text}", "buzz: {text}"],
  row_spoken: ["“{text}”", "“{text}”"],
  row_stored: ["平台收到：{text}", "the centre has: {text}"],
  row_taken: ["坐席已接听", "somebody at the seat took it"],
  row_arrived: ["有人到达", "somebody arrived"],
  row_closed: ["坐席结束了呼叫", "the seat closed the call"],
  row_accept_cancel: ["坐席同意取消", "the seat accepted the cancelling"],
  row_world: ["{text}", "{text}"],
  row_wall_up: ["墙变厚了", "a wall is thick"], row_wall_down: ["墙恢复了", "a wall is thin again"],
  row_process: ["{text}", "{text}"],
  row_wake: ["醒来", "awake"], row_sleep: ["深睡", "deep sleep"],
  row_power_cut: ["断电", "power cut"], row_power_on: ["上电", "power on"],
  off: ["灭", "off"], amber: ["琥珀", "amber"], green: ["绿", "green"], red: ["红", "red"],
  flash: ["闪", "flashes"], blink: ["闪烁", "blinks"], steady: ["长亮", "steady"],
  short: ["短", "short"], long: ["长", "long"], two_long: ["两次长", "two long"], low: ["低", "low"],
  light: ["轻", "light"], asked: ["询问", "asking"],
};

const KEY = "anban-language";
let index = Number((localStorage.getItem(KEY) ?? (navigator.language.startsWith("zh") ? "zh" : "en")) !== "zh");

export const language = () => ["zh", "en"][index];
export function switchLanguage() {
  index = 1 - index;
  localStorage.setItem(KEY, language());
}
/** The sentence of a key with {names} filled in; an unknown key says itself. */
export function say(key, values = {}) {
  const text = WORDS[key]?.[index] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
/** One of {zh, en}, or plain text. */
export const pick = (names) => (typeof names === "object" && names ? names[language()] ?? "" : names ?? "");
