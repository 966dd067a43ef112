// Ask: a request, its answer as it is written, what was understood, what the checks say, and what came of each token.

import { about, modelSelect, versionSelect } from "../about.js";
import { outcome, streamed, whole } from "../answers.js";
import { codeView, copy, diffView, download, findingList } from "../code.js";
import { difference } from "../diff.js";
import { button, duration, field, fill, h, percent, pill, plural, say, select, trouble } from "../dom.js";
import { hand, taken } from "../handover.js";

const EXAMPLES = [
  "a deployment called web running nginx:1.27 with 3 replicas",
  "a cronjob called nightly-report running ghcr.io/acme/report:2.1 every day at 3am, never restart it",
  "a service called api on port 80 to port 8080 of pods with app=api",
  "a network policy in namespace shop that lets only pods with role=front reach pods with app=cart on port 6379",
];

export function create(host) {
  const view = { controls: null, current: null, running: null, history: [] };
  const request = h("textarea", {
    id: "request",
    rows: "2",
    maxlength: "200000",
    placeholder: "What should there be? A deployment called web running nginx:1.27 …",
    "aria-label": "Request",
    onkeydown: (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        start();
      }
    },
  });
  const go = button("Ask", () => start(), { class: "main" });
  const stop = button("Stop", () => halt(), { class: "danger", hidden: true, "aria-keyshortcuts": "Escape" });
  const options = h("div", { class: "options" });
  const result = h("div", { class: "result" });
  const past = h("div", { class: "past" });
  fill(
    host,
    h("h1", { class: "only-read" }, "Ask"),
    h("form", { class: "composer", onsubmit: (event) => event.preventDefault() }, request, h("div", { class: "row" }, options, h("span", { class: "grow" }), stop, go)),
    result,
    past,
  );
  welcome();
  prepare();

  function welcome() {
    fill(
      result,
      h("div", { class: "welcome" }, h("h2", {}, "Ask for a manifest, a command, a diagnosis"), h("p", { class: "lead" }, "It says what it understood, writes under a grammar in which no field can be invented, and the checks have the last word."), h("ul", { class: "examples" }, EXAMPLES.map((text) => h("li", {}, button(text, () => begin(text), { class: "example" }))))),
    );
  }

  function prepare() {
    about()
      .then((found) => {
        const tasks = [...new Set(found.models.flatMap((model) => model.tasks))].sort();
        const controls = {
          model: modelSelect(found, { "aria-label": "Model" }),
          version: versionSelect(found, { "aria-label": "Version" }),
          kind: h("input", { list: "kinds", "aria-label": "Kind", placeholder: "any kind", autocomplete: "off", spellcheck: "false" }),
          task: select([["", "any task"], ...tasks.map((name) => [name, name])], { "aria-label": "Task" }),
          free: h("input", { type: "checkbox" }),
          fresh: h("input", { type: "checkbox" }),
          repair: h("input", { type: "checkbox" }),
        };
        view.controls = controls;
        const more = h("details", { class: "more" }, h("summary", {}, "More"), h("div", { class: "sheet" }, [
          field("Kind", controls.kind),
          tasks.length ? field("Task", controls.task) : null,
          h("label", { class: "tick" }, controls.repair, "Whole at once: may be repaired and escalated"),
          h("label", { class: "tick" }, controls.fresh, "Not from the cache"),
          h("label", { class: "tick" }, controls.free, "Without the grammar: it may invent"),
        ]));
        fill(options, controls.model, controls.version, more, h("datalist", { id: "kinds" }, found.kinds.map((value) => h("option", { value }))));
      })
      .catch((error) => trouble(options, error));
  }

  function begin(text) {
    request.value = text;
    start();
  }

  function wish(more = {}) {
    const chosen = view.controls;
    const told = chosen ? { model: chosen.model.value, version: chosen.version.value, kind: chosen.kind.value.trim(), task: chosen.task.value, free: chosen.free.checked, fresh: chosen.fresh.checked } : {};
    return { ...told, request: request.value.trim(), ...more };
  }

  function halt() {
    view.running?.abort();
  }

  async function start(more = {}, before = null, complete = view.controls?.repair.checked ?? false) {
    const asked = wish(more);
    if (!asked.request) {
      request.focus();
      return;
    }
    halt();
    const running = new AbortController();
    view.running = running;
    remember();
    if (view.controls) view.controls.model.closest(".row")?.querySelector("details")?.removeAttribute("open");
    stop.hidden = false;
    const shown = writing(asked);
    say("The answer is being written.");
    try {
      const answer = complete ? await whole(asked, running.signal) : await streamed(asked, shown.told, running.signal);
      view.current = { asked, answer, before };
      present();
      const [text] = outcome(answer);
      say(`The answer is there: ${text}${answer.findings.length ? `, ${plural(answer.findings.length, "finding")}` : ""}.`);
    } catch (error) {
      if (running !== view.running) return; // a newer question took its place
      if (error.name === "AbortError") shown.stopped();
      else trouble(shown.state, error);
    } finally {
      if (running === view.running) {
        view.running = null;
        stop.hidden = true;
      }
    }
  }

  function writing(asked) {
    const state = h("div", { class: "state" }, h("span", { class: "pulse", "aria-hidden": "true" }), "writing …");
    const place = h("div", { class: "sheetless" });
    const begun = performance.now();
    let frame = 0;
    fill(result, h("article", { class: "answer" }, h("p", { class: "asked" }, asked.request), state, place));
    return {
      state,
      told: (text) => {
        cancelAnimationFrame(frame);
        frame = requestAnimationFrame(() => {
          if (place.isConnected) fill(place, codeView(text, "Answer so far"));
        });
      },
      stopped: () => {
        fill(state, pill("stopped", "warn"), h("span", { class: "quiet" }, ` after ${duration((performance.now() - begun) / 1000)}; what stands below is not whole and was not checked`));
        say("Stopped.");
      },
    };
  }

  function remember() {
    if (!view.current) return;
    view.history.unshift(view.current);
    view.history.length = Math.min(view.history.length, 30);
    view.current = null;
    fill(past, h("h2", {}, "Before"), h("ul", { class: "list" }, view.history.map((one) => h("li", {}, h("button", { type: "button", class: "line-button", onclick: () => again(one) }, pill(...outcome(one.answer)), h("span", { class: "cut" }, one.asked.request))))));
  }

  function again(one) {
    view.history = view.history.filter((other) => other !== one);
    remember();
    view.current = one;
    present();
    window.scrollTo(0, 0);
  }

  function present() {
    const { asked, answer, before } = view.current;
    const panel = h("div", { class: "panel" });
    const show = (content) => fill(panel, content);
    const copier = button("Copy", () => copy(answer.text, copier));
    const named = /^\s*name:\s*["']?([a-z0-9.-]+)/m.exec(answer.text)?.[1] ?? "answer";
    const differ = button(before === null ? "Diff …" : "Diff", () => show(diffPanel(answer.text, before)));
    const actions = h("div", { class: "row actions" }, copier, button("Download", () => download(answer.text, `${named}.yaml`)), differ, button("Open in Check", () => hand("check", answer.text)), !answer.passed && answer.judged && button("Try to repair", () => start({ ...asked, fresh: true }, null, true)));
    fill(
      result,
      h("article", { class: "answer" }, h("p", { class: "asked" }, asked.request), h("div", { class: "split" }, h("div", {}, head(answer), codeView(answer.text, "Answer", answer.findings), actions, change(answer), remarks(answer), panel), aside(answer))),
    );
    if (before !== null) show(diffPanel(answer.text, before));
  }

  function change(answer) {
    if (!/^kind:/m.test(answer.text)) return null;
    const wanted = h("input", { "aria-label": "Change it", placeholder: "Change it: scale it to 5 and limit memory to 256Mi", autocomplete: "off", maxlength: "20000" });
    const send = () => wanted.value.trim() && start({ request: wanted.value.trim(), edit: answer.text, kind: "", free: false }, answer.text, true);
    wanted.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) send();
    });
    return h("div", { class: "row change" }, wanted, button("Change", send));
  }

  return {
    show({ query }) {
      const text = taken("ask") ?? query.get("q");
      if (text) request.value = text;
      if (!view.current && !view.running) request.focus({ preventScroll: true });
    },
    focus: () => request.focus(),
    stop: halt,
  };
}

