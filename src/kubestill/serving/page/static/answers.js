// Asks for answers over the OpenAI-compatible API, and reads its extension: verdict, findings, what was understood, how it was written.

import { post, stream } from "./api.js";

const PATH = "v1/chat/completions";

function asked(wish, streamed) {
  const { model, request, ...more } = wish;
  const kubestill = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== "" && value !== false && value !== undefined));
  return {
    ...(model ? { model } : {}),
    messages: [{ role: "user", content: request }],
    ...(streamed ? { stream: true, stream_options: { include_usage: true } } : {}),
    kubestill,
  };
}

/** Return a whole answer. `wish`: model, request, and what the extension takes (task, kind, version, free, fresh, strict, edit). */
export async function whole(wish, signal) {
  const reply = await post(PATH, asked(wish, false), signal);
  return read(reply.choices?.[0]?.message?.content ?? "", reply.kubestill ?? {}, reply);
}

/** Return an answer whose text is told as it is written. */
export async function streamed(wish, told, signal) {
  let text = "";
  let extension = {};
  let last = {};
  for await (const chunk of stream(PATH, asked(wish, true), signal)) {
    const more = chunk.choices?.[0]?.delta?.content ?? "";
    text += more;
    extension = chunk.kubestill ?? extension;
    last = { ...last, model: chunk.model ?? last.model, usage: chunk.usage ?? last.usage };
    if (more) told(text);
  }
  return read(text, extension, last);
}

/** Return an answer in the words of this page. */
function read(text, told, reply) {
  return {
    text,
    model: told.model || reply.model || "",
    judged: told.passed !== undefined,
    passed: told.passed === true,
    failedOn: told.failed_on ?? "",
    findings: told.findings ?? [],
    understood: told.understood ?? [],
    unused: told.unused ?? [],
    removed: told.removed ?? [],
    remarks: told.remarks ?? [],
    trace: told.trace ?? [],
    draft: told.draft ?? "",
    tokens: told.tokens ?? reply.usage?.completion_tokens ?? 0,
    forced: told.forced_tokens ?? 0,
    drafted: told.drafted_tokens ?? 0,
    seconds: told.seconds ?? 0,
    cached: told.cached === true,
    repaired: told.repaired === true,
    escalated: told.escalated === true,
    truncated: told.truncated === true,
  };
}

/** Say in a few words how an answer fared. */
export function outcome(answer) {
  if (!answer.judged) return ["not judged", ""];
  if (answer.passed) return ["passed", "good"];
  return [answer.failedOn ? `failed on ${answer.failedOn}` : "not judged", answer.failedOn ? "bad" : "warn"];
}
