// Data: samples as students are taught them, and what was dropped, each with its reason.

import { get } from "../api.js";
import { codeView, findingList } from "../code.js";
import { button, debounced, field, fill, h, pill, plural, say, select, trouble } from "../dom.js";
import { hand } from "../handover.js";

const QUIET_MILLISECONDS = 350;

export function create(host) {
  let collections = [];
  let running = null;
  let dropped = false;
  const which = select([], { "aria-label": "Collection", onchange: () => chosen() });
  const skill = select([], { "aria-label": "Skill", onchange: () => look() });
  const kind = select([], { "aria-label": "Kind", onchange: () => look() });
  const road = select([], { "aria-label": "Road", onchange: () => look() });
  const text = h("input", { type: "search", "aria-label": "Search", placeholder: "in request or answer", maxlength: "300", oninput: debounced(() => text.value.trim() !== searched && look(), QUIET_MILLISECONDS) });
  const modes = ["Samples", "Dropped"].map((name, place) => h("button", { type: "button", class: "segment", "aria-pressed": String(place === 0), onclick: () => mode(place === 1) }, name));
  const state = h("p", { class: "quiet" });
  const reasons = h("div", {});
  const rows = h("ul", { class: "rows" });
  const more = h("div", { class: "row center" });
  let reason = "";
  let searched = ""; // what was looked for last: what changed meanwhile may have asked for it already
  fill(host, h("h1", {}, "Data"), h("div", { class: "filters" }, h("div", { class: "segments", role: "group", "aria-label": "What is shown" }, modes), field("Of", which), field("Skill", skill), field("Kind", kind), field("Road", road), field("Search", text)), state, reasons, rows, more);

  async function start() {
    try {
      const before = which.value;
      collections = await get("page/collections");
      if (!collections.length) return fill(state, h("span", { class: "empty" }, "No samples yet: ", h("code", {}, "kubestill run"), " makes some."));
      fill(which, collections.map((one) => h("option", { value: one.name }, `${one.name} (${one.kept.toLocaleString("en")})`)));
      if (before && collections.some((one) => one.name === before)) which.value = before;
      else chosen();
    } catch (error) {
      trouble(state, error);
    }
  }

  function now() {
    return collections.find((one) => one.name === which.value);
  }

  function chosen() {
    const counted = (counts, all) => [h("option", { value: "" }, all), ...Object.entries(counts).sort((a, b) => b[1] - a[1]).map(([name, count]) => h("option", { value: name }, `${name} (${count.toLocaleString("en")})`))];
    fill(skill, counted(now().skills, "every skill"));
    fill(kind, counted(now().kinds, "every kind"));
    fill(road, counted(now().roads, "every road"));
    reason = "";
    look();
  }

  function mode(wanted) {
    dropped = wanted;
    modes.forEach((one, place) => one.setAttribute("aria-pressed", String((place === 1) === dropped)));
    look();
  }

  function drawReasons() {
    if (!dropped || !now()) return fill(reasons);
    const known = Object.entries(now().dropped);
    if (!known.length) return fill(reasons, h("p", { class: "empty" }, "Nothing was dropped."));
    const most = known[0][1];
    const choose = (name) => {
      reason = reason === name ? "" : name;
      look();
    };
    fill(reasons, h("ul", { class: "reasons pick", "aria-label": "Reasons" }, known.map(([name, count]) => h("li", {}, h("button", { type: "button", "aria-pressed": String(reason === name), onclick: () => choose(name) }, h("span", { class: "cut", title: name }, name), h("span", { class: "thin", "aria-hidden": "true", vars: { share: count / most } }), h("span", { class: "number" }, count.toLocaleString("en")))))));
  }

  async function look(start = "0.0") {
    if (!now()) return;
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    if (start === "0.0") {
      drawReasons();
      fill(rows);
    }
    fill(more, h("span", { class: "quiet" }, h("span", { class: "pulse", "aria-hidden": "true" }), "reading …"));
    searched = text.value.trim();
    const wanted = new URLSearchParams({ name: which.value, skill: skill.value, kind: kind.value, road: road.value, text: searched, reason: dropped ? reason : "", start });
    try {
      const found = await get(`page/${dropped ? "drops" : "samples"}?${wanted}`, signal);
      rows.append(...found.rows.map(dropped ? drop : sample));
      const one = now();
      fill(state, dropped ? `${plural(one.came - one.kept, "record")} dropped of ${one.came.toLocaleString("en")}. Those that never became a document are only counted.` : `${plural(one.kept, "sample")}, of ${one.came.toLocaleString("en")} that came.`);
      fill(more, found.next ? button("More", () => look(found.next)) : h("span", { class: "quiet" }, rows.childElementCount ? "That is all." : "Nothing is like that."));
      if (found.next && !found.rows.length) fill(more, h("span", { class: "quiet" }, `Nothing among ${found.looked.toLocaleString("en")} that were looked at. `), button("Look on", () => look(found.next)));
      say(`${plural(rows.childElementCount, "record")} shown.`);
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(more);
      trouble(state, error);
    }
  }

  return {
    show() {
      start();
    },
    focus: () => text.focus(),
    hide: () => running?.abort(),
  };
}

function tags(row) {
  return [row.skill, row.kind, row.road].filter(Boolean).map((name) => pill(name));
}

function opened(row, summary) {
  const inside = h("div", { class: "inside" });
  const fillOnce = (event) => {
    if (!event.target.open || inside.childElementCount) return;
    fill(inside, [
      row.request ? [h("h4", {}, "Request"), h("pre", { class: "text wrap" }, row.request)] : null,
      row.notes ? [h("h4", {}, "What it says"), h("pre", { class: "text wrap" }, row.notes)] : null,
      row.answer ? [h("h4", {}, "Answer"), codeView(row.answer, "Answer", row.findings)] : null,
      row.text ? [h("h4", {}, "Document"), codeView(row.text, "Document")] : null,
      row.findings.length ? findingList(row.findings) : null,
      h("p", { class: "quiet" }, [row.id, row.source || (row.reason ? "" : "invented")].filter(Boolean).join(" · ")),
      row.request && !row.reason ? h("div", { class: "row" }, button("Ask this", () => hand("ask", row.request))) : null,
    ]);
  };
  return h("li", {}, h("details", { class: "sheet", ontoggle: fillOnce }, h("summary", {}, summary), inside));
}

function sample(row) {
  return opened(row, [h("span", { class: "cut" }, row.request), h("span", { class: "row" }, tags(row))]);
}

function drop(row) {
  return opened(row, [pill(row.reason, "warn"), h("span", { class: "cut" }, row.request || row.text || row.source || row.id), h("span", { class: "row" }, tags(row))]);
}
