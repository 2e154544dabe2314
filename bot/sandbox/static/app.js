// The chat page: one person, one chat, kept up to date by long polling.

import * as api from "./api.js";
import { Composer } from "./composer.js";
import { Log } from "./log.js";
import { element } from "./dom.js";
import { People } from "./people.js";

const find = (id) => document.getElementById(id);
const ACTIONS = { typing: "typing…", upload_photo: "sending a picture…", upload_document: "sending a file…", upload_video: "sending a video…", record_voice: "recording…", upload_voice: "sending sound…", record_video: "filming…" };
const PRESS_SECONDS = 15;

// The hash names the chat, and in a group who writes: #1001, #-1000000000001/1001.
let chat = 0;
let user = 1001;
let listening = new AbortController();
const pressed = new Map();
const early = new Map();

const log = new Log(find("scroll"), find("log"), find("latest"), { press, view, command: (text) => say(text).catch(() => {}), reply: (message) => composer.reply(message) });
const people = new People((id, writer) => { location.hash = id < 0 ? `#${id}/${writer || user}` : `#${id}`; });
const composer = new Composer(say, toast);

function toast(text) {
  const note = element("p", "", text);
  find("toasts").append(note);
  setTimeout(() => note.remove(), 3500);
}

function view(address, description) {
  find("viewer-image").src = address;
  find("viewer-image").alt = description;
  find("viewer").showModal();
}

async function say(text, files = [], more = {}, progress = () => {}) {
  const how = { ...more, user };
  try {
    if (files.length) await api.attach(chat, files, { ...how, caption: text }, progress);
    else await api.write(chat, text, how);
  } catch (error) {
    toast(error.message);
    throw error;
  }
}

async function press(messageId, button, key) {
  if (button.copy_text) {
    await navigator.clipboard.writeText(button.copy_text.text).catch(() => {});
    toast("Copied");
    return;
  }
  key.classList.add("busy");
  try {
    const query = await api.press(chat, messageId, button.text, user);
    pressed.set(query.id, key);
    // The answer may have come before the press itself was confirmed.
    if (early.has(query.id)) answered([early.get(query.id)]);
    setTimeout(() => release(query.id), PRESS_SECONDS * 1000);
  } catch (error) {
    key.classList.remove("busy");
    toast(error.message);
  }
}

function release(id) {
  pressed.get(id)?.classList.remove("busy");
  pressed.delete(id);
}

function answered(answers) {
  for (const answer of answers) {
    if (!pressed.has(answer.id)) {
      early.set(answer.id, answer);
      continue;
    }
    early.delete(answer.id);
    release(answer.id);
    if (!answer.text) continue;
    if (answer.alert) {
      find("alert-text").textContent = answer.text;
      find("alert").showModal();
    } else {
      toast(answer.text);
    }
  }
}

function status(text, isLive) {
  const node = find("status");
  const dots = isLive ? element("span", "dots", element("i"), element("i"), element("i")) : null;
  node.replaceChildren(...[dots, text].filter(Boolean));
  node.classList.toggle("live", isLive);
}

let isOnline = false;
let action = null;

function showStatus() {
  status(action ? ACTIONS[action] || "working…" : isOnline ? "online" : "waiting for the bot", Boolean(action));
}

function banner(text) {
  find("banner").textContent = text || "";
  find("banner").hidden = !text;
}

async function refresh() {
  const state = await api.state(chat, user);
  const { bot } = state;
  isOnline = (bot.webhook && !bot.error) || bot.polling || (bot.webhook && state.pending === 0);
  if (isOnline || state.pending === 0) banner("");
  else banner(`The bot does not answer${bot.error ? ` (${bot.error})` : ""}. ${state.pending === 1 ? "One update waits" : `${state.pending} updates wait`} and will be delivered.`);
  people.show(state.users, state.groups, chat, user);
  composer.offer(state.commands);
  showStatus();
}

async function listen(signal) {
  let after = 0;
  let heard = -1;
  let isFirst = true;
  while (!signal.aborted) {
    try {
      const changes = await api.changes(chat, after, heard, signal);
      if (signal.aborted) return;
      // A restarted sandbox counts anew: what it told before is told again.
      if (changes.after < after) { after = 0; heard = -1; log.clear(); continue; }
      ({ after, heard, action } = changes);
      log.update(changes.messages, changes.waiting);
      if (!isFirst) answered(changes.answers);
      isFirst = false;
      find("hello").hidden = !log.isEmpty;
      showStatus();
      if (action) setTimeout(() => { action = null; showStatus(); }, 5000);
      refresh().catch(() => {});
    } catch (error) {
      if (signal.aborted) return;
      isOnline = false;
      status("the sandbox is not running", false);
      await new Promise((resume) => setTimeout(resume, 1000));
      heard = -1;
    }
  }
}

function open() {
  const [place, writer] = location.hash.slice(1).split("/").map(Number);
  chat = place || 1001;
  user = chat > 0 ? chat : writer || 1001;
  composer.reply(null);
  listening.abort();
  listening = new AbortController();
  pressed.clear();
  early.clear();
  log.clear();
  find("hello").hidden = true;
  refresh().catch(() => {});
  listen(listening.signal);
  if (matchMedia("(pointer: fine)").matches) find("text").focus();
}

find("start").addEventListener("click", () => say("/start").catch(() => {}));
find("viewer").addEventListener("click", () => find("viewer").close());
addEventListener("hashchange", open);
setInterval(() => refresh().catch(() => {}), 5000);
open();
