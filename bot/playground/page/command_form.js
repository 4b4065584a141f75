// A command that one fills in: its options as fields, those that are not required as chips to add.
import { avatar } from "./avatar.js";
import { hush } from "./dock.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { perform } from "./interactions.js";
import { use } from "./menus.js";
import { optionField } from "./option_field.js";
import { localised, store } from "./store.js";
import { RefusedError } from "./api.js";

/** Make the form; `leave` is called with what the message box shall hold when it is over. */
export function commandForm(entry, channelId, leave) {
  const fields = [];
  const row = h("div", { class: "options" });
  const more = h("div", { class: "options-more" });
  const trouble = h("span", { class: "form-trouble", role: "alert" });
  const send = h("button", { class: "icon-button is-send", type: "submit", "aria-label": "Run command" }, icon("send"));
  let isSending = false;

  const show = () => {
    fill(row, fields.map((field) => field.element));
    const rest = entry.options.filter((option) => !fields.some((field) => field.option === option));
    fill(more, rest.length ? h("span", { class: "options-hint" }, "Options") : null, rest.map((option) => h("button", { class: "chip", type: "button", title: localised(option, "description"), on: { click: () => add(option).input.focus() } }, icon("plus"), localised(option, "name"))));
  };
  const missing = () => fields.find((field) => (field.option.required && field.read() === undefined) || field.fault());
  const mark = (field) => {
    const fault = field.fault() ?? (field.option.required && field.read() === undefined ? "Required" : null);
    field.element.classList.toggle("is-wrong", Boolean(fault));
    return fault;
  };
  const form = {
    channelId,
    changed() {
      fields.filter((field) => field.element.classList.contains("is-wrong")).forEach(mark);
      if (!missing()) fill(trouble);
    },
    next(inner) {
      const after = fields.slice(fields.indexOf(inner) + 1).find((field) => field.read() === undefined);
      if (after) after.input.focus();
    },
    back(inner) {
      const at = fields.indexOf(inner);
      if (at > 0) return fields[at - 1].input.focus();
      if (fields.every((field) => field.read() === undefined)) leave(`/${entry.shown}`);
    },
    drop(inner) {
      fields.splice(fields.indexOf(inner), 1);
      show();
      (fields.at(-1)?.input ?? send).focus();
    },
    async complete(option, text) {
      const { options } = gather(option);
      try {
        const told = await perform(`channels/${channelId}/autocomplete`, { name: entry.path, option: option.name, text, options });
        return told.progress === "acknowledged" ? told.choices ?? [] : null;
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        return null;
      }
    },
  };
  const add = (option) => {
    const field = optionField(option, form);
    fields.push(field);
    show();
    return field;
  };
  /** Everything that is filled in, but for one option; files only where they shall be sent. */
  const gather = (except = null) => {
    const options = {};
    const files = [];
    for (const field of fields) {
      const value = field.option === except || field.fault() ? undefined : field.read();
      if (value instanceof File) { if (!except) options[field.option.name] = { file: String(files.push(value) - 1) }; }
      else if (value !== undefined) options[field.option.name] = value;
    }
    return { options, files };
  };
  const submit = async (event) => {
    event.preventDefault();
    const first = missing();
    if (first) {
      const fault = mark(first);
      fill(trouble, `${localised(first.option, "name")}: ${fault}`);
      return first.input.focus();
    }
    if (isSending) return;
    isSending = true;
    const { options, files } = gather();
    hush();
    const onTaken = () => leave("");
    await use(channelId, `/${entry.shown}`, "slash", { name: entry.path, options }, { files, onTaken });
    isSending = false;
  };
  const element = h("form", { class: "command", novalidate: true, "aria-label": `Command ${entry.shown}`, on: {
    submit,
    keydown: (event) => { if (event.key === "Escape" && !event.defaultPrevented) { event.stopPropagation(); leave(""); } },
  } },
  h("div", { class: "command-head" }, avatar(store.bot, null, "is-tiny"), h("span", { class: "command-name" }, `/${entry.shown}`), h("span", { class: "command-note" }, entry.description),
    h("button", { class: "icon-button is-small", type: "button", "aria-label": "Leave the command", on: { click: () => leave("") } }, icon("close"))),
  h("div", { class: "command-line" }, row, send), more, trouble);
  entry.options.filter((option) => option.required).forEach(add);
  show();
  return { element, focus: () => (fields[0]?.input ?? send).focus() };
}
