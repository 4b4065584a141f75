// What selects and options of every kind offer: strings of the bot's, or the people, roles and channels here.
import { avatar } from "./avatar.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { audience, nameOf, store, titleOf } from "./store.js";

const LABELS = { 3: "Choose an option", 5: "Choose a person", 6: "Choose a role", 7: "Choose a person or role", 8: "Choose a channel" };
export const labelFor = (part) => LABELS[part.type] ?? "Choose";

const personOffer = (user) => ({ value: user.id, kind: "user", label: nameOf(user), description: user.username, lead: () => avatar(user, nameOf(user), "is-small") });
const roleOffer = (role) => ({ value: role.id, kind: "role", label: role.name.startsWith("@") ? role.name : `@${role.name}`, lead: () => h("span", { class: "role-dot" }) });
const channelOffer = (place) => ({ value: place.id, kind: "channel", label: titleOf(place), lead: () => icon(place.type >= 10 ? "thread" : "hash") });

export const people = (place) => audience(place).map(personOffer);

/** The roles of the server that a channel is in. */
export function roles(place) {
  return (store.guilds.find((one) => one.id === place?.guild_id)?.roles ?? []).map(roleOffer);
}

/** The channels of the server, of the kinds that are asked for. */
export function places(place, kinds) {
  const inside = store.guilds.find((one) => one.id === place?.guild_id)?.channels ?? [];
  return inside.filter((one) => !kinds?.length || kinds.includes(one.type)).map(channelOffer);
}

/** What a select offers. */
export function offered(part, place) {
  if (part.type === 5) return people(place);
  if (part.type === 6) return roles(place);
  if (part.type === 7) return [...people(place), ...roles(place)];
  if (part.type === 8) return places(place, part.channel_types);
  return part.options.map((one) => ({ value: one.value, label: one.label, description: one.description,
    lead: one.emoji && !one.emoji.id ? () => h("span", { class: "emoji" }, one.emoji.name) : null }));
}

/** A chosen value as the server takes it. */
export function reference(type, value, options) {
  if (type === 3) return value;
  return { [options.find((one) => one.value === value).kind]: value };
}
