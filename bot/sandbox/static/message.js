// One message as DOM: bubble, media, keyboard.

import { formatted } from "./text.js";

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  svg.setAttribute("aria-hidden", "true");
  return svg;
}

export function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });

function meta(view, isWaiting) {
  const { message } = view;
  const time = element("time", "", clock.format(message.date * 1000));
  time.dateTime = new Date(message.date * 1000).toISOString();
  const parts = element("span", "meta", message.edit_date ? "edited " : null, time);
  if (!view.from_bot) {
    const mark = icon(isWaiting ? "sent" : "taken");
    mark.removeAttribute("aria-hidden");
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", isWaiting ? "waiting for the bot" : "taken by the bot");
    parts.append(mark);
  }
  return parts;
}

function photo(view, on) {
  const largest = view.message.photo.at(-1);
  const image = element("img");
  image.src = view.file_url;
  image.width = largest.width;
  image.height = largest.height;
  image.alt = view.text || "Picture from the bot";
  image.decoding = "async";
  const button = element("button", "picture", image);
  button.type = "button";
  button.setAttribute("aria-label", "Show the picture large");
  button.addEventListener("click", () => on.view(view.file_url, image.alt));
  return button;
}

function file(view) {
  const { document: sent } = view.message;
  const size = sent.file_size < 1024 * 1024 ? `${(sent.file_size / 1024).toFixed(1)} KB` : `${(sent.file_size / 1048576).toFixed(1)} MB`;
  const link = element("a", "document", element("span", "icon", icon("file")), element("span", "name", sent.file_name, element("small", "", size)));
  link.href = view.file_url;
  link.download = sent.file_name;
  return link;
}

function keyboard(view, on) {
  const rows = view.message.reply_markup?.inline_keyboard || [];
  if (!rows.length) return null;
  const key = (button) => {
    if (button.url) {
      const link = element("a", "key", button.text, icon("link"));
      link.href = button.url;
      link.target = "_blank";
      link.rel = "noreferrer noopener";
      return link;
    }
    const node = element("button", "key", button.text);
    node.type = "button";
    node.addEventListener("click", () => on.press(view.message_id, button, node));
    return node;
  };
  return element("div", "keys", ...rows.map((row) => element("div", "", ...row.map(key))));
}

export function render(view, isWaiting, on) {
  const { message } = view;
  const bubble = element("div", "bubble");
  const reply = message.reply_to_message;
  if (reply) bubble.append(element("span", "reply", reply.text || reply.caption || "Picture"));
  if (view.kind === "photo") {
    bubble.classList.add("photo");
    if (!view.text) bubble.classList.add("bare");
    bubble.append(photo(view, on));
  } else if (view.kind === "document") {
    bubble.append(file(view));
  }
  if (view.text) {
    const entities = message.entities || message.caption_entities;
    bubble.append(element("div", "text", formatted(view.text, entities, on.command), meta(view, isWaiting)));
  } else {
    bubble.append(meta(view, isWaiting));
  }
  const keys = keyboard(view, on);
  const node = element("div", `message ${!view.from_bot ? "mine" : "theirs"}`, bubble, keys);
  node.classList.toggle("keyed", Boolean(keys));
  node.classList.toggle("pictured", view.kind === "photo");
  node.dataset.id = view.message_id;
  node.dataset.day = new Date(message.date * 1000).toDateString();
  return node;
}