function diffPanel(after, before) {
  if (before !== null) return [h("h3", {}, "What changed"), diffView(difference(before, after), "What changed")];
  const shown = h("div", {});
  const pasted = h("textarea", { rows: "6", class: "mono", "aria-label": "Manifest to compare with", placeholder: "Paste the manifest that you have: + is what the answer adds", spellcheck: "false", oninput: () => fill(shown, pasted.value.trim() ? diffView(difference(pasted.value, after), "Difference") : null) });
  queueMicrotask(() => pasted.focus());
  return [h("h3", {}, "Diff against a manifest"), pasted, shown];
}

function remarks(answer) {
  return answer.remarks.length ? h("ul", { class: "aside-note" }, answer.remarks.map((text) => h("li", {}, text))) : null;
}

function head(answer) {
  const marks = [answer.cached && "from the cache", answer.repaired && "repaired", answer.escalated && "escalated", answer.truncated && "cut at the limit of tokens"].filter(Boolean);
  return h("div", { class: "state" }, pill(...outcome(answer)), marks.map((text) => pill(text)), h("span", { class: "quiet" }, [answer.model, answer.seconds && duration(answer.seconds)].filter(Boolean).join(" · ")));
}

function aside(answer) {
  return h("aside", { "aria-label": "About this answer" }, understood(answer), found(answer), tokens(answer), trace(answer));
}

