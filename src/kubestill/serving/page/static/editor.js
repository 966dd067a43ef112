// A text area over its own coloured text, with numbered lines that show where something was found.

import { spans } from "./code.js";
import { fill, h } from "./dom.js";
import { colour } from "./yaml.js";

/** Return { element, area, set, mark, go }. `changed` is called with the text after each change. */
export function editor(label, changed, given = {}) {
  let marks = new Map(); // line -> "bad" | "warn"
  const under = h("pre", { class: "under", "aria-hidden": "true" });
  const gutter = h("div", { class: "gutter", "aria-hidden": "true" });
  const area = h("textarea", { "aria-label": label, spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "off", oninput: () => changed(area.value, draw()), onscroll: follow, ...given });
  const element = h("div", { class: "editor" }, gutter, h("div", { class: "stack" }, under, area));

  function draw() {
    const lines = colour(area.value);
    fill(under, lines.map((line, place) => h("div", { class: marks.get(place + 1) ?? "" }, spans(line), "\n")));
    fill(gutter, lines.map((_, place) => h("div", { class: marks.get(place + 1) ?? "" }, String(place + 1))));
    follow();
  }

  function follow() {
    under.scrollTop = gutter.scrollTop = area.scrollTop;
    under.scrollLeft = area.scrollLeft;
  }

  draw();
  return {
    element,
    area,
    set(text) {
      area.value = text;
      marks = new Map();
      draw();
      changed(text);
    },
    mark(findings) {
      marks = new Map();
      for (const one of findings) if (one.line && marks.get(one.line) !== "bad") marks.set(one.line, one.severity === "error" ? "bad" : "warn");
      draw();
    },
    go({ line, column }) {
      const lines = area.value.split("\n");
      const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
      const from = column > 0 ? start + Math.min(column - 1, (lines[line - 1] ?? "").length) : start;
      area.focus();
      area.setSelectionRange(from, start + (lines[line - 1] ?? "").length);
      area.scrollTop = Math.max(0, (area.scrollHeight / lines.length) * (line - 1) - area.clientHeight / 3);
      follow();
    },
  };
}
