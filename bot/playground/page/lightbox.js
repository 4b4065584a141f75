// A picture as large as the window allows.
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { closeButton, dialog } from "./overlay.js";

/** Open a picture, with arrows to those beside it. */
export function lightbox(items, start) {
  let at = start;
  const stage = h("div", { class: "stage" });
  const caption = h("p", { class: "caption" });
  const original = h("a", { class: "icon-button", target: "_blank", rel: "noopener", "aria-label": "Open original" }, icon("external"));
  const step = (by) => { at = (at + by + items.length) % items.length; show(); };
  const arrow = (by, name, label) => items.length > 1 &&
    h("button", { class: `icon-button arrow is-${name}`, type: "button", "aria-label": label, on: { click: () => step(by) } }, icon(name));
  const show = () => {
    const item = items[at];
    fill(stage, h("img", { src: item.url, alt: item.description ?? "", width: item.width, height: item.height }));
    fill(caption, item.description ?? "", items.length > 1 ? h("span", { class: "count" }, `${at + 1} of ${items.length}`) : null);
    original.href = item.url;
  };
  const box = dialog([
    h("div", { class: "lightbox-bar" }, original, closeButton(() => box)),
    arrow(-1, "left", "Previous picture"), stage, arrow(1, "right", "Next picture"), caption,
  ], { label: "Picture", kind: "lightbox" });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  stage.addEventListener("click", (event) => { if (event.target === stage) box.close(); });
  show();
}
