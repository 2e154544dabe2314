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

export const state = (chat, user) => request(`/state?chat=${chat}&user=${user}`);
export const write = (chat, text, more) => post(`/chats/${chat}/text`, { text, ...more });
export const press = (chat, messageId, label, user) => post(`/chats/${chat}/press`, { message_id: messageId, label, user });
export const addPerson = (person) => post("/users", person);
export const changes = (chat, after, heard, signal) =>
  request(`/chats/${chat}/messages?after=${after}&heard=${heard}&wait=25`, { signal });

// Send files with a caption; only this kind of request tells how far it is.
export function attach(chat, files, more, progress) {
  const form = new FormData();
  for (const [name, value] of Object.entries(more)) if (value) form.append(name, value);
  for (const file of files) form.append("file", file, file.name);
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", `/sandbox/chats/${chat}/files`);
    sending.setRequestHeader("X-Sandbox", "page");
    sending.responseType = "json";
    sending.upload.addEventListener("progress", (event) => progress(event.lengthComputable ? event.loaded / event.total : 0));
    sending.addEventListener("load", () => {
      if (sending.status < 300) resolve(sending.response);
      else reject(new Refused(sending.response?.description || `The sandbox answered ${sending.status}.`));
    });
    sending.addEventListener("error", () => reject(new Refused("The files did not reach the sandbox.")));
    sending.send(form);
  });
}
