// A select: a button that shows what is chosen, and the list that it opens.
import { h, uniqueId } from "./dom.js";
import { icon } from "./icons.js";
import { closePopover, popover, settlePopover } from "./overlay.js";

const MANY = 7;

function row(option, isChosen, isMultiple, choose) {
  return h("div", { class: `choice ${isChosen ? "is-chosen" : ""}`, role: "option", id: uniqueId("choice"), "aria-selected": String(isChosen), on: { click: () => choose(option) } },
    option.lead?.() ?? null,
    h("span", { class: "choice-words" }, h("span", { class: "choice-label" }, option.label), option.description ? h("span", { class: "choice-note" }, option.description) : null),
    isMultiple ? h("span", { class: "tick" }, isChosen ? icon("check") : null) : isChosen ? icon("check") : null);
}

/** Open a list; `done` gets the values when it closes, or when the only one is chosen. */
function openList({ anchor, options, chosen, least, most, label, done }) {
  const isMultiple = most > 1;
  const picked = new Set(chosen);
  const list = h("div", { class: "choices", role: "listbox", tabindex: "0", "aria-label": label, "aria-multiselectable": isMultiple ? "true" : null });
  const search = options.length > MANY ? h("input", { class: "choice-search", type: "text", placeholder: "Search", "aria-label": "Search", autocomplete: "off", on: { input: () => { at = 0; draw(); } } }) : null;
  let at = Math.max(0, options.findIndex((one) => picked.has(one.value)));
  let shown = options;
  const finish = () => { closePopover({ refocus: true }); };
  const choose = (option) => {
    if (!isMultiple) {
      const isSame = picked.has(option.value);
      picked.clear();
      if (!(isSame && least === 0)) picked.add(option.value);
      return finish();
    }
    if (picked.has(option.value)) picked.delete(option.value);
    else if (picked.size < most) picked.add(option.value);
    draw();
  };
  const draw = () => {
    const wanted = search?.value.trim().toLowerCase() ?? "";
    shown = options.filter((one) => one.label.toLowerCase().includes(wanted));
    list.replaceChildren(...shown.map((one) => row(one, picked.has(one.value), isMultiple, choose)));
    if (!shown.length) list.append(h("div", { class: "choice-none" }, "Nothing found"));
    point(at);
  };
  const point = (index) => {
    at = Math.max(0, Math.min(index, shown.length - 1));
    [...list.children].forEach((one, place) => one.classList.toggle("is-active", place === at));
    list.setAttribute("aria-activedescendant", list.children[at]?.id ?? "");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const keys = (event) => {
    if (event.key === "ArrowDown") point(at + 1);
    else if (event.key === "ArrowUp") point(at - 1);
    else if (event.key === "Enter" || (event.key === " " && !search)) { if (shown[at]) choose(shown[at]); }
    else if (event.key === "Tab") finish();
    else return;
    event.preventDefault();
  };
  const finishRow = isMultiple ? h("div", { class: "choice-foot" },
    h("span", {}, least === most ? `Choose ${most}` : `Choose ${least} to ${most}`), h("button", { class: "button is-primary is-small", type: "button", on: { click: finish } }, "Done")) : null;
  const onClose = () => {
    const values = options.map((one) => one.value).filter((value) => picked.has(value));
    const isSame = values.length === chosen.length && values.every((value) => chosen.includes(value));
    if (!isSame && values.length >= least) done(values);
  };
  const box = popover([search, list, finishRow], { anchor, label, onClose, isWide: true });
  box.addEventListener("keydown", keys);
  draw();
  settlePopover();
  (search ?? list).focus();
}

/** Draw a select. */
export function selectBox({ key, id = null, labelledBy = null, options, chosen, least, most, label, placeholder, isDisabled = false, isBusy = false, onChoose }) {
  const labels = chosen.map((value) => options.find((one) => one.value === value)).filter(Boolean);
  const faceId = uniqueId("select-face");
  const open = () => openList({ anchor: box, options, chosen, least, most, label, done: onChoose });
  const box = h("button", { class: `select ${isBusy ? "is-busy" : ""}`, type: "button", id, disabled: isDisabled, data: { key },
    "aria-haspopup": "listbox", "aria-expanded": "false", "aria-labelledby": labelledBy ? `${labelledBy} ${faceId}` : null,
    "aria-label": labelledBy ? null : `${placeholder}${labels.length ? `: ${labels.map((one) => one.label).join(", ")}` : ""}`,
    on: { click: open, keydown: (event) => { if (event.key === "ArrowDown") { event.preventDefault(); open(); } } } },
  h("span", { id: faceId, class: `select-face ${labels.length ? "" : "is-empty"}` }, labels.length ? labels.map((one) => h("span", { class: most > 1 ? "tag" : "" }, one.lead?.(), one.label)) : placeholder),
  icon("down"));
  return box;
}
