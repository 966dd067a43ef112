// Talks to the server that the page came from: JSON, and streams of server-sent events. A key is asked for once and kept for the tab.

const KEY = "kubestill.key";
let asked = null; // a promise while the dialog is open: several refused requests share one question
let asker = async () => null;

/** Set what asks a person for a key: a function that returns a promise of it, or of null. */
export function askKeyWith(ask) {
  asker = ask;
}

/** Forget the key. */
export function forgetKey() {
  sessionStorage.removeItem(KEY);
}

export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function send(path, given) {
  for (let attempt = 0; ; attempt++) {
    const key = sessionStorage.getItem(KEY);
    const headers = { ...given.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
    let response;
    try {
      response = await fetch(path, { ...given, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused("The server does not answer. Is kubestill serve still running?", 0);
    }
    if (response.ok) return response;
    if (response.status === 401 && attempt < 3) {
      asked ??= asker(attempt > 0 || key !== null).finally(() => {
        asked = null;
      });
      const fresh = await asked;
      if (fresh) {
        sessionStorage.setItem(KEY, fresh);
        continue;
      }
    }
    throw await refusal(response);
  }
}

async function refusal(response) {
  let message = `The server said ${response.status}.`;
  try {
    const body = await response.json();
    message = body.error?.message ?? (typeof body.detail === "string" ? body.detail : message);
  } catch {
    // no JSON: the status has to do
  }
  const wait = response.headers.get("Retry-After");
  if (response.status === 429 || response.status === 503) message += wait ? ` Try again in ${wait} s.` : " Try again soon.";
  return new Refused(message, response.status);
}

export async function get(path, signal) {
  return (await send(path, { signal })).json();
}

export async function post(path, body, signal) {
  return (await send(path, asJson(body, signal))).json();
}

function asJson(body, signal) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
}

/** Yield the events of a stream as objects, up to [DONE]. */
export async function* stream(path, body, signal) {
  const response = await send(path, asJson(body, signal));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += (value ?? "").replaceAll("\r\n", "\n");
    const events = rest.split("\n\n");
    rest = done ? "" : events.pop();
    for (const event of events) {
      const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
      if (data === "[DONE]") return;
      if (data) yield checked(JSON.parse(data));
    }
    if (done) return;
  }
}

function checked(event) {
  if (event.error) throw new Refused(event.error.message ?? "The answer broke off.", event.error.code);
  return event;
}
