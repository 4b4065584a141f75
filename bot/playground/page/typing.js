// Who is typing, in a line that is always there.
import { fill, h } from "./dom.js";
import { hear, nameOf, store } from "./store.js";

const LASTS_MS = 9000;
const typing = new Map();
/** The line, for whoever lays out the message box. */
export const typingLine = h("div", { class: "typing", role: "status" });

function draw() {
  const here = [...typing.values()].filter((one) => one.channelId === store.channelId).map((one) => nameOf(one.user));
  const names = here.length > 3 ? "Several people" : new Intl.ListFormat(undefined, { type: "conjunction" }).format(here);
  fill(typingLine, here.length ? [h("span", { class: "dots" }, h("i"), h("i"), h("i")), h("strong", {}, names), here.length === 1 ? " is typing…" : " are typing…"] : null);
}

function stop(key) {
  clearTimeout(typing.get(key)?.timer);
  typing.delete(key);
  draw();
}

hear("live:typing", ({ channel_id: channelId, user }) => {
  if (user.id === store.me.id) return;
  const key = `${channelId}/${user.id}`;
  clearTimeout(typing.get(key)?.timer);
  typing.set(key, { channelId, user, timer: setTimeout(() => stop(key), LASTS_MS) });
  draw();
});
hear("live:message", ({ message }) => stop(`${message.channel_id}/${message.author.id}`));
hear("moved", draw);
