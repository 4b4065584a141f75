// The fields of a dialog: text, selects, files, radio buttons, checkboxes. Each reads, checks and focuses itself.
import { fileSize, fill, h, uniqueId } from "./dom.js";
import { icon } from "./icons.js";
import { labelFor, offered, reference } from "./offers.js";
import { selectBox } from "./select_box.js";
import { channelById } from "./store.js";

function textField(part, id) {
  const isLong = part.style === 2;
  const most = part.max_length ?? 4000;
  const count = h("span", { class: "field-count", "aria-hidden": "true" });
  const input = h(isLong ? "textarea" : "input", { id, class: "input", type: isLong ? null : "text", rows: isLong ? 4 : null, maxlength: most,
    placeholder: part.placeholder, autocomplete: "off", "aria-required": part.required === false ? null : "true", value: part.value ?? "", on: { input: () => update() } });
  const update = () => fill(count, `${input.value.length} / ${most}`);
  update();
  const fault = () => {
    const size = [...input.value].length;
    if (!size) return part.required === false ? null : "This field is required.";
    return size < (part.min_length ?? 0) ? `At least ${part.min_length} characters.` : null;
  };
  return { content: [input, part.max_length ? count : null], read: () => input.value, fault, focus: () => input.focus() };
}

function selectField(part, id, channelId) {
  const options = offered(part, channelById(channelId));
  const isOptional = part.required === false;
  const [least, most] = [part.min_values ?? (isOptional ? 0 : 1), part.max_values ?? 1];
  let chosen = (part.options ?? []).filter((one) => one.default).map((one) => one.value).concat((part.default_values ?? []).map((one) => one.id));
  const holder = h("div", {});
  const draw = () => fill(holder, selectBox({ key: id, id, labelledBy: `${id}-label`, options, chosen, least: isOptional ? 0 : least, most, label: labelFor(part), placeholder: part.placeholder || labelFor(part),
    onChoose: (values) => {
      chosen = values;
      draw();
      holder.firstChild.focus();
      holder.dispatchEvent(new Event("change", { bubbles: true }));
    } }));
  draw();
  const fault = () => (chosen.length >= least || (isOptional && !chosen.length) ? null : least > 1 ? `Choose at least ${least}.` : "Choose one.");
  return { content: [holder], read: () => chosen.map((value) => reference(part.type, value, options)), fault, focus: () => holder.firstChild.focus() };
}

function fileField(part, id) {
  const most = part.max_values ?? 1;
  const least = part.min_values ?? (part.required === false ? 0 : 1);
  let files = [];
  const input = h("input", { id, class: "file-input", type: "file", multiple: most > 1, on: { change: () => { files = [...files, ...input.files].slice(-most); draw(); } } });
  const list = h("div", { class: "file-picks" });
  const draw = () => fill(list, files.map((file) => h("div", { class: "file-card" }, icon("file"),
    h("div", { class: "file-words" }, h("span", { class: "file-name" }, file.name), h("span", { class: "file-size" }, fileSize(file.size))),
    h("button", { class: "icon-button", type: "button", "aria-label": `Remove ${file.name}`, on: { click: () => { files = files.filter((one) => one !== file); draw(); } } }, icon("close")))));
  const drop = h("label", { class: "file-drop", for: id }, icon("plus"), h("span", {}, most > 1 ? `Add up to ${most} files` : "Choose a file"), input);
  drop.addEventListener("dragover", (event) => event.preventDefault());
  drop.addEventListener("drop", (event) => { event.preventDefault(); files = [...files, ...event.dataTransfer.files].slice(-most); draw(); });
  const fault = () => (files.length >= least || (part.required === false && !files.length) ? null : least > 1 ? `Add at least ${least} files.` : "Add a file.");
  return { content: [drop, list], read: () => files, fault, focus: () => input.focus() };
}

function choiceList(part, id, type) {
  return part.options.map((option) => h("label", { class: "pick" },
    h("input", { type, name: id, value: option.value, checked: Boolean(option.default) }), h("span", { class: "pick-mark" }),
    h("span", { class: "choice-words" }, h("span", { class: "choice-label" }, option.label), option.description ? h("span", { class: "choice-note" }, option.description) : null)));
}

function groupField(part, id, type) {
  const box = h("div", { class: "picks", role: type === "radio" ? "radiogroup" : "group", "aria-labelledby": `${id}-label` }, choiceList(part, id, type));
  const checked = () => [...box.querySelectorAll("input:checked")].map((one) => one.value);
  const isOptional = part.required === false;
  const least = type === "radio" ? Number(!isOptional) : part.min_values ?? Number(!isOptional);
  const most = type === "radio" ? 1 : part.max_values ?? part.options.length;
  const fault = () => {
    const size = checked().length;
    if (!size && isOptional) return null;
    if (size < least) return least > 1 ? `Choose at least ${least}.` : "Choose one.";
    return size > most ? `Choose at most ${most}.` : null;
  };
  const read = () => (type === "radio" ? checked()[0] ?? null : checked());
  return { content: [box], read, fault, focus: () => box.querySelector("input")?.focus(), isGroup: true };
}

function boxField(part, id) {
  const input = h("input", { id, type: "checkbox", checked: Boolean(part.default) });
  return { content: [h("label", { class: "pick" }, input, h("span", { class: "pick-mark" }), h("span", {}, "Yes"))], read: () => input.checked, fault: () => null, focus: () => input.focus() };
}

function make(part, id, channelId) {
  if (part.type === 4) return textField(part, id);
  if (part.type === 19) return fileField(part, id);
  if (part.type === 21) return groupField(part, id, "radio");
  if (part.type === 22) return groupField(part, id, "checkbox");
  if (part.type === 23) return boxField(part, id);
  return selectField(part, id, channelId);
}

/** Make a field with its label: `{name, element, read, check, focus}`. */
export function fieldOf(part, { label, description, channelId }) {
  const id = uniqueId("field");
  const inner = make(part, id, channelId);
  const isRequired = part.type !== 23 && part.required !== false;
  const trouble = h("span", { class: "field-trouble", role: "alert" });
  const words = [label, isRequired ? h("span", { class: "star", title: "Required", "aria-hidden": "true" }, " *") : null];
  const head = inner.isGroup ? h("div", { class: "field-label", id: `${id}-label` }, words) : h("label", { class: "field-label", for: id, id: `${id}-label` }, words);
  const element = h("div", { class: "field" }, head, description ? h("p", { class: "field-note" }, description) : null, inner.content, trouble);
  const check = () => {
    const fault = inner.fault();
    fill(trouble, fault);
    element.classList.toggle("is-wrong", Boolean(fault));
    return fault;
  };
  const recheck = () => { if (element.classList.contains("is-wrong")) check(); };
  element.addEventListener("input", recheck);
  element.addEventListener("change", recheck);
  return { name: part.custom_id, element, read: inner.read, check, focus: inner.focus };
}
