// Buttons and selects under messages, and what presses do to them until the bot has answered.
import { h, safeLink } from "./dom.js";
import { icon } from "./icons.js";
import { touch } from "./interactions.js";
import { labelFor, offered, reference } from "./offers.js";
import { selectBox } from "./select_box.js";
import { channelById, tell } from "./store.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "premium" };
export const busy = new Set();
const failed = new Set();
const kept = new Map();

export const keyOf = (message, part) => `${message.id}:${part.custom_id}`;
/** Tell whether what was last touched on a message was never answered. */
export const hasFailed = (message) => failed.has(message.id);

const face = (part) => [
  part.emoji ? h("span", { class: "emoji" }, part.emoji.id ? `:${part.emoji.name}:` : part.emoji.name) : null,
  part.label ? h("span", {}, part.label) : null,
];

async function press(message, part, path, body) {
  const key = keyOf(message, part);
  if (busy.has(key)) return;
  busy.add(key);
  failed.delete(message.id);
  tell("redraw", message.id);
  const isAnswered = await touch(`channels/${message.channel_id}/messages/${message.id}/${path}`, { custom_id: part.custom_id, ...body });
  busy.delete(key);
  if (!isAnswered) failed.add(message.id);
  tell("redraw", message.id);
}

/** Draw a button. */
export function button(part, message) {
  if (part.style === 5) {
    return h("a", { class: "button is-link", href: safeLink(part.url), target: "_blank", rel: "noopener noreferrer nofollow" }, face(part), icon("external"));
  }
  const key = keyOf(message, part);
  return h("button", { class: `button is-${STYLES[part.style]} ${busy.has(key) ? "is-busy" : ""}`, type: "button", data: { key },
    disabled: Boolean(part.disabled) || part.style === 6, "aria-busy": busy.has(key) ? "true" : null, "aria-label": part.label ? null : part.emoji?.name,
    on: { click: () => press(message, part, "click", {}) } },
  h("span", { class: "button-face" }, face(part)), busy.has(key) ? h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")) : null);
}

/** Draw a select of any kind. */
export function select(part, message) {
  const key = keyOf(message, part);
  const options = offered(part, channelById(message.channel_id));
  const preset = (part.options ?? []).filter((one) => one.default).map((one) => one.value).concat((part.default_values ?? []).map((one) => one.id));
  return selectBox({
    key, options, isDisabled: Boolean(part.disabled), isBusy: busy.has(key),
    label: labelFor(part), placeholder: part.placeholder || labelFor(part),
    least: part.min_values ?? 1, most: part.max_values ?? 1, chosen: kept.get(key) ?? preset,
    onChoose: (values) => {
      kept.set(key, values);
      press(message, part, "choose", { values: values.map((value) => reference(part.type, value, options)) });
    },
  });
}

/** Forget what was chosen on a message: the bot has written it anew. */
export function forget(messageId) {
  [...kept.keys()].filter((key) => key.startsWith(`${messageId}:`)).forEach((key) => kept.delete(key));
}