function understood(answer) {
  if (!answer.understood.length) return null;
  const pairs = answer.understood.map((line) => /^([^:]+(?::[^:\s][^:]*)*): (.*)$/s.exec(line)?.slice(1) ?? [line, ""]);
  const unused = answer.unused.length ? h("p", { class: "aside-note" }, "Not used of the request: ", answer.unused.slice(0, 8).map((word, place) => [place ? ", " : "", h("code", {}, word)]), ". It may be noise; if not, it was not understood.") : null;
  return h("section", {}, h("h3", {}, "Understood"), h("dl", { class: "facts" }, pairs.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])), unused);
}

function found(answer) {
  if (!answer.findings.length) return null;
  return h("section", {}, h("h3", {}, plural(answer.findings.length, "finding")), findingList(answer.findings));
}

function tokens(answer) {
  if (!answer.tokens) return null;
  const chosen = Math.max(0, answer.tokens - answer.forced - answer.drafted);
  const parts = [["forced", answer.forced, "needed no choice: the grammar left one"], ["drafted", answer.drafted, "guessed beforehand, and found right"], ["chosen", chosen, "chosen by the model"]];
  const bar = h("div", { class: "tokens", "aria-hidden": "true" }, parts.map(([name, count]) => (count ? h("i", { class: name, vars: { share: count } }) : null)));
  const legend = h("ul", { class: "legend" }, parts.map(([name, count, what]) => h("li", {}, h("i", { class: `dot ${name}`, "aria-hidden": "true" }), h("b", {}, String(count)), ` ${what}`)));
  const removed = answer.removed.map((one) => h("li", {}, h("span", { class: "quiet" }, `at ${one.at} `), h("del", {}, shownToken(one.wanted)), ` ${percent(one.probability, 0)} → `, h("ins", {}, shownToken(one.chosen))));
  return h("section", {}, h("h3", {}, plural(answer.tokens, "token")), bar, legend, removed.length ? h("details", { open: true }, h("summary", {}, `Taken away by the grammar: ${removed.length}`), h("ul", { class: "removed" }, removed)) : null);
}

function shownToken(text) {
  return String(text).replaceAll("\n", "⏎").replaceAll(" ", "␣");
}

function trace(answer) {
  if (!answer.trace.length) return null;
  return h("section", {}, h("h3", {}, "Path"), h("ol", { class: "trace" }, answer.trace.map((one) => h("li", {}, h("span", {}, one.step.replaceAll("_", " ")), h("span", { class: "quiet" }, one.note ?? ""), h("span", { class: "number" }, `${(1000 * one.seconds).toFixed(one.seconds < 0.01 ? 1 : 0)} ms`)))));
}
