// Compare: two writers answer one request, who is who is hidden until somebody has voted.

import { about } from "../about.js";
import { outcome, whole } from "../answers.js";
import { get, post } from "../api.js";
import { codeView, findingList } from "../code.js";
import { button, duration, field, fill, h, pill, plural, say, select, trouble } from "../dom.js";

const CHOICES = [["first", "A is better", "1"], ["second", "B is better", "2"], ["tie", "Both as good", ""], ["neither", "Neither", "0"]];

export function create(host) {
  let round = null; // { request, sides: [{ writer, answer }], voted }
  let running = null;
  const request = h("textarea", { rows: "2", "aria-label": "Request", maxlength: "200000", placeholder: "One request for both: a deployment called web running nginx:1.27 …" });
  const pair = h("div", { class: "row" });
  const state = h("div", {});
  const board = h("div", {});
  const table = h("div", {});
  const go = button("Compare", () => start(), { class: "main" });
  let chosen = [];
  request.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) start();
  });
  fill(host, h("h1", {}, "Compare"), h("p", { class: "lead" }, "Two answers to one request, in an order drawn by chance. Vote, and then see who wrote which."), h("form", { class: "composer", onsubmit: (event) => event.preventDefault() }, request, h("div", { class: "row" }, pair, h("span", { class: "grow" }), go)), state, board, table);
  about()
    .then((found) => {
      const writers = found.models.flatMap((model) => [[model.name, model.name], [`${model.name} · free`, `${model.name}, without the grammar`]]);
      chosen = [0, 1].map((place) => select(writers, { "aria-label": place ? "Second writer" : "First writer" }));
      chosen[1].selectedIndex = Math.min(1, writers.length - 1);
      fill(pair, field("One", chosen[0]), field("Other", chosen[1]));
    })
    .catch((error) => trouble(pair, error));

  async function start() {
    const text = request.value.trim();
    if (!text || !chosen.length) return request.focus();
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const writers = chosen.map((one) => one.value);
    round = null; // a key votes on what is seen
    if (writers[0] === writers[1]) return trouble(state, "Choose two different writers.");
    const drawn = new Uint8Array(1);
    crypto.getRandomValues(drawn);
    if (drawn[0] % 2) writers.reverse();
    fill(state, h("p", { class: "state" }, h("span", { class: "pulse", "aria-hidden": "true" }), "both are writing …"));
    fill(board);
    say("Both are writing.");
    try {
      const answers = await Promise.all(writers.map((writer) => whole(wish(writer, text), signal)));
      round = { request: text, sides: writers.map((writer, place) => ({ writer, answer: answers[place] })), voted: false };
      fill(state);
      present();
      say("Both answers are there. Vote.");
    } catch (error) {
      if (error.name !== "AbortError") trouble(state, error);
    }
  }

  function wish(writer, text) {
    const free = writer.endsWith(" · free");
    return { model: free ? writer.slice(0, -" · free".length) : writer, request: text, free };
  }

  function present() {
    const ballot = h("div", { class: "row ballot", role: "group", "aria-label": "Vote" }, CHOICES.map(([choice, text, key]) => h("button", { type: "button", onclick: () => vote(choice), ...(key ? { "aria-keyshortcuts": key } : {}) }, text, key && h("kbd", { "aria-hidden": "true" }, key))));
    const same = round.sides[0].answer.text === round.sides[1].answer.text;
    fill(board, round.voted ? null : ballot, same ? h("p", { class: "quiet" }, "Both wrote the same.") : null, h("div", { class: "pair" }, round.sides.map(side)));
  }

  function side({ writer, answer }, place) {
    const told = round.voted ? [h("div", { class: "state" }, h("b", {}, writer), pill(...outcome(answer)), h("span", { class: "quiet" }, [plural(answer.tokens, "token"), duration(answer.seconds)].join(" · ")))] : null;
    return h("article", { class: "side" }, h("h2", {}, "AB"[place]), told, codeView(answer.text, `Answer ${"AB"[place]}`, round.voted ? answer.findings : []), round.voted && answer.findings.length ? findingList(answer.findings) : null);
  }

  async function vote(choice) {
    if (!round || round.voted) return;
    round.voted = true;
    const [first, second] = round.sides.map((one) => one.writer);
    present();
    say(`A was ${first}, B was ${second}.`);
    try {
      standings(await post("page/votes", { first, second, request: round.request, choice }));
    } catch (error) {
      trouble(state, error);
    }
  }

  function standings(found) {
    const rows = found.map((one) => h("tr", {}, h("td", {}, one.first), h("td", {}, one.second), ["first", "second", "tie", "neither"].map((name) => h("td", { class: "number" }, String(one.counts[name] ?? 0)))));
    fill(table, found.length ? [h("h2", {}, "Votes so far"), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Votes" }, h("table", {}, h("thead", {}, h("tr", {}, ["one", "other", "one better", "other better", "as good", "neither"].map((name, place) => h("th", { scope: "col", class: place > 1 ? "number" : "" }, name)))), h("tbody", {}, rows)))] : null);
  }

  return {
    show() {
      get("page/votes").then(standings).catch((error) => trouble(table, error));
    },
    focus: () => request.focus(),
    stop: () => running?.abort(),
    hide: () => running?.abort(),
    key(name) {
      const choice = CHOICES.find(([, , key]) => key && key === name);
      if (!choice || !round || round.voted) return false;
      vote(choice[0]);
      return true;
    },
  };
}
