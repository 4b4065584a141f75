// Servers, channels, direct messages, members, and the line above the messages.
import { avatar, initials } from "./avatar.js";
import { byId, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { userMenu, write } from "./menus.js";
import { audience, channel, guild, hear, nameOf, store, tell, titleOf } from "./store.js";
import { ownCard } from "./switcher.js";

const CATEGORY = 4;
const isThread = (place) => place.type >= 10 && place.type <= 12;
const app = byId("app");

/** Show or hide what slides in on a phone. */
export const drawer = (name) => app.setAttribute("data-drawer", name ?? "");

function serverButton(server) {
  const isHere = store.guildId === server.id;
  const isUnread = server.channels.some((one) => store.unread.has(one.id));
  return h("button", { class: `server ${isUnread ? "is-unread" : ""}`, type: "button", title: server.name, "aria-label": server.name,
    "aria-current": isHere ? "true" : null, on: { click: () => tell("enter", server.id) } }, initials(server.name));
}

function drawRail() {
  const isUnread = store.direct.some((one) => store.unread.has(one.id));
  fill(byId("rail"),
    h("button", { class: `server is-home ${isUnread ? "is-unread" : ""}`, type: "button", title: "Direct messages", "aria-label": "Direct messages",
      "aria-current": store.guildId === null ? "true" : null, on: { click: () => tell("enter", null) } }, icon("chat")),
    h("div", { class: "rail-line" }), store.guilds.map(serverButton));
}

function channelIcon(place) {
  if (place.nsfw) return icon("warning");
  return icon(isThread(place) ? "thread" : "hash");
}

function entry(place, lead, label, extra = "") {
  return h("button", { class: `place ${extra} ${store.unread.has(place.id) ? "is-unread" : ""}`, type: "button", "aria-current": store.channelId === place.id ? "page" : null,
    on: { click: () => tell("go", place.id) } }, lead, h("span", { class: "place-name" }, label));
}

function serverChannels(server) {
  const byPlace = (one, other) => one.position - other.position;
  const threadsOf = (id) => server.channels.filter((one) => isThread(one) && one.parent_id === id && !one.archived);
  const withThreads = (place) => [entry(place, channelIcon(place), titleOf(place)), threadsOf(place.id).map((one) => entry(one, channelIcon(one), titleOf(one), "is-thread"))];
  const inside = (parent) => server.channels.filter((one) => !isThread(one) && one.type !== CATEGORY && one.parent_id === parent).sort(byPlace).map(withThreads);
  const categories = server.channels.filter((one) => one.type === CATEGORY).sort(byPlace);
  return [h("div", { class: "places-title" }, "Channels"), inside(null), categories.map((one) => [h("div", { class: "places-title" }, one.name), inside(one.id)])];
}

function directList() {
  const newestFirst = [...store.direct].sort((one, other) => Number(BigInt(other.last_message_id ?? 0) - BigInt(one.last_message_id ?? 0) > 0n) * 2 - 1);
  const known = new Set(store.direct.filter((one) => one.type === 1).map((one) => one.recipients[0]?.id));
  const others = new Map(store.guilds.flatMap((one) => one.members).map((one) => [one.user.id, one.user]));
  if (store.bot.is_reachable) others.set(store.bot.id, store.bot);
  const strangers = [...others.values()].filter((one) => one.id !== store.me.id && !known.has(one.id));
  const lead = (place) => (place.type === 3 ? icon("group") : avatar(place.recipients[0], titleOf(place), "is-small"));
  return [
    h("div", { class: "places-title" }, "Direct messages"),
    newestFirst.map((place) => entry(place, lead(place), titleOf(place), "is-person")),
    strangers.length ? h("div", { class: "places-title" }, "Start a conversation") : null,
    strangers.map((user) => h("button", { class: "place is-person is-stranger", type: "button", on: { click: () => write(user.id) } }, avatar(user, nameOf(user), "is-small"), h("span", { class: "place-name" }, nameOf(user)))),
  ];
}

function drawSidebar() {
  const here = guild();
  fill(byId("sidebar"), h("div", { class: "sidebar-head" }, here ? here.name : "Direct messages"),
    h("div", { class: "places" }, here ? serverChannels(here) : directList()), ownCard());
}

function drawHeading() {
  const place = channel();
  const isPrivate = place?.guild_id === null;
  fill(byId("heading"),
    h("button", { class: "icon-button only-phone", type: "button", "aria-label": "Show channels", on: { click: () => drawer("left") } }, icon("menu")),
    place ? (isPrivate ? avatar(place.recipients[0], titleOf(place), "is-small") : channelIcon(place)) : null,
    h("h1", {}, titleOf(place)), place?.topic ? h("p", { class: "topic", title: place.topic }, place.topic) : null,
    h("button", { class: "icon-button is-last", type: "button", "aria-label": "Show members", on: { click: toggleMembers } }, icon("group")));
  document.title = place ? `${isPrivate ? "" : "#"}${titleOf(place)} – Playground` : "Playground";
}

function toggleMembers() {
  if (matchMedia("(max-width: 1000px)").matches) drawer(app.dataset.drawer === "right" ? null : "right");
  else app.classList.toggle("without-members");
}

function drawMembers() {
  const place = channel();
  const users = audience(place);
  const one = (user) => h("button", { class: "member", type: "button", "aria-haspopup": "menu", on: {
    click: (event) => userMenu(user, place.id, event.currentTarget, null),
    contextmenu: (event) => { event.preventDefault(); userMenu(user, place.id, event.currentTarget, { x: event.clientX, y: event.clientY }); } } },
  avatar(user, nameOf(user)), h("span", { class: "member-name" }, nameOf(user)), user.bot ? h("span", { class: "badge" }, "App") : null);
  const group = (title, list) => (list.length ? [h("h2", { class: "places-title" }, `${title} — ${list.length}`), list.map(one)] : null);
  fill(byId("members"), group("People", users.filter((user) => !user.bot)), group("Apps", users.filter((user) => user.bot)));
}

/** Draw everything around the messages. */
export function redrawPlaces() {
  drawRail();
  drawSidebar();
  drawHeading();
  drawMembers();
}

hear("unread", () => { drawRail(); drawSidebar(); });
byId("veil").addEventListener("click", () => drawer(null));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") drawer(null); });
