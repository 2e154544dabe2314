// One message as DOM: bubble, media, keyboard.

import { element, icon } from "./dom.js";
import { medium } from "./media.js";
import { formatted } from "./text.js";

export function gist(message) {
  const kind = ["photo", "video", "animation", "audio", "voice", "document"].find((each) => message[each]);
  return message.text || message.caption || { photo: "Picture", voice: "Voice message", document: message.document?.file_name }[kind] || (kind ? kind[0].toUpperCase() + kind.slice(1) : "Message");
}

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });

function meta(view, isWaiting) {
  const { message } = view;
  const time = element("time", "", clock.format(message.date * 1000));
  time.dateTime = new Date(message.date * 1000).toISOString();
  const reaction = view.reaction ? element("span", "reaction", view.reaction) : null;
  const parts = element("span", "meta", reaction, message.edit_date ? "edited " : null, time);
  if (!view.from_bot) {
    const mark = icon(isWaiting ? "sent" : "taken");
    mark.removeAttribute("aria-hidden");
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", isWaiting ? "waiting for the bot" : "taken by the bot");
    parts.append(mark);
  }
  return parts;
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

function answer(view, on) {
  const node = element("button", "answer", icon("reply"));
  node.type = "button";
  node.title = "Reply";
  node.setAttribute("aria-label", `Reply to: ${gist(view.message).slice(0, 60)}`);
  node.addEventListener("click", () => on.reply(view));
  return node;
}

export function render(view, isWaiting, on) {
  const { message } = view;
  const bubble = element("div", "bubble");
  const file = medium(view, on);
  const isGroup = message.chat.type !== "private";
  if (isGroup && !view.from_bot) bubble.append(element("span", `author ink-${message.from.id % 5}`, message.from.first_name));
  if (message.reply_to_message) bubble.append(element("span", "reply", gist(message.reply_to_message)));
  bubble.classList.toggle("photo", Boolean(file?.isPicture));
  bubble.classList.toggle("bare", Boolean(file?.isPicture) && !view.text);
  if (file && !message.show_caption_above_media) bubble.append(file.node);
  if (view.text) {
    const entities = message.entities || message.caption_entities;
    bubble.append(element("div", "text", formatted(view.text, entities, on.command), meta(view, isWaiting)));
  } else {
    bubble.append(meta(view, isWaiting));
  }
  if (file && message.show_caption_above_media) bubble.append(file.node);
  const keys = keyboard(view, on);
  const node = element("div", `message ${!view.from_bot ? "mine" : "theirs"}`, bubble, keys, answer(view, on));
  node.classList.toggle("in-group", isGroup);
  node.classList.toggle("keyed", Boolean(keys));
  node.classList.toggle("pictured", Boolean(file?.isPicture));
  node.dataset.id = view.message_id;
  node.dataset.group = message.media_group_id || "";
  node.dataset.day = new Date(message.date * 1000).toDateString();
  return node;
}
