// One option of a command: its input, what it suggests, what it holds.
import { dockKey, hush, suggest } from "./dock.js";
import { fileSize, fill, h, uniqueId } from "./dom.js";
import { icon } from "./icons.js";
import { people, places, roles } from "./offers.js";
import { channelById, localised } from "./store.js";

const [STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT] = [3, 4, 5, 6, 7, 8, 9, 10, 11];
const TYPE_WAIT_MS = 150;
const isNumeric = (type) => type === INTEGER || type === NUMBER;

/** What an option offers of itself; null where one types freely. */
function ownOffers(option, channelId) {
  const place = channelById(channelId);
  if (option.choices?.length) return option.choices.map((one) => ({ label: localised(one, "name"), value: one.value }));
  if (option.type === BOOLEAN) return [{ label: "True", value: true }, { label: "False", value: false }];
  if (option.type === USER) return people(place);
  if (option.type === CHANNEL) return places(place, option.channel_types);
  if (option.type === ROLE) return roles(place);
  if (option.type === MENTIONABLE) return [...people(place), ...roles(place)];
  return null;
}

function rangeFault(option, text) {
  if (isNumeric(option.type)) {
    const value = Number(text);
    if (!Number.isFinite(value) || (option.type === INTEGER && !/^-?\d{1,16}$/.test(text.trim()))) return option.type === INTEGER ? "A whole number" : "A number";
    if (option.min_value != null && value < option.min_value) return `At least ${option.min_value}`;
    return option.max_value != null && value > option.max_value ? `At most ${option.max_value}` : null;
  }
  if (option.min_length && text.length < option.min_length) return `At least ${option.min_length} characters`;
  return option.max_length && text.length > option.max_length ? `At most ${option.max_length} characters` : null;
}

function fileOption(option, form) {
  let file = null;
  const name = h("span", { class: "option-file" }, "Choose a file");
  const input = h("input", { type: "file", class: "file-input", id: uniqueId("option"), on: { change: () => { file = input.files[0] ?? null; fill(name, file ? `${file.name} (${fileSize(file.size)})` : "Choose a file"); form.changed(); } } });
  const box = h("label", { class: "option-value is-file", for: input.id }, icon(file ? "file" : "plus"), name, input);
  box.addEventListener("dragover", (event) => event.preventDefault());
  box.addEventListener("drop", (event) => { event.preventDefault(); event.stopPropagation(); file = event.dataTransfer.files[0] ?? file; fill(name, file?.name); form.changed(); });
  return { input, box, read: () => file ?? undefined, fault: () => null, set: () => {} };
}

function typedOption(option, form) {
  const offers = () => ownOffers(option, form.channelId);
  const isClosed = offers() !== null;
  let chosen = null;
  let asked = 0;
  let timer = 0;
  const input = h("input", { class: "option-input", id: uniqueId("option"), type: "text", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", autocomplete: "off", spellcheck: "false",
    inputmode: option.type === INTEGER ? "numeric" : option.type === NUMBER ? "decimal" : null, maxlength: option.type === STRING ? 6000 : null, size: 6 });
  const heading = localised(option, "name");
  const note = localised(option, "description");
  const grow = () => { input.size = Math.max(6, Math.min(34, [...input.value].length + 1)); };
  const pick = (item) => {
    chosen = item;
    input.value = item.label;
    grow();
    hush();
    form.changed();
    form.next(self);
  };
  const show = () => {
    const typed = chosen ? "" : input.value.trim().toLowerCase();
    if (isClosed) {
      const found = offers().filter((one) => one.label.toLowerCase().includes(typed));
      return suggest(input, { heading, note, found, onPick: pick });
    }
    if (!option.autocomplete) return suggest(input, { heading, note, found: [], none: rangeNote(option), onPick: pick });
    ask();
  };
  const ask = () => {
    const number = ++asked;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const told = await form.complete(option, chosen ? "" : input.value);
      if (number !== asked || document.activeElement !== input) return;
      const found = (told ?? []).map((one) => ({ label: localised(one, "name"), value: one.value }));
      suggest(input, { heading, note, found, none: told ? "No suggestions: what you type is taken as it is." : "The app did not offer anything.", onPick: pick, isEager: found.length > 0 && input.value !== "" });
    }, TYPE_WAIT_MS);
  };
  input.addEventListener("focus", () => { if (option.autocomplete) suggest(input, { heading, note, found: [], isBusy: true, onPick: pick }); show(); });
  input.addEventListener("blur", () => { clearTimeout(timer); asked++; hush(); form.changed(); });
  input.addEventListener("input", () => { chosen = null; grow(); show(); form.changed(); });
  input.addEventListener("keydown", (event) => {
    if (dockKey(event)) return;
    if (event.key === "Backspace" && chosen && isClosed) { event.preventDefault(); chosen = null; input.value = ""; grow(); show(); form.changed(); }
    else if (event.key === "Backspace" && !input.value) { event.preventDefault(); form.back(self); }
  });
  const match = () => chosen ?? offers()?.find((one) => one.label.toLowerCase() === input.value.trim().toLowerCase()) ?? null;
  const read = () => {
    const found = match();
    if (found) return found.kind ? { [found.kind]: found.value } : found.value;
    const text = input.value;
    if (!text.trim() || isClosed) return undefined;
    return isNumeric(option.type) ? Number(text) : text;
  };
  const fault = () => {
    if (match() || !input.value.trim()) return null;
    return isClosed ? "Choose from the list" : rangeFault(option, input.value);
  };
  const self = { input, box: h("span", { class: "option-value" }, input), read, fault };
  return self;
}

/** What is asked of a free value, in words; nothing where it may be anything. */
function rangeNote(option) {
  const [least, most] = isNumeric(option.type) ? [option.min_value, option.max_value] : [option.min_length, option.max_length];
  if (least == null && most == null) return null;
  const unit = isNumeric(option.type) ? "" : " characters";
  if (least != null && most != null) return `From ${least} to ${most}${unit}.`;
  return least != null ? `At least ${least}${unit}.` : `At most ${most}${unit}.`;
}

/** Make the field of an option: `{option, element, input, read, fault}`. */
export function optionField(option, form) {
  const inner = option.type === ATTACHMENT ? fileOption(option, form) : typedOption(option, form);
  const label = h("label", { class: "option-name", for: inner.input.id }, localised(option, "name"));
  const drop = option.required ? null : h("button", { class: "option-drop", type: "button", "aria-label": `Remove ${localised(option, "name")}`, on: { click: () => form.drop(inner) } }, icon("close"));
  inner.option = option;
  inner.element = h("div", { class: "option" }, label, inner.box, drop);
  if (option.required) inner.input.setAttribute("aria-required", "true");
  return inner;
}
