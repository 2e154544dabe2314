// Telegram's text with entities as DOM nodes; offsets are UTF-16 units, as JavaScript's own.

const TAGS = {
  bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote",
};

// About four lines on a phone.
const FOLDED_FROM = 160;

const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);

function wrap(entity, text, onCommand) {
  const { type } = entity;
  if (type === "text_link" || type === "url") {
    const link = document.createElement("a");
    const address = entity.url || text;
    if (/^(https?|tg):/i.test(address)) link.href = address;
    link.target = "_blank";
    link.rel = "noreferrer noopener";
    return link;
  }
  if (type === "bot_command") {
    const link = document.createElement("a");
    link.className = "command";
    link.tabIndex = 0;
    link.setAttribute("role", "button");
    link.addEventListener("click", () => onCommand(text));
    link.addEventListener("keydown", (event) => event.key === "Enter" && onCommand(text));
    return link;
  }
  if (type === "spoiler") {
    const cover = document.createElement("span");
    cover.className = "spoiler";
    cover.addEventListener("click", () => cover.classList.add("shown"));
    return cover;
  }
  if (type === "expandable_blockquote" && text.length > FOLDED_FROM) {
    const quote = document.createElement("blockquote");
    quote.className = "folded";
    quote.tabIndex = 0;
    quote.setAttribute("role", "button");
    quote.setAttribute("aria-expanded", "false");
    const turn = () => quote.setAttribute("aria-expanded", String(quote.classList.toggle("folded") === false));
    quote.addEventListener("click", turn);
    quote.addEventListener("keydown", (event) => event.key === "Enter" && turn());
    return quote;
  }
  return document.createElement(TAGS[type] || "span");
}

export function formatted(text, entities, onCommand) {
  const sorted = [...(entities || [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const build = (start, end, inside) => {
    const part = document.createDocumentFragment();
    let at = start;
    while (inside.length) {
      const entity = inside.shift();
      const from = Math.max(entity.offset, at);
      const to = Math.min(entity.offset + entity.length, end);
      if (to <= from) continue;
      part.append(text.slice(at, from));
      const within = [];
      while (inside.length && inside[0].offset < to) within.push(inside.shift());
      const node = wrap(entity, text.slice(from, to), onCommand);
      node.append(build(from, to, within));
      part.append(node);
      // A block ends its line by itself; the line break behind it would show as an empty line.
      at = BLOCKS.has(entity.type) && text[to] === "\n" ? to + 1 : to;
    }
    part.append(text.slice(at, end));
    return part;
  };
  return build(0, text.length, sorted);
}
