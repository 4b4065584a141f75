// What lies above the page: notes that fade, menus, lists to choose from, dialogs.
import { byId, fill, h } from "./dom.js";
import { icon } from "./icons.js";

/** Say something that goes away by itself. */
export function toast(text, kind = "info") {
  const note = h("div", { class: `toast is-${kind}` }, text);
  byId("toasts").append(note);
  setTimeout(() => note.remove(), 5000);
}

let opened = null;

/** Take away the menu or list that is open. */
export function closePopover({ refocus = false } = {}) {
  if (!opened) return;
  const { box, anchor, onClose } = opened;
  opened = null;
  box.remove();
  anchor?.setAttribute?.("aria-expanded", "false");
  onClose?.();
  if (refocus) anchor?.focus?.();
}

function placeBox(box, anchor, point) {
  const at = point ? { left: point.x, right: point.x, top: point.y, bottom: point.y } : anchor.getBoundingClientRect();
  const { width, height } = box.getBoundingClientRect();
  const margin = 8;
  const left = Math.max(margin, Math.min(at.left, innerWidth - width - margin));
  const fitsBelow = at.bottom + 4 + height + margin <= innerHeight;
  const top = fitsBelow ? at.bottom + 4 : Math.max(margin, at.top - height - 4);
  box.style.setProperty("left", `${left}px`);
  box.style.setProperty("top", `${Math.max(margin, Math.min(top, innerHeight - height - margin))}px`);
}

/** Show a box beside what opened it, until something else is touched. */
export function popover(content, { anchor, point = null, label, role = "dialog", onClose = null, isWide = false }) {
  closePopover();
  const box = h("div", { class: "popover", role, "aria-label": label }, content);
  if (isWide && anchor) box.style.setProperty("min-width", `${anchor.getBoundingClientRect().width}px`);
  (document.querySelector("dialog[open]") ?? document.body).append(box);
  anchor?.setAttribute?.("aria-expanded", "true");
  opened = { box, anchor, onClose, owner: point ? null : anchor, settle: () => placeBox(box, anchor, point) };
  opened.settle();
  return box;
}

document.addEventListener("pointerdown", (event) => {
  if (opened && !opened.box.contains(event.target) && !opened.owner?.contains?.(event.target)) closePopover();
}, true);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && opened) {
    event.preventDefault();
    event.stopPropagation();
    closePopover({ refocus: true });
  }
}, true);
addEventListener("resize", () => { if (opened && !opened.box.contains(document.activeElement)) closePopover(); });

/** Find a place for the open box again: what it holds has grown or shrunk. */
export const settlePopover = () => opened?.settle();

/** Move the focus among the items of a list with the arrow keys. */
export function walkWithArrows(box, selector) {
  box.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const items = [...box.querySelectorAll(selector)];
    if (!items.length) return;
    const here = items.indexOf(document.activeElement);
    if (step) items[(here + step + items.length) % items.length].focus();
    else if (event.key === "Home") items[0].focus();
    else if (event.key === "End") items.at(-1).focus();
    else return;
    event.preventDefault();
  });
}

/** Show a menu: entries are `{label, icon, danger, run}`, `{title}` or null for a line. */
export function menu(entries, { anchor, point = null, label }) {
  const item = (entry) => {
    if (entry === null) return h("div", { class: "menu-line", role: "separator" });
    if (entry.title) return h("div", { class: "menu-title" }, entry.title);
    const run = () => { closePopover({ refocus: true }); entry.run(); };
    const role = entry.checked === undefined ? "menuitem" : "menuitemradio";
    return h("button", { class: `menu-item ${entry.danger ? "is-danger" : ""}`, type: "button", role, on: { click: run },
      "aria-checked": entry.checked === undefined ? null : String(entry.checked) },
    entry.lead ?? (entry.icon ? icon(entry.icon) : null), h("span", { class: "menu-label" }, entry.label),
    entry.checked ? icon("check") : null);
  };
  const box = popover(h("div", { class: "menu" }, entries.map(item)), { anchor, point, label, role: "menu" });
  walkWithArrows(box, ".menu-item");
  (box.querySelector(".menu-item[aria-checked=true]") ?? box.querySelector(".menu-item"))?.focus();
  return box;
}

/** Show a dialog above everything; it is taken away when it closes. */
export function dialog(content, { label, kind = "", onClose = null }) {
  closePopover();
  const box = h("dialog", { class: `dialog ${kind}`, "aria-label": label });
  fill(box, content);
  let pressedOutside = false;
  box.addEventListener("pointerdown", (event) => { pressedOutside = event.target === box; });
  box.addEventListener("click", (event) => { if (event.target === box && pressedOutside && kind !== "is-form") box.close(); });
  box.addEventListener("close", () => { closePopover(); box.remove(); onClose?.(); });
  document.body.append(box);
  box.showModal();
  return box;
}

export const closeButton = (box, label = "Close") =>
  h("button", { class: "icon-button", type: "button", "aria-label": label, on: { click: () => box().close() } }, icon("close"));
