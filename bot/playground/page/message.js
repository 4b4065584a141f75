// One message: who, when, what it answers, what it says, what can be done with it.
import { avatar } from "./avatar.js";
import { hasFailed } from "./controls.js";
import { h } from "./dom.js";
import { embed } from "./embeds.js";
import { icon } from "./icons.js";
import { attachments } from "./media.js";
import { inline } from "./markdown.js";
import { messageMenu, userMenu } from "./menus.js";
import { draw } from "./parts.js";
import { prose } from "./prose.js";
import { EPHEMERAL, LOADING, nameOf, room, store, tell } from "./store.js";

const COMMAND_REPLY = 20;
const MENU_REPLY = 23;
const GROUPED_FOR_MS = 7 * 60 * 1000;
const VERSION_TWO = 1 << 15;

/** Tell whether a message goes on what the one before it began. */
export function continues(message, before) {
  if (!before || before.author.id !== message.author.id) return false;
  if (message.message_reference || message.interaction_metadata?.name || before.flags & EPHEMERAL || message.flags & EPHEMERAL) return false;
  return Date.parse(message.timestamp) - Date.parse(before.timestamp) < GROUPED_FOR_MS;
}

export const dayOf = (message) => new Date(message.timestamp).toDateString();

/** A day as it is written between messages. */
export function dayLabel(message) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "long" }).format(new Date(message.timestamp));
}

function time(message, isShort) {
  const when = new Date(message.timestamp);
  const shape = isShort || when.toDateString() === new Date().toDateString() ? { timeStyle: "short" } : { dateStyle: "short", timeStyle: "short" };
  return h("time", { datetime: message.timestamp, title: when.toLocaleString() }, new Intl.DateTimeFormat(undefined, shape).format(when));
}

const openUser = (user, message) => (event) => {
  event.preventDefault();
  event.stopPropagation();
  userMenu(user, message.channel_id, event.currentTarget, event.type === "contextmenu" ? { x: event.clientX, y: event.clientY } : null);
};

const nameButton = (user, message, kind) => h("button", { class: kind, type: "button", "aria-haspopup": "menu",
  on: { click: openUser(user, message), contextmenu: openUser(user, message) } }, nameOf(user));

