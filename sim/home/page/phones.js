// The family's phones, mobile and by SIP: what they show, and the few things that a hand does with them.
import { pick, say } from "./words.js";

const make = (tag, className, ...children) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
};
const HANDS = { ringing: ["answer", "hang_up"], answered: ["one", "hang_up"], idle: ["reply"] };

export class Phones {
  constructor(root, act) {
    this.root = root;
    this.act = act;
  }

  show(phones) {
    this.root.replaceChildren(...phones.map((phone) => this.card(phone)));
  }

  card(phone) {
    const bySip = phone.by === "sip"; // such a one shows no texts and writes none
    const name = bySip ? say("by_sip", { name: pick(phone.name) }) : pick(phone.name);
    const head = make("p", "head", make("b", "", name), make("span", "state", say(`phone_${phone.state}`)));
    const texts = phone.texts.map((text) => make("p", "sms", text));
    const hands = make("p", "hands", ...(HANDS[phone.state] ?? []).filter((hand) => hand !== "reply" || !bySip).map((hand) => {
      const button = make("button", `quiet ${hand}`, say(`hand_${hand}`));
      button.type = "button";
      button.dataset.phone = `${phone.id}/${hand}`;
      button.addEventListener("click", () => this.act({ act: "phone", phone: phone.id, hand }));
      return button;
    }));
    return make("article", `phone ${phone.state}`, head, ...(texts.length || bySip ? texts : [make("p", "empty", say("no_texts"))]), hands);
  }
}
