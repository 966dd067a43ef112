// Shows texts: numbered lines with findings beneath them, differences, lists of findings.

import { h, pill, plural } from "./dom.js";
import { colour } from "./yaml.js";

/** Return the spans of coloured lines. */
export function spans(line) {
  return line.map(([name, text]) => (name ? h("span", { class: `y-${name}` }, text) : text));
}

/** Return a text as numbered lines, with what was found on them. */
export function codeView(text, label, findings = []) {
  const lines = colour(text.replace(/\n$/, ""));
  const at = Map.groupBy(findings.filter((one) => one.line > 0), (one) => Math.min(one.line, lines.length));
  return h(
    "div",
    { class: "code", role: "region", "aria-label": label, tabindex: "0" },
    lines.map((line, place) => {
      const here = at.get(place + 1) ?? [];
      const row = h("div", { class: `line ${tone(here)}` }, h("span", { class: "no", "aria-hidden": "true" }, String(place + 1)), h("code", {}, spans(line), "\n"));
      return [row, here.map((one) => h("div", { class: `note ${one.severity}` }, said(one)))];
    }),
  );
}

function tone(findings) {
  return findings.some((one) => one.severity === "error") ? "bad" : findings.length ? "warn" : "";
}

function said(one) {
  return [h("b", {}, one.code), " ", one.message, one.remedy && h("span", { class: "remedy" }, ` ${one.remedy}`)];
}

/** Return findings as a list; with `go` each is a button that goes to its line. */
export function findingList(findings, go) {
  return h(
    "ol",
    { class: "findings" },
    findings.map((one) => {
      const inside = [
        h("span", { class: "where" }, pill(one.code || one.severity, one.severity === "error" ? "bad" : "warn"), one.line > 0 && h("span", { class: "quiet" }, `line ${one.line}`), one.path && h("code", {}, one.path)),
        h("span", { class: "what" }, one.message),
        one.remedy && h("span", { class: "remedy" }, one.remedy),
      ];
      return h("li", {}, go && one.line > 0 ? h("button", { type: "button", class: "finding", onclick: () => go(one) }, inside) : h("div", { class: "finding" }, inside));
    }),
  );
}

/** Return a difference as lines; long stretches of what is the same are left out. */
export function diffView(pairs, label) {
  const changed = pairs.filter(([mark]) => mark !== " ").length;
  if (!changed) return h("p", { class: "empty" }, "They are the same.");
  const near = (place) => pairs.slice(Math.max(0, place - 3), place + 4).some(([mark]) => mark !== " ");
  const rows = [];
  pairs.forEach(([mark, line], place) => {
    if (near(place)) rows.push(h("div", { class: `line ${mark === "+" ? "added" : mark === "-" ? "removed" : ""}` }, h("span", { class: "no" }, mark), h("code", {}, line, "\n")));
    else if (rows.at(-1)?.className !== "gap") rows.push(h("div", { class: "gap" }, "⋯"));
  });
  const [more, less] = ["+", "-"].map((wanted) => pairs.filter(([mark]) => mark === wanted).length);
  return h("div", {}, h("p", { class: "quiet" }, `${plural(more, "line")} added, ${plural(less, "line")} removed`), h("div", { class: "code diff", role: "region", "aria-label": label, tabindex: "0" }, rows));
}

/** Copy a text, and say on the button how that went. */
export async function copy(text, pressed) {
  const before = pressed.textContent;
  try {
    await navigator.clipboard.writeText(text);
    pressed.textContent = "Copied";
  } catch {
    pressed.textContent = "Not allowed here";
  }
  setTimeout(() => {
    pressed.textContent = before;
  }, 1600);
}

/** Offer a text as a file. */
export function download(text, name) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "application/yaml" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
