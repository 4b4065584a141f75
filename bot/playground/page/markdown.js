// Discord's Markdown, as far as chat needs it, into elements. Every piece of text ends in a text node.
import { h, linkTo } from "./dom.js";
import { channelById, everybody, nameOf, roleById, tell } from "./store.js";

const DEEPEST = 8;
const PAIRS = [
  ["***", (inner) => h("strong", {}, h("em", {}, inner))],
  ["**", (inner) => h("strong", {}, inner)],
  ["__", (inner) => h("u", {}, inner)],
  ["~~", (inner) => h("s", {}, inner)],
  ["||", (inner) => spoiler(inner)],
  ["*", (inner) => h("em", {}, inner)],
  ["_", (inner) => h("em", {}, inner)],
];
const LINK = /https?:\/\/[^\s<>]+[^\s<>.,:;"'\])!?]/y;
const NAMED_LINK = /\[([^\]\n]{1,300})\]\(<?(https?:\/\/[^\s)>]+)>?(?:\s+"[^"\n]*")?\)/y;
const TAG = /<(?:(@!?|#|@&)(\d{1,20})|t:(-?\d{1,12})(?::([tTdDfFR]))?|\/([^:>\n]{1,100}):\d{1,20}|a?:(\w{2,32}):\d{1,20}|(https?:\/\/[^\s<>]+))>/y;
const EVERYONE = /@(?:everyone|here)\b/y;
const SHAPES = {
  t: { timeStyle: "short" }, T: { timeStyle: "medium" }, d: { dateStyle: "short" }, D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" }, F: { dateStyle: "full", timeStyle: "short" },
};

function spoiler(inner) {
  const reveal = (event) => {
    event.stopPropagation();
    button.classList.add("is-open");
    button.setAttribute("aria-expanded", "true");
  };
  const button = h("span", { class: "spoiler", role: "button", tabindex: "0", "aria-expanded": "false", "aria-label": "Spoiler",
    on: { click: reveal, keydown: (event) => { if (event.key === "Enter" || event.key === " ") reveal(event); } } },
  h("span", { class: "spoiler-text" }, inner));
  return button;
}

function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function relative(seconds) {
  const away = seconds - Date.now() / 1000;
  const steps = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, size] = steps.find(([, length]) => Math.abs(away) >= length) ?? steps.at(-1);
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.round(away / size), unit);
}

function moment(seconds, shape) {
  const when = new Date(Number(seconds) * 1000);
  if (Number.isNaN(when.getTime())) return String(seconds);
  const full = new Intl.DateTimeFormat(undefined, SHAPES.F).format(when);
  const shown = shape === "R" ? relative(Number(seconds)) : new Intl.DateTimeFormat(undefined, SHAPES[shape] ?? SHAPES.f).format(when);
  return h("time", { class: "moment", datetime: when.toISOString(), title: full }, shown);
}

function mention(kind, id) {
  if (kind === "#") {
    const place = channelById(id);
    if (!place) return h("span", { class: "mention" }, "#unknown");
    return h("button", { class: "mention", type: "button", on: { click: () => tell("go", id) } }, `#${place.name ?? "direct"}`);
  }
  if (kind === "@&") return h("span", { class: "mention" }, `@${roleById(id)?.name ?? "unknown-role"}`);
  const user = everybody().get(id);
  return h("span", { class: "mention", data: { user: id } }, `@${user ? nameOf(user) : "unknown-user"}`);
}

function tagged(found) {
  const [, kind, id, seconds, shape, command, emoji, link] = found;
  if (kind) return mention(kind, id);
  if (seconds !== undefined) return moment(seconds, shape);
  if (command) return h("span", { class: "mention" }, `/${command}`);
  if (emoji) return `:${emoji}:`;
  return linkTo(link, link);
}

/** Find where a pair ends; null where it does not, or where there is nothing in it. */
function pairAt(text, at) {
  for (const [mark, make] of PAIRS) {
    if (!text.startsWith(mark, at)) continue;
    const end = text.indexOf(mark, at + mark.length);
    if (end <= at + mark.length || (mark !== "||" && /\s/.test(text[at + mark.length]))) continue;
    if (mark === "_" && /\w/.test(text[at - 1] ?? "") ) continue;
    if (mark === "_" && /\w/.test(text[end + 1] ?? "")) continue;
    return { inner: text.slice(at + mark.length, end), end: end + mark.length, make };
  }
  return null;
}

function codeAt(text, at) {
  const ticks = text.startsWith("``", at) ? "``" : "`";
  const end = text.indexOf(ticks, at + ticks.length);
  if (end <= at + ticks.length) return null;
  return { node: h("code", {}, text.slice(at + ticks.length, end)), end: end + ticks.length };
}

function specialAt(text, at, depth) {
  const here = text[at];
  if (here === "`") return codeAt(text, at);
  const found = here === "<" ? match(TAG, text, at) : here === "@" ? match(EVERYONE, text, at) : null;
  if (found) return { node: here === "<" ? tagged(found) : h("span", { class: "mention" }, found[0]), end: at + found[0].length };
  if (here === "[") {
    const named = match(NAMED_LINK, text, at);
    return named && { node: linkTo(named[2], inline(named[1], depth + 1)), end: at + named[0].length };
  }
  if (here === "h") {
    const link = match(LINK, text, at);
    return link && { node: linkTo(link[0], link[0]), end: at + link[0].length };
  }
  const pair = pairAt(text, at);
  return pair && { node: pair.make(inline(pair.inner, depth + 1)), end: pair.end };
}

/** Parse what stands in a line. */
export function inline(text, depth = 0) {
  if (depth > DEEPEST) return [text];
  const nodes = [];
  let plain = "";
  for (let at = 0; at < text.length; ) {
    if (text[at] === "\\" && /[^\w\s]/.test(text[at + 1] ?? "")) {
      plain += text[at + 1];
      at += 2;
      continue;
    }
    const special = "`<@[h*_~|".includes(text[at]) ? specialAt(text, at, depth) : null;
    if (special) {
      if (plain) nodes.push(plain);
      nodes.push(special.node);
      plain = "";
      at = special.end;
    } else plain += text[at++];
  }
  if (plain) nodes.push(plain);
  return nodes;
}