/** In a line: what a message that is answered says. */
function gist(message) {
  if (!message) return h("em", {}, "The message was deleted, or is not for you.");
  const texts = (parts) => parts.flatMap((part) => (part.type === 10 ? [part.content] : texts(part.components ?? [])));
  const words = message.content || texts(message.components ?? []).join(" ") || message.embeds?.[0]?.title || "";
  const line = words.split("\n").map((one) => one.replace(/^(#{1,3}|-#|>|[-*])\s+/, "")).join(" ").slice(0, 160);
  return line.trim() ? inline(line) : h("span", { class: "gist-file" }, icon("picture"), "Click to see the attachment");
}

function above(message) {
  const told = message.interaction_metadata;
  if (told && (message.type === COMMAND_REPLY || message.type === MENU_REPLY)) {
    const name = message.type === COMMAND_REPLY ? `/${told.name}` : told.name;
    return h("div", { class: "above" }, h("span", { class: "above-hook" }), avatar(told.user, null, "is-tiny"),
      nameButton(told.user, message, "above-name"), " used ", h("span", { class: "above-command" }, name));
  }
  if (!message.message_reference) return null;
  const referred = room(message.channel_id).messages.get(message.message_reference.message_id) ?? message.referenced_message;
  const jump = () => tell("jump", message.message_reference.message_id);
  return h("div", { class: "above" }, h("span", { class: "above-hook" }),
    referred ? [avatar(referred.author, null, "is-tiny"), h("span", { class: "above-name" }, nameOf(referred.author))] : icon("reply"),
    h("button", { class: "gist", type: "button", on: { click: jump } }, gist(referred)));
}

function head(message) {
  return h("div", { class: "message-head" }, nameButton(message.author, message, "author"),
    message.author.bot ? h("span", { class: "badge" }, "App") : null, time(message, false));
}

/** The files that an embed shows, and that are not shown once more beside it. */
function inEmbeds(message) {
  const used = message.embeds.flatMap((one) => [one.image?.url, one.thumbnail?.url, one.author?.icon_url, one.footer?.icon_url]);
  return new Set(used.filter(Boolean).map((address) => address.split("?")[0]));
}

function content(message) {
  if (message.flags & LOADING) {
    return h("div", { class: "thinking", role: "status" }, h("span", { class: "dots" }, h("i"), h("i"), h("i")), `${nameOf(message.author)} is thinking…`);
  }
  const edited = message.edited_timestamp ? h("span", { class: "edited", title: new Date(message.edited_timestamp).toLocaleString() }, "(edited)") : null;
  const isNew = Boolean(message.flags & VERSION_TWO);
  const words = message.content ? prose(message.content) : null;
  if (words && edited) (words.lastElementChild?.matches("p") ? words.lastElementChild : words).append(" ", edited);
  return [
    words,
    isNew ? null : attachments(message.attachments.filter((one) => !inEmbeds(message).has(one.url.split("?")[0])), message.id),
    message.embeds.map((one, index) => embed(one, `${message.id}:embed${index}`)),
    h("div", { class: isNew ? "parts" : "parts is-legacy" }, message.components.map((part) => draw(part, message))),
    words ? null : edited,
  ];
}

function dismissal(message) {
  const dismiss = () => tell("dismiss", message);
  return h("div", { class: "only-you" }, icon("eye"), h("span", {}, "Only you can see this"), " • ",
    h("button", { class: "text-button", type: "button", on: { click: dismiss } }, "Dismiss message"));
}

function tools(message) {
  const open = (event) => messageMenu(message, event.currentTarget, null);
  return h("div", { class: "tools" }, h("button", { class: "icon-button", type: "button", "aria-haspopup": "menu", "aria-expanded": "false",
    "aria-label": `Actions for the message by ${nameOf(message.author)}`, on: { click: open } }, icon("more")));
}

/** Draw a message. */
export function row(message, before) {
  const isGrouped = continues(message, before);
  const isHidden = Boolean(message.flags & EPHEMERAL);
  const pings = message.mentions.some((one) => one.id === store.me.id) || message.mention_everyone;
  const classes = ["message", isGrouped ? "is-grouped" : "", isHidden ? "is-ephemeral" : "", pings ? "is-ping" : ""].join(" ");
  const menuAt = (event) => {
    if (event.target.closest("a, input, textarea") || String(getSelection())) return;
    event.preventDefault();
    messageMenu(message, element, { x: event.clientX, y: event.clientY });
  };
  const element = h("article", { class: classes, data: { id: message.id }, "aria-label": `${nameOf(message.author)}, ${time(message, true).textContent}`, on: { contextmenu: menuAt } },
    above(message),
    h("div", { class: "message-main" },
      isGrouped ? h("div", { class: "gutter" }, time(message, true)) : h("div", { class: "gutter" }, h("span", { on: { click: openUser(message.author, message) } }, avatar(message.author, nameOf(message.author)))),
      h("div", { class: "message-body" }, isGrouped ? null : head(message), content(message),
        hasFailed(message) ? h("div", { class: "trouble" }, icon("warning"), "This interaction failed: the app did not respond.") : null,
        isHidden ? dismissal(message) : null)),
    tools(message));
  return element;
}

/** Draw what stands for a command until the bot has answered it. */
export function pendingRow(pending) {
  const trouble = h("div", { class: "trouble" }, icon("warning"), "The app did not respond.", " ",
    h("button", { class: "text-button", type: "button", on: { click: () => tell("drop", pending.id) } }, "Dismiss"));
  return h("article", { class: "message is-pending", data: { id: pending.id } },
    h("div", { class: "above" }, h("span", { class: "above-hook" }), avatar(store.me, null, "is-tiny"), h("span", { class: "above-name" }, nameOf(store.me)), " used ", h("span", { class: "above-command" }, pending.name)),
    h("div", { class: "message-main" }, h("div", { class: "gutter" }, avatar(store.bot, nameOf(store.bot))),
      h("div", { class: "message-body" },
        h("div", { class: "message-head" }, h("span", { class: "author" }, nameOf(store.bot)), h("span", { class: "badge" }, "App")),
        pending.hasFailed ? trouble : h("div", { class: "thinking" }, h("span", { class: "dots" }, h("i"), h("i"), h("i")), "Sending command…"))));
}
