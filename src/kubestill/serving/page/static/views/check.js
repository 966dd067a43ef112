// Check: paste manifests or kubectl commands, and see what the checks find while you type.

import { about, versionSelect } from "../about.js";
import { post } from "../api.js";
import { findingList } from "../code.js";
import { button, debounced, fill, h, pill, plural, say, trouble } from "../dom.js";
import { editor } from "../editor.js";
import { taken } from "../handover.js";

const QUIET_MILLISECONDS = 300;
const FAULTY = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: "3"
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: wbe
    spec:
      containers:
      - name: web
        image: nginx:1.27
        port: 80
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
    targtPort: 8080
`;
const COMMANDS = `kubectl get pods -n web -o wide
kubectl scale deployment/web --replica=3
kubectl delete pod web-0 --force --grace-period=0
`;

export function create(host) {
  let commands = false;
  const texts = { true: "", false: "" }; // what stood there last, of commands and of manifests
  let version = null;
  let running = null;
  const verdict = h("div", { class: "state" });
  const list = h("div", {});
  const written = editor("Text to check", debounced(() => look(), QUIET_MILLISECONDS), { id: "checked" });
  const modes = ["Manifests", "kubectl commands"].map((text, place) => h("button", { type: "button", class: "segment", "aria-pressed": String(place === 0), onclick: () => mode(place === 1) }, text));
  const choice = h("span", {});
  fill(
    host,
    h("h1", {}, "Check"),
    h("div", { class: "row" }, h("div", { class: "segments", role: "group", "aria-label": "What is checked" }, modes), choice, h("span", { class: "grow" }), button("An example with faults", () => written.set(commands ? COMMANDS : FAULTY)), button("Clear", () => written.set(""))),
    h("div", { class: "split checker" }, written.element, h("section", { "aria-label": "Findings" }, verdict, list)),
  );
  about()
    .then((found) => {
      version = versionSelect(found, { "aria-label": "Version", onchange: () => look() });
      fill(choice, version);
    })
    .catch((error) => trouble(choice, error));
  look();

  function mode(wanted) {
    if (wanted === commands) return;
    texts[commands] = written.area.value;
    commands = wanted;
    choice.hidden = commands; // kubectl's flags are known of one version
    modes.forEach((one, place) => one.setAttribute("aria-pressed", String((place === 1) === commands)));
    written.set(texts[commands]);
  }

  async function look() {
    running?.abort();
    const text = written.area.value;
    if (!text.trim()) {
      written.mark([]);
      fill(verdict, h("span", { class: "quiet" }, commands ? "Write or paste commands, one a line." : "Write or paste YAML: findings come while you type."));
      fill(list);
      return;
    }
    running = new AbortController();
    const { signal } = running;
    try {
      const { findings } = await post("page/check", { text, commands, version: commands ? "" : (version?.value ?? "") }, signal);
      if (!signal.aborted) present(findings.sort((one, other) => one.line - other.line));
    } catch (error) {
      if (error.name !== "AbortError") trouble(verdict, error);
    }
  }

  function present(findings) {
    const count = (...wanted) => findings.filter((one) => wanted.includes(one.severity)).length;
    const [errors, warnings, skips] = [count("error"), count("warning"), count("skip")];
    const told = [[errors, "error", "bad"], [warnings, "warning", "warn"], [skips, "part that nobody could judge", "warn", "parts that nobody could judge"]];
    const marks = told.filter(([number]) => number).map(([number, one, tone, many]) => pill(plural(number, one, many), tone));
    written.mark(findings);
    fill(verdict, marks.length ? marks : pill("passed", "good"), h("span", { class: "quiet" }, marks.length ? "Choose one to go to its line." : "Every check that could look has nothing to say."));
    fill(list, findingList(findings, (one) => written.go(one)));
    say(marks.length ? `${marks.map((one) => one.textContent).join(", ")}.` : "Passed.");
  }

  return {
    show() {
      const text = taken("check");
      if (text !== undefined) {
        mode(false);
        written.set(text);
      }
    },
    focus: () => written.area.focus(),
    hide: () => running?.abort(),
  };
}
