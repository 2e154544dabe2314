// The file of a message as DOM: picture, film, sound, or something to save.

import { element, icon, sized } from "./dom.js";

const MAX_WIDTH = 440;
const MAX_HEIGHT = 460;

function photo(view, on) {
  const largest = view.message.photo.at(-1);
  const image = element("img");
  image.src = view.file_url;
  image.width = largest.width;
  image.height = largest.height;
  image.alt = view.text || (view.from_bot ? "Picture from the bot" : "Picture");
  const button = element("button", "picture", image);
  button.type = "button";
  button.setAttribute("aria-label", "Show the picture large");
  button.addEventListener("click", () => on.view(view.file_url, image.alt));
  return button;
}

function film(view, sent, isAnimation) {
  if (sent.mime_type.startsWith("image/")) {
    const image = element("img");
    image.src = view.file_url;
    image.alt = view.text || "Moving picture";
    return element("div", "picture", image);
  }
  const video = element("video");
  video.src = view.file_url;
  video.playsInline = true;
  video.preload = "metadata";
  video.controls = !isAnimation;
  Object.assign(video, isAnimation ? { autoplay: true, loop: true, muted: true } : {});
  video.setAttribute("aria-label", view.text || sent.file_name || "Video");
  if (sent.width && sent.height) {
    video.width = sent.width;
    video.height = sent.height;
    const share = Math.min(MAX_HEIGHT / sent.height, MAX_WIDTH / sent.width);
    video.style.aspectRatio = `${sent.width} / ${sent.height}`;
    video.style.width = `${Math.round(sent.width * share)}px`;
  }
  return element("div", "picture", video);
}

function sound(view, sent, isVoice) {
  const audio = element("audio");
  audio.src = view.file_url;
  audio.controls = true;
  audio.preload = "metadata";
  const name = isVoice ? "Voice message" : sent.title || sent.file_name || "Audio";
  audio.setAttribute("aria-label", name);
  const about = [sent.performer, sized(sent.file_size)].filter(Boolean).join(" · ");
  const head = element("div", "head", element("span", "icon", icon(isVoice ? "voice" : "note")), element("span", "name", name, element("small", "", about)));
  return element("div", "sound", head, audio);
}

function paper(view, sent) {
  const link = element("a", "document", element("span", "icon", icon("file")), element("span", "name", sent.file_name, element("small", "", sized(sent.file_size))));
  link.href = view.file_url;
  link.download = sent.file_name;
  return link;
}

// Return the node, and whether it fills its bubble as a picture does.
export function medium(view, on) {
  const { message } = view;
  if (message.photo) return { node: photo(view, on), isPicture: true };
  const moving = message.video || message.animation;
  if (moving) return { node: film(view, moving, Boolean(message.animation)), isPicture: true };
  if (message.audio || message.voice) return { node: sound(view, message.audio || message.voice, Boolean(message.voice)), isPicture: false };
  if (message.document) return { node: paper(view, message.document), isPicture: false };
  return null;
}
