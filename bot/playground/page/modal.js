// The dialog that a bot opens: fields, checks, sending.
import { RefusedError } from "./api.js";
import { fill, h } from "./dom.js";
import { perform } from "./interactions.js";
import { fieldOf } from "./modal_fields.js";
import { closeButton, dialog } from "./overlay.js";
import { prose } from "./prose.js";
import { store } from "./store.js";
import { avatar } from "./avatar.js";

function partOf(part, channelId, fields) {
  if (part.type === 10) return prose(part.content);
  const inner = part.type === 18 ? part.component : part.components[0];
  const field = fieldOf(inner, { label: part.label ?? inner.label, description: part.description, channelId });
  fields.push(field);
  return field.element;
}

/** Put files where the body can refer to them by number. */
function packed(fields) {
  const files = [];
  const values = {};
  for (const field of fields) {
    const value = field.read();
    values[field.name] = Array.isArray(value)
      ? value.map((one) => (one instanceof File ? { file: String(files.push(one) - 1) } : one)) : value;
  }
  return { values, files };
}

/** Show a dialog. */
export function modal({ id, channel_id: channelId, modal: told }) {
  const fields = [];
  const trouble = h("p", { class: "form-trouble", role: "alert" });
  const send = h("button", { class: "button is-primary", type: "submit" }, "Submit");
  const parts = told.components.map((part) => partOf(part, channelId, fields));
  const submit = async (event) => {
    event.preventDefault();
    fill(trouble);
    const faults = fields.map((field) => field.check());
    const first = faults.findIndex(Boolean);
    if (first >= 0) return fields[first].focus();
    send.disabled = true;
    try {
      const { values, files } = packed(fields);
      const outcome = await perform(`interactions/${id}/submit`, { values }, files);
      if (outcome.progress !== "failed") return box.close();
      fill(trouble, "Something went wrong. Try again.");
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      fill(trouble, error.message);
    }
    send.disabled = false;
  };
  const box = dialog(h("form", { class: "form", novalidate: true, on: { submit } },
    h("header", { class: "form-head" }, avatar(store.bot, null, "is-small"), h("h2", {}, told.title), closeButton(() => box)),
    h("div", { class: "form-body" }, parts),
    h("footer", { class: "form-foot" }, trouble,
      h("button", { class: "button is-quiet", type: "button", on: { click: () => box.close() } }, "Cancel"), send)),
  { label: told.title, kind: "is-form" });
  box.querySelector(".form-body input, .form-body textarea, .form-body button")?.focus();
}
