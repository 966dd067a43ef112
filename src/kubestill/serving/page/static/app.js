// The frame: which view is shown, themes, keys. Views are made once and kept, so that an answer is still there when one comes back.

import { askKeyWith } from "./api.js";
import { button, fill, h, icon, say } from "./dom.js";
import * as ask from "./views/ask.js";
import * as check from "./views/check.js";
import * as compare from "./views/compare.js";
import * as data from "./views/data.js";
import * as models from "./views/models.js";
import * as runs from "./views/runs.js";

const VIEWS = {
  ask: { name: "Ask", key: "a", module: ask },
  check: { name: "Check", key: "c", module: check },
  compare: { name: "Compare", key: "v", module: compare },
  runs: { name: "Runs", key: "r", module: runs },
  data: { name: "Data", key: "d", module: data },
  models: { name: "Models", key: "m", module: models },
};
const THEMES = { auto: "System", light: "Light", dark: "Dark" };
const KEYS_OFF = "kubestill.keys-off";

const main = document.getElementById("main");
const made = new Map(); // name -> { host, view }
let shown = "";

function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decoded);
  const known = Object.hasOwn(VIEWS, name) ? name : "ask";
  if (shown && shown !== known) made.get(shown).view.hide?.();
  if (!made.has(known)) {
    const host = h("section", { class: `view ${known}`, "aria-label": VIEWS[known].name });
    made.set(known, { host, view: VIEWS[known].module.create(host) });
  }
  const { host, view } = made.get(known);
  const first = shown === "";
  if (shown !== known) {
    fill(main, host);
    window.scrollTo(0, 0);
    if (!first) main.focus({ preventScroll: true });
    document.title = `${VIEWS[known].name} · kubestill`;
    if (!first) say(VIEWS[known].name);
  }
  shown = known;
  for (const link of document.querySelectorAll("#views a")) {
    if (link.dataset.view === known) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  view.show({ rest, query: new URLSearchParams(query) });
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray %: it names nothing that we have
  }
}

function links() {
  fill(
    document.getElementById("views"),
    Object.entries(VIEWS).map(([name, view]) => h("a", { href: `#/${name}`, "data-view": name, "aria-keyshortcuts": `g ${view.key}` }, icon(name), h("span", {}, view.name))),
  );
}

function theme() {
  const root = document.documentElement;
  const pressed = document.getElementById("theme");
  const draw = () => {
    const now = root.dataset.theme ?? "auto";
    fill(pressed, icon(now), h("span", { class: "wide-only" }, THEMES[now]));
    pressed.setAttribute("aria-label", `Theme: ${THEMES[now]}`);
    pressed.title = `Theme: ${THEMES[now]}`;
  };
  pressed.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(root.dataset.theme ?? "auto") + 1) % names.length];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    remember("kubestill.theme", next);
    draw();
    say(`Theme: ${THEMES[next]}`);
    window.dispatchEvent(new Event("themechange"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => window.dispatchEvent(new Event("themechange")));
  draw();
}

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // storage is forbidden: it holds until the tab is closed
  }
}

function keysOff() {
  try {
    return localStorage.getItem(KEYS_OFF) === "yes";
  } catch {
    return false;
  }
}

/** Show a dialog; the promise is what it was closed with. */
function dialog(title, body, actions) {
  const box = h("dialog", { "aria-label": title }, h("h2", {}, title), body, h("div", { class: "row end" }, actions((value) => box.close(value))));
  document.body.append(box);
  box.showModal();
  return new Promise((resolve) => {
    box.addEventListener("close", () => {
      resolve(box.returnValue);
      box.remove();
    });
  });
}

function help() {
  if (document.querySelector("dialog")) return;
  const rows = [
    ...Object.values(VIEWS).map((view) => [["g", view.key], `go to ${view.name}`]),
    [["/"], "to the field of the view"],
    [["Enter"], "ask; with Shift another line"],
    [["Ctrl", "Enter"], "compare"],
    [["Esc"], "stop an answer, or close this"],
    [["1", "2", "0"], "vote for A, for B, for neither (Compare)"],
    [["t"], "another theme"],
    [["?"], "these keys"],
  ];
  const off = h("input", { type: "checkbox", onchange: (event) => remember(KEYS_OFF, event.target.checked ? "yes" : "no") });
  off.checked = keysOff();
  const list = h("dl", { class: "keys" }, rows.map(([keys, what]) => [h("dt", {}, keys.map((key) => h("kbd", {}, key))), h("dd", {}, what)]));
  dialog("Keys", [list, h("label", { class: "tick" }, off, "No keys of one letter")], (close) => [button("Close", () => close(""), { class: "main" })]);
}

function askKey(wrong) {
  const given = h("input", { type: "password", autocomplete: "off", "aria-label": "API key", spellcheck: "false" });
  const lead = wrong ? "This key was refused. Another one?" : "This server answers to those who have a key. It is kept for this tab only.";
  const asked = dialog("API key", [h("p", { class: "lead" }, lead), given], (close) => [
    button("Not now", () => close("")),
    button("Use it", () => close(given.value.trim()), { class: "main" }),
  ]);
  given.addEventListener("keydown", (event) => {
    if (event.key === "Enter") given.closest("dialog").close(given.value.trim());
  });
  given.focus();
  return asked.then((key) => key || null);
}

let leader = 0; // when "g" was pressed

function pressed(event) {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key === "Escape" && !document.querySelector("dialog")) {
    made.get(shown)?.view.stop?.();
    return;
  }
  if (typing || keysOff() || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog")) return;
  const recent = event.timeStamp - leader < 1200;
  const goal = Object.entries(VIEWS).find(([, view]) => view.key === event.key);
  leader = 0;
  if (recent && goal) location.hash = `#/${goal[0]}`;
  else if (event.key === "g") leader = event.timeStamp;
  else if (event.key === "?") help();
  else if (event.key === "t") document.getElementById("theme").click();
  else if (event.key === "/") made.get(shown)?.view.focus?.();
  else if (!made.get(shown)?.view.key?.(event.key)) return;
  event.preventDefault();
}

askKeyWith(askKey);
links();
theme();
document.getElementById("help").addEventListener("click", help);
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address is the view's
  main.focus();
});
document.addEventListener("keydown", pressed);
window.addEventListener("hashchange", route);
route();
