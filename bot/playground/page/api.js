// Ask the server, as the user whom one is.
import { store } from "./store.js";

export const API = "/playground/api";

/** What the server refused, in its words. */
export class RefusedError extends Error {}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new RefusedError("The playground does not answer.");
  }
  const told = await response.json().catch(() => ({}));
  if (!response.ok) throw new RefusedError(sentence(told) ?? `The playground refused (${response.status}).`);
  return told;
}

/** The first words of a refusal, wherever in the form they stand. */
function sentence(told) {
  const first = told.errors ? inside(told.errors) : null;
  return first ?? told.message;
}

function inside(node) {
  if (node._errors?.length) return node._errors[0].message;
  return Object.values(node).map((inner) => (typeof inner === "object" ? inside(inner) : null)).find(Boolean) ?? null;
}

export const people = () => ask(`${API}/people`, {});
export const mine = (path) => `${API}/as/${store.me.id}/${path}`;
export const look = (path, userId = store.me.id) => ask(`${API}/as/${userId}/${path}`, {});
export const remove = (path) => ask(mine(path), { method: "DELETE" });
export const newTicket = () => ask(`${API}/tickets`, { method: "POST" });

/** Do something; files go along under the numbers that `{"file": n}` in the body refers to. */
export function act(path, body = {}, files = []) {
  if (!files.length) {
    return ask(mine(path), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }
  const form = new FormData();
  form.append("payload_json", new Blob([JSON.stringify(body)], { type: "application/json" }));
  files.forEach((file, key) => form.append(`files[${key}]`, file, file.name));
  return ask(mine(path), { method: "POST", body: form });
}
