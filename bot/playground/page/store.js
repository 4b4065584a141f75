// What the page knows: who one is, where one can go, what was written. Views listen, and draw it.

export const EPHEMERAL = 1 << 6;
export const LOADING = 1 << 7;

export const store = {
  people: [],
  me: null,
  bot: null,
  guilds: [],
  direct: [],
  guildId: null,
  channelId: null,
  rooms: new Map(),
  unread: new Set(),
  pending: new Map(),
  dismissed: new Set(),
};

const bus = new EventTarget();
/** Tell the views of something. */
export const tell = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));
/** Listen. */
export const hear = (name, listener) => bus.addEventListener(name, (event) => listener(event.detail));

export const guild = () => store.guilds.find((one) => one.id === store.guildId) ?? null;

/** Every channel, with the server that it is in. */
export function channels() {
  return [...store.guilds.flatMap((one) => one.channels), ...store.direct];
}

export const channelById = (id) => channels().find((one) => one.id === id) ?? null;
export const channel = () => channelById(store.channelId);

/** What is known of the messages of a channel. */
export function room(channelId) {
  if (!store.rooms.has(channelId)) store.rooms.set(channelId, { messages: new Map(), hasMore: false, isLoaded: false });
  return store.rooms.get(channelId);
}

/** Everybody whom one can meet, by id. */
export function everybody() {
  const found = new Map();
  const add = (user) => found.set(user.id, user);
  store.direct.flatMap((one) => one.recipients).forEach(add);
  store.guilds.flatMap((one) => one.members).forEach((member) => add(member.user));
  if (store.bot) add(store.bot);
  if (store.me) add(store.me);
  return found;
}

/** Who is in a channel: the members of its server, or those who write in it. */
export function audience(place) {
  if (!place) return [];
  const home = store.guilds.find((one) => one.id === place.guild_id);
  return home ? home.members.map((member) => member.user) : [...place.recipients, store.me];
}

export const roleById = (id) => store.guilds.flatMap((one) => one.roles).find((role) => role.id === id) ?? null;

/** A user's name as it is shown here. */
export function nameOf(user) {
  const member = guild()?.members.find((one) => one.user.id === user.id);
  return member?.nick || user.global_name || user.username;
}

/** A channel's name as it is shown. */
export function titleOf(place) {
  if (!place) return "";
  return place.name || place.recipients.map(nameOf).join(", ") || "Direct messages";
}

/** A command's or option's name or description in the user's language. */
export function localised(part, field) {
  return part[`${field}_localizations`]?.[store.me?.locale] ?? part[field];
}

export const compareIds = (one, other) => one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
