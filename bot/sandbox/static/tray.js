// What is about to be sent with the next message: picked, pasted or dropped files.

import { element, icon, sized } from "./dom.js";

const find = (id) => document.getElementById(id);
const MOST = 10;

function preview(file) {
  if (!file.type.startsWith("image/")) return icon("file");
  const image = element("img");
  image.src = URL.createObjectURL(file);
  image.alt = "";
  image.addEventListener("load", () => URL.revokeObjectURL(image.src));
  image.addEventListener("error", () => image.replaceWith(icon("file")));
  return image;
}

export class Tray {
  constructor(changed, refuse) {
    Object.assign(this, { changed, refuse, files: [] });
    find("attach").addEventListener("click", () => find("picker").click());
    find("picker").addEventListener("change", () => {
      this.add(find("picker").files);
      find("picker").value = "";
    });
    find("text").addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      this.add(event.clipboardData.files);
    });
    this.listen();
  }

  listen() {
    let depth = 0;
    const hasFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
    const show = (change) => { depth = Math.max(0, depth + change); find("drop").hidden = depth === 0; };
    addEventListener("dragenter", (event) => hasFiles(event) && show(1));
    addEventListener("dragleave", (event) => hasFiles(event) && show(-1));
    addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      show(-depth);
      this.add(event.dataTransfer.files);
    });
  }

  get kind() {
    return find("send-as").value;
  }

  add(files) {
    const left = MOST - this.files.length;
    if (files.length > left) this.refuse(`${MOST} files go at once.`);
    this.files.push(...[...files].slice(0, left));
    this.show();
    find("text").focus();
  }

  take() {
    const { files } = this;
    this.files = [];
    this.show();
    return files;
  }

  show() {
    find("tray").hidden = this.files.length === 0;
    if (!this.files.length) find("send-as").value = "";
    find("tray-files").replaceChildren(...this.files.map((file, at) => {
      const remove = element("button", "round", icon("close"));
      remove.type = "button";
      remove.setAttribute("aria-label", `Leave out ${file.name}`);
      remove.addEventListener("click", () => { this.files.splice(at, 1); this.show(); });
      return element("li", "", preview(file), element("span", "", file.name, element("small", "", sized(file.size))), remove);
    }));
    this.changed();
  }

  progress(share) {
    find("progress").hidden = share === null;
    find("progress").value = share ?? 0;
  }
}
