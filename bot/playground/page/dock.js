// The list above the message box: commands while one types a slash, values while one fills in an option.
import { fill, h, uniqueId } from "./dom.js";
import { icon } from "./icons.js";

const list = h("div", { class: "dock-list", role: "listbox", id: "dock-list", "aria-label": "Suggestions" });
const title = h("div", { class: "dock-title" });
/** The element, for whoever lays out the message box. */
export const dockBox = h("div", { class: "dock", hidden: true }, title, list);

let bound = null;
let items = [];
let pick = null;
let at = -1;

function point(index) {
  at = items.length ? (index + items.length) % items.length : -1;
  [...list.querySelectorAll(".dock-item")].forEach((one, place) => {
    one.classList.toggle("is-active", place === at);
    one.setAttribute("aria-selected", String(place === at));
    if (place === at) {
      bound.setAttribute("aria-activedescendant", one.id);
      one.scrollIntoView({ block: "nearest" });
    }
  });
}

function choose(index) {
  const item = items[index];
  const take = pick;
  if (item) take(item);
}

function drawItem(item, index) {
  return h("div", { class: "dock-item", role: "option", id: uniqueId("suggestion"), "aria-selected": "false",
    on: { pointerdown: (event) => event.preventDefault(), click: () => choose(index), pointermove: () => { if (at !== index) point(index); } } },
  item.lead?.() ?? null, h("span", { class: "dock-words" }, h("span", { class: "dock-label" }, item.label), item.tags ? h("span", { class: "dock-tags" }, item.tags.map((tag) => h("span", { class: "dock-tag" }, tag))) : null,
    item.description ? h("span", { class: "dock-note" }, item.description) : null), item.side ? h("span", { class: "dock-side" }, item.side) : null);
}

/** Show what can be chosen for an input; `none` is said where there is nothing. */
export function suggest(input, { heading, note = null, found, none = "Nothing found", isBusy = false, onPick, isEager = true }) {
  release();
  bound = input;
  items = found;
  pick = onPick;
  fill(title, h("strong", {}, heading), note ? h("span", {}, note) : null);
  fill(list, found.map(drawItem), found.length ? null : h("div", { class: "dock-none" }, isBusy ? [h("span", { class: "dots" }, h("i"), h("i"), h("i")), "Loading options…"] : none ? [icon("search"), none] : null));
  list.hidden = !found.length && !isBusy && !none;
  dockBox.hidden = false;
  input.setAttribute("aria-expanded", String(found.length > 0));
  input.setAttribute("aria-controls", "dock-list");
  at = -1;
  list.scrollTop = 0;
  if (isEager && found.length) point(0);
}

function release() {
  bound?.setAttribute("aria-expanded", "false");
  bound?.removeAttribute("aria-activedescendant");
}

/** Take the list away. */
export function hush() {
  release();
  bound = null;
  items = [];
  at = -1;
  dockBox.hidden = true;
}

export const isSuggesting = () => !dockBox.hidden && items.length > 0;

/** Let the list have a key; returns whether it took it. */
export function dockKey(event) {
  if (dockBox.hidden) return false;
  if (event.key === "Escape") hush();
  else if (!items.length) return false;
  else if (event.key === "ArrowDown") point(at + 1);
  else if (event.key === "ArrowUp") point(at < 0 ? items.length - 1 : at - 1);
  else if ((event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) && at >= 0) choose(at);
  else return false;
  event.preventDefault();
  event.stopPropagation();
  return true;
}
