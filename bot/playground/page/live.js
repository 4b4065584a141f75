// The websocket: what happens, while it happens. A lost line is opened again, and what was missed is read anew.
import { API } from "./api.js";
import { byId } from "./dom.js";
import { tell } from "./store.js";

const SLOWEST_MS = 8000;
let socket = null;
let wait = 250;
let timer = 0;

/** Listen as a user, and as nobody else any more. */
export function listenAs(userId, { isAgain = false } = {}) {
  clearTimeout(timer);
  if (socket) socket.onclose = null;
  socket?.close();
  const opened = new WebSocket(`ws://${location.host}${API}/as/${userId}/live`);
  socket = opened;
  opened.onmessage = (message) => {
    const told = JSON.parse(message.data);
    if (told.event !== "hello") return tell(`live:${told.event}`, told);
    wait = 250;
    byId("offline").hidden = true;
    if (isAgain) tell("reconnected");
  };
  opened.onclose = () => {
    byId("offline").hidden = false;
    timer = setTimeout(() => listenAs(userId, { isAgain: true }), wait);
    wait = Math.min(wait * 2, SLOWEST_MS);
  };
}
