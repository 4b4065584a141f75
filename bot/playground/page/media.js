// Pictures, galleries, files, spoilers. Every picture has its place before it has arrived.
import { fileSize, h, isOwnFile, linkTo, safeLink } from "./dom.js";
import { icon } from "./icons.js";
import { lightbox } from "./lightbox.js";

const WIDEST = 440;
const HIGHEST = 360;
const revealed = new Set();
let spare = new Map();

/** Keep the pictures of what is drawn anew, so that an edit does not make them flicker. */
export function reusing(old, draw) {
  spare = new Map([...(old?.querySelectorAll("img[data-path]") ?? [])].map((one) => [one.dataset.path, one]));
  try {
    return draw();
  } finally {
    spare = new Map();
  }
}

const pathOf = (address) => new URL(address, location.href).pathname;

function picture(item, alt) {
  const path = pathOf(item.url);
  const old = spare.get(path);
  spare.delete(path);
  const image = old ?? h("img", { src: item.url, data: { path }, decoding: "async", draggable: "false" });
  image.alt = alt;
  if (item.width) Object.assign(image, { width: item.width, height: item.height });
  if (!old) image.addEventListener("error", () => image.closest(".frame")?.classList.add("is-broken"), { once: true });
  return image;
}

/** Cover something until it is asked for; once asked for, it stays uncovered. */
export function covered(key, isSpoiler, content) {
  if (!isSpoiler || revealed.has(key)) return content;
  const uncover = () => {
    revealed.add(key);
    box.replaceWith(content);
    content.querySelector("button, a, [tabindex]")?.focus();
  };
  const lid = h("button", { class: "lid", type: "button", "aria-label": "Show spoiler", on: { click: uncover } }, h("span", {}, "Spoiler"));
  const hidden = h("div", { class: "covered-inside", inert: true }, content);
  const box = h("div", { class: "covered" }, hidden, lid);
  return box;
}

function outside(item) {
  const href = safeLink(item.url);
  return h("div", { class: "file-card" }, icon("picture"), h("span", { class: "file-name" }, linkTo(item.url, href ? new URL(href).host : "picture")));
}

/** One picture in its frame; a click opens it large, with those beside it. */
export function framed(item, { key, all = [item], isCropped = false, description = item.description }) {
  if (!isOwnFile(item.url)) return outside(item);
  const alt = description || "";
  const open = () => lightbox(all, all.indexOf(item));
  const frame = h("button", { class: `frame ${isCropped ? "is-cropped" : ""}`, type: "button", data: { key },
    "aria-label": alt ? `Open picture: ${alt}` : "Open picture", on: { click: open } }, picture(item, alt));
  if (!isCropped) {
    const [width, height] = [item.width || 320, item.height || 240];
    const scale = Math.min(WIDEST / width, HIGHEST / height, Math.max(1, 128 / width));
    frame.style.setProperty("width", `${Math.round(width * scale)}px`);
    frame.style.setProperty("aspect-ratio", `${width} / ${height}`);
  }
  return covered(key, item.spoiler, frame);
}

/** Pictures side by side: items are `{url, width, height, description, spoiler}`. */
export function gallery(items, key) {
  if (items.length === 1) return h("div", { class: "gallery of-1" }, framed(items[0], { key: `${key}:0` }));
  const cells = items.map((item, index) => h("div", { class: "cell" }, framed(item, { key: `${key}:${index}`, all: items, isCropped: true })));
  return h("div", { class: `gallery of-${Math.min(items.length, 5)}` }, cells);
}

/** A file that is no picture. */
export function fileCard({ name, size, url, spoiler }, key) {
  const inside = isOwnFile(url) ? h("a", { class: "link", href: url, download: name }, name) : linkTo(url, name);
  const card = h("div", { class: "file-card" }, icon("file"),
    h("div", { class: "file-words" }, h("span", { class: "file-name" }, inside), size === undefined ? null : h("span", { class: "file-size" }, fileSize(size))),
    isOwnFile(url) ? h("a", { class: "icon-button", href: url, download: name, "aria-label": `Download ${name}` }, icon("download")) : null);
  return covered(key, spoiler, card);
}

/** The files that came with a message. */
export function attachments(list, key) {
  const told = list.map((one) => ({ ...one, spoiler: Boolean(one.flags & (1 << 5)), name: one.filename }));
  const pictures = told.filter((one) => one.width && one.content_type?.startsWith("image/"));
  const others = told.filter((one) => !pictures.includes(one));
  return [pictures.length ? gallery(pictures, key) : null, others.map((one) => fileCard(one, `${key}:${one.id}`))];
}
