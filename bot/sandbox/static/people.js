// Who one chats as: the list, the phone's drawer, the dialog for a new person.

import * as api from "./api.js";
import { element } from "./dom.js";

const find = (id) => document.getElementById(id);
const FIRST_GROUP = -1000000000001;
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
    this.groups = [];
    find("writer").addEventListener("change", () => this.choose(this.current, Number(find("writer").value)));
    find("add-group").addEventListener("click", () => {
      this.open(false);
      this.choose(Math.min(FIRST_GROUP, ...this.groups.map((group) => group.id - 1)));
    });
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

  show(users, groups, current, writer) {
    const key = JSON.stringify([users, groups, current, writer]);
    if (key === this.shown) return;
    this.shown = key;
    this.groups = groups;
    this.current = current;
    const me = users.find((user) => user.id === writer) || { id: writer, name: `User ${writer}`, language: "en" };
    const known = current < 0 && !groups.some((group) => group.id === current) ? [...groups, { id: current, title: `Group ${-current % 1e12}` }] : groups;
    find("title").textContent = known.find((group) => group.id === current)?.title || "Vigil";
    find("writer").hidden = current > 0;
    find("writer").replaceChildren(...users.map((user) => new Option(user.name, user.id, false, user.id === writer)));
    find("groups-list").replaceChildren(...known.map((group) => this.item(group.id, current, group.title, `group · ${group.id}`, { id: -group.id, name: group.title.split(" ").at(-1) }, writer)));
    find("me-name").textContent = me.name;
    find("me-avatar").replaceWith(Object.assign(avatar(me), { id: "me-avatar" }));
    find("people-list").replaceChildren(...users.map((user) => {
      const about = `${LANGUAGES[user.language] || user.language} · ${user.id}`;
      return this.item(user.id, current, user.name, about, user);
    }));
  }

  item(id, current, name, about, face, writer) {
    const button = element("button", "", avatar(face), element("div", "", element("strong", "", name), element("span", "about", about)));
    if (id === current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => {
      this.open(false);
      this.choose(id, writer);
    });
    return element("li", "", button);
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
