// Components of messages: containers, sections, texts, galleries, files, separators; controls are in `controls`.
import { h } from "./dom.js";
import { button, select } from "./controls.js";
import { colour } from "./embeds.js";
import { covered, fileCard, framed, gallery } from "./media.js";
import { prose } from "./prose.js";

const media = (item) => ({ ...item.media, description: item.description, spoiler: item.spoiler });

const KINDS = {
  1: (part, message) => h("div", { class: "part-row" }, part.components.map((inner) => draw(inner, message))),
  2: button,
  3: select, 5: select, 6: select, 7: select, 8: select,
  9: (part, message) => h("div", { class: "part-section" },
    h("div", { class: "part-section-words" }, part.components.map((inner) => draw(inner, message))),
    h("div", { class: "part-accessory" }, draw(part.accessory, message))),
  10: (part) => prose(part.content),
  11: (part, message) => h("div", { class: "part-thumbnail" }, framed(media(part), { key: `${message.id}:${part.id}`, isCropped: true })),
  12: (part, message) => gallery(part.items.map(media), `${message.id}:${part.id}`),
  13: (part, message) => fileCard({ name: part.name ?? "file", size: part.size, url: part.file.url, spoiler: part.spoiler }, `${message.id}:${part.id}`),
  14: (part) => h("hr", { class: `part-separator ${part.divider === false ? "is-blank" : ""} ${part.spacing === 2 ? "is-large" : ""}` }),
  17: (part, message) => covered(`${message.id}:${part.id}`, part.spoiler,
    h("section", { class: "part-container", style: part.accent_color != null ? { "--edge": colour(part.accent_color) } : {} },
      part.components.map((inner) => draw(inner, message)))),
};

/** Draw a component of a message. */
export function draw(part, message) {
  const make = KINDS[part.type];
  return make ? make(part, message) : h("div", { class: "subtext" }, `(a component of type ${part.type})`);
}
