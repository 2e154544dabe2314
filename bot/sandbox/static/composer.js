// Where one writes, and the menu of commands.

import { element } from "./dom.js";
import { gist } from "./message.js";
import { Tray } from "./tray.js";

const find = (id) => document.getElementById(id);

export class Composer {
  constructor(send, refuse) {
    this.send = send;
    this.answered = null;
    this.tray = new Tray(() => this.changed(), refuse);
    find("reply-cancel").addEventListener("click", () => this.reply(null));
    this.text = find("text");
    this.menu = find("commands");
    this.commands = [];
    this.chosen = 0;
    this.text.addEventListener("input", () => this.changed());
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("blur", () => setTimeout(() => this.menu.contains(document.activeElement) || this.close(), 150));
    find("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    find("slash").addEventListener("click", () => this.toggle());
  }

  offer(commands) {
    this.commands = commands;
    find("slash").hidden = commands.length === 0;
  }

  changed() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 180)}px`;
    find("send").disabled = !this.text.value.trim() && !this.tray.files.length;
    const typed = /^\/(\w*)$/.exec(this.text.value);
    const matching = typed ? this.commands.filter((one) => one.command.startsWith(typed[1].toLowerCase())) : [];
    if (matching.length) this.open(matching);
    else this.close();
  }

  reply(view) {
    this.answered = view;
    find("replying").hidden = !view;
    find("reply-text").textContent = view ? gist(view.message) : "";
    if (view) this.text.focus();
  }

  submit() {
    const text = this.text.value.trim();
    const { kind } = this.tray;
    const files = this.tray.take();
    const { answered } = this;
    if (!text && !files.length) return;
    this.text.value = "";
    this.reply(null);
    this.changed();
    this.text.focus();
    const more = { reply_to: answered?.message_id, kind };
    this.send(text, files, more, (share) => this.tray.progress(share)).catch(() => {
      if (!this.text.value) this.text.value = text;
      if (files.length) this.tray.add(files);
      if (answered) this.reply(answered);
      this.changed();
    }).finally(() => this.tray.progress(null));
  }

  key(event) {
    const options = [...this.menu.children];
    if (!this.menu.hidden && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      this.choose((this.chosen + (event.key === "ArrowDown" ? 1 : options.length - 1)) % options.length);
    } else if (!this.menu.hidden && event.key === "Escape") {
      this.close();
    } else if (event.key === "Escape" && this.answered) {
      this.reply(null);
    } else if (!this.menu.hidden && (event.key === "Enter" || event.key === "Tab")) {
      event.preventDefault();
      options[this.chosen].click();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.submit();
    }
  }

  toggle() {
    const wasHidden = this.menu.hidden;
    this.text.focus();
    if (wasHidden) this.open(this.commands);
    else this.close();
  }

  open(commands) {
    this.menu.replaceChildren(...commands.map((one) => {
      const option = element("li", "", element("b", "", `/${one.command}`), element("span", "", one.description));
      option.setAttribute("role", "option");
      option.addEventListener("mousedown", (event) => event.preventDefault());
      option.addEventListener("click", () => {
        this.text.value = "";
        this.changed();
        this.send(`/${one.command}`).catch(() => {});
      });
      return option;
    }));
    this.menu.hidden = false;
    find("slash").setAttribute("aria-expanded", "true");
    this.choose(0);
  }

  choose(index) {
    this.chosen = index;
    [...this.menu.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
    this.menu.children[index]?.scrollIntoView({ block: "nearest" });
  }

  close() {
    this.menu.hidden = true;
    find("slash").setAttribute("aria-expanded", "false");
  }
}
