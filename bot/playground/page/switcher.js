// Who one is, and becoming somebody else; the colours of the page; letting a phone in.
import { RefusedError, newTicket } from "./api.js";
import { avatar } from "./avatar.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { closeButton, dialog, menu, toast } from "./overlay.js";
import { store, tell } from "./store.js";
import { setTheme, theme } from "./theme.js";

async function showCode() {
  try {
    const { link, picture } = await newTicket();
    const box = dialog([
      h("header", { class: "form-head" }, h("h2", {}, "Open on a phone"), closeButton(() => box)),
      h("div", { class: "form-body is-centred" }, h("img", { class: "code", src: picture, alt: "A code that holds the link below", width: 240, height: 240 }),
        h("p", { class: "code-link" }, link), h("p", { class: "field-note" }, "It lets one device in, once. Both must be in the same network.")),
    ], { label: "Open on a phone", kind: "is-small" });
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    toast(error.message, "bad");
  }
}

function open(event) {
  const themes = [["auto", "As the system", "auto"], ["light", "Light", "sun"], ["dark", "Dark", "moon"]];
  menu([
    { title: "Be somebody" },
    ...store.people.map((user) => ({ label: user.global_name || user.username, lead: avatar(user, null, "is-small"), checked: user.id === store.me.id, run: () => tell("become", user.id) })),
    null,
    { title: "Colours" },
    ...themes.map(([name, label, drawing]) => ({ label, icon: drawing, checked: theme() === name, run: () => setTheme(name) })),
    null,
    { label: "Open on a phone", icon: "phone", run: showCode },
  ], { anchor: event.currentTarget, label: "You" });
}

/** Draw who one is. */
export function ownCard() {
  return h("button", { class: "own-card", type: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": `You are ${store.me.global_name || store.me.username}. Switch user`, on: { click: open } },
    avatar(store.me, null), h("span", { class: "own-words" }, h("span", { class: "own-name" }, store.me.global_name || store.me.username), h("span", { class: "own-note" }, "Switch user")), icon("down"));
}
