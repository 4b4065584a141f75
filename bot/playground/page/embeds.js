// Legacy embeds: a card with a coloured edge.
import { h, isOwnFile, linkTo } from "./dom.js";
import { framed } from "./media.js";
import { inline } from "./markdown.js";
import { prose } from "./prose.js";

export const colour = (number) => `#${number.toString(16).padStart(6, "0")}`;

const small = (address) => (address && isOwnFile(address) ? h("img", { class: "embed-icon", src: address, alt: "", width: 20, height: 20 }) : null);

function fields(list) {
  if (!list?.length) return null;
  return h("div", { class: "embed-fields" }, list.map((field) =>
    h("div", { class: `embed-field ${field.inline ? "is-inline" : ""}` },
      h("div", { class: "embed-field-name" }, inline(field.name)), prose(field.value))));
}

function foot(embed) {
  const when = embed.timestamp ? new Date(embed.timestamp) : null;
  const isTime = when && !Number.isNaN(when.getTime());
  if (!embed.footer && !isTime) return null;
  const words = [embed.footer?.text, isTime ? when.toLocaleString() : null].filter(Boolean).join(" • ");
  return h("div", { class: "embed-foot" }, small(embed.footer?.icon_url), words);
}

/** Draw an embed. */
export function embed(told, key) {
  const title = told.title && (told.url ? linkTo(told.url, inline(told.title)) : inline(told.title));
  return h("article", { class: "embed", style: told.color ? { "--edge": colour(told.color) } : {} },
    h("div", { class: "embed-top" },
      h("div", { class: "embed-words" },
        told.author ? h("div", { class: "embed-author" }, small(told.author.icon_url), told.author.url ? linkTo(told.author.url, told.author.name) : told.author.name) : null,
        title ? h("div", { class: "embed-title" }, title) : null,
        told.description ? prose(told.description) : null,
        fields(told.fields)),
      told.thumbnail?.url ? h("div", { class: "embed-thumb" }, framed({ ...told.thumbnail, description: "" }, { key: `${key}:thumb`, isCropped: true })) : null),
    told.image?.url ? framed({ ...told.image, description: "" }, { key: `${key}:image` }) : null,
    foot(told));
}
