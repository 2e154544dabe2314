// Who one chats as: the list, the phone's drawer, the dialog for a new person.

import * as api from "./api.js";
import { element } from "./message.js";

const find = (id) => document.getElementById(id);
const LANGUAGES = { en: "English", ru: "Русский" };

function avatar(user) {
  const node = element("span", `avatar hue-${user.id % 5}`, [...user.name][0]?.toUpperCase() || "?");
  node.setAttribute("aria-hidden", "true");
  return node;
}

export class People {
  constructor(choose) {
    this.choose = choose;
    this.shown = "";
    find("open-people").addEventListener("click", () => this.open(true));
    find("close-people").addEventListener("click", () => this.open(false));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.open(false));
    find("add-person").addEventListener("click", () => this.ask());
    find("person-cancel").addEventListener("click", () => find("person").close());
    find("person-form").addEventListener("submit", (event) => this.add(event));
  }

  open(isOpen) {
    find("people").classList.toggle("open", isOpen);
    if (isOpen) find("people-list").querySelector("button")?.focus();
  }

  show(users, current) {
    const key = JSON.stringify([users, current]);
    if (key === this.shown) return;
    this.shown = key;
    const me = users.find((user) => user.id === current) || { id: current, name: `User ${current}`, language: "en" };
    find("me-name").textContent = me.name;
    find("me-avatar").replaceWith(Object.assign(avatar(me), { id: "me-avatar" }));
    find("people-list").replaceChildren(...users.map((user) => {
      const about = `${LANGUAGES[user.language] || user.language} · ${user.id}`;
      const button = element("button", "", avatar(user), element("div", "", element("strong", "", user.name), element("span", "about", about)));
      if (user.id === current) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => {
        this.open(false);
        this.choose(user.id);
      });
      return element("li", "", button);
    }));
  }

  ask() {
    find("person-form").reset();
    find("person-problem").textContent = "";
    find("person").showModal();
  }

  async add(event) {
    event.preventDefault();
    const id = find("person-id").value.trim();
    try {
      const user = await api.addPerson({ id: id ? Number(id) : null, name: find("person-name").value, language: find("person-language").value });
      find("person").close();
      this.open(false);
      this.choose(user.id);
    } catch (error) {
      find("person-problem").textContent = error.message;
    }
  }
}
