// The people's side of the sandbox over HTTP.

export class Refused extends Error {}

async function request(path, options = {}) {
  const answer = await fetch(`/sandbox${path}`, options);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(body.description || `The sandbox answered ${answer.status}.`);
  return body;
}

function post(path, body) {
  return request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

export const state = (chat) => request(`/state?chat=${chat}`);
export const write = (chat, text) => post(`/chats/${chat}/text`, { text });
export const press = (chat, messageId, label) => post(`/chats/${chat}/press`, { message_id: messageId, label });
export const addPerson = (person) => post("/users", person);
export const changes = (chat, after, heard, signal) =>
  request(`/chats/${chat}/messages?after=${after}&heard=${heard}&wait=25`, { signal });
