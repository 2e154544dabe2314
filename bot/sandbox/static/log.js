// The messages of one chat, kept in order, changed in place.

import { element } from "./dom.js";
import { render } from "./message.js";

const day = new Intl.DateTimeFormat([], { day: "numeric", month: "long" });

export class Log {
  constructor(scroll, list, latest, on) {
    Object.assign(this, { scroll, list, latest, on });
    this.views = new Map();
    this.nodes = new Map();
    this.waiting = new Set();
    this.isFollowing = true;
    this.top = 0;
    scroll.addEventListener("scroll", () => this.scrolled());
    latest.addEventListener("click", () => this.jump());
    const growing = new ResizeObserver(() => this.follow());
    growing.observe(scroll);
    growing.observe(list);
  }

  scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroll;
    // Only going up is the person's wish to stay; a picture that grows the list moves nothing.
    if (scrollHeight - scrollTop - clientHeight < 80) this.isFollowing = true;
    else if (scrollTop < this.top) this.isFollowing = false;
    this.top = scrollTop;
    this.latest.hidden = this.isFollowing;
  }

  get isEmpty() {
    return this.nodes.size === 0;
  }

  clear() {
    this.views.clear();
    this.nodes.clear();
    this.list.replaceChildren();
    this.jump();
  }

  update(messages, waiting) {
    const before = this.waiting;
    this.waiting = new Set(waiting);
    const touched = new Map(messages.map((view) => [view.message_id, view]));
    for (const id of [...before, ...this.waiting]) {
      if (before.has(id) !== this.waiting.has(id) && !touched.has(id) && this.views.has(id)) touched.set(id, this.views.get(id));
    }
    for (const view of [...touched.values()].sort((a, b) => a.message_id - b.message_id)) this.place(view);
    if (touched.size) this.arrange();
    if (messages.some((view) => !view.from_bot)) this.isFollowing = true;
    this.follow();
  }

  place(view) {
    const old = this.nodes.get(view.message_id);
    if (view.deleted) {
      old?.remove();
      this.list.querySelector(`.album-text[data-of="${view.message_id}"]`)?.remove();
      this.nodes.delete(view.message_id);
      this.views.delete(view.message_id);
      return;
    }
    const node = render(view, this.waiting.has(view.message_id), this.on);
    this.views.set(view.message_id, view);
    this.nodes.set(view.message_id, node);
    if (old) {
      node.style.animation = "none";
      old.replaceWith(node);
      return;
    }
    const next = [...this.list.querySelectorAll(".message")].find((other) => Number(other.dataset.id) > view.message_id);
    this.list.insertBefore(node, next?.closest(".album") || next || null);
  }

  // Pictures and films of one album stand together, what is written with them below.
  gather() {
    const groups = Map.groupBy([...this.list.querySelectorAll(".message.pictured[data-group]:not([data-group=''])")], (node) => node.dataset.group);
    for (const nodes of groups.values()) {
      let album = nodes[0].closest(".album");
      if (nodes.length < 2 && !album) continue;
      if (!album) {
        album = element("div", `album ${nodes[0].classList.contains("mine") ? "mine" : "theirs"}`);
        nodes[0].replaceWith(album);
        album.append(nodes[0]);
      }
      nodes.forEach((node, at) => {
        if (node.parentElement !== album) album.insertBefore(node, album.querySelector(".album-text"));
        node.classList.toggle("wide", nodes.length % 2 === 1 && at === 0);
        const text = node.querySelector(".bubble > .text");
        if (!text) return;
        node.querySelector(".bubble").classList.add("bare");
        album.querySelector(`[data-of="${node.dataset.id}"]`)?.remove();
        text.className = "album-text bubble text";
        text.dataset.of = node.dataset.id;
        album.append(text);
      });
    }
    for (const album of this.list.querySelectorAll(".album")) if (!album.querySelector(".message")) album.remove();
  }

  arrange() {
    for (const old of this.list.querySelectorAll(".day")) old.remove();
    this.gather();
    const today = new Date().toDateString();
    let previous = null;
    for (const node of [...this.list.querySelectorAll(".message")]) {
      const isMine = node.classList.contains("mine");
      const isNewDay = previous?.dataset.day !== node.dataset.day;
      if (isNewDay) {
        const label = node.dataset.day === today ? "Today" : day.format(new Date(node.dataset.day));
        this.list.insertBefore(element("div", "day", label), node.closest(".album") || node);
      }
      const isFirst = isNewDay || previous.classList.contains("mine") !== isMine;
      node.classList.toggle("first", isFirst);
      node.classList.add("last");
      if (previous && !isFirst) previous.classList.remove("last");
      previous = node;
    }
  }

  follow() {
    if (this.isFollowing) this.jump();
  }

  jump() {
    this.isFollowing = true;
    this.latest.hidden = true;
    this.scroll.scrollTop = this.scroll.scrollHeight;
  }
}
