// Models: the students that there are, how large, how good, and their cards.

import { about } from "../about.js";
import { get } from "../api.js";
import { bytes, fill, h, percent, pill, plural, trouble } from "../dom.js";
import { markdown } from "../markdown.js";
import { suiteScores } from "../score.js";

export function create(host) {
  const list = h("div", { class: "models-list" });
  fill(host, h("h1", {}, "Models"), list);

  async function show() {
    try {
      const [found, here] = await Promise.all([get("page/models"), about()]);
      const served = new Set(here.models.map((one) => one.name));
      const other = here.models.filter((one) => !found.some((model) => model.name === one.name));
      fill(list, other.length ? h("p", { class: "lead" }, "Also answers here: ", other.map((one, place) => [place ? ", " : "", h("code", {}, one.name)])) : null, found.length ? found.map((one) => model(one, served.has(one.name))) : h("p", { class: "empty" }, "No release yet."));
    } catch (error) {
      trouble(list, error);
    }
  }

  return { show };
}

function model(one, served) {
  const suites = Object.entries(one.scores);
  const facts = [one.parameters > 0 && `${(one.parameters / 1e6).toFixed(1)} M parameters`, ...Object.entries(one.files).map(([name, size]) => `${name} ${bytes(size)}`)].filter(Boolean);
  const best = suites.map(([, suite]) => suite.constrained ?? suite).filter((score) => score.total);
  const card = h("div", { class: "card-text" });
  return h(
    "article",
    { class: "sheet model" },
    h("header", { class: "row" }, h("h2", {}, one.name), pill(one.road), served ? pill("answers here", "good") : null),
    h("p", { class: "quiet" }, facts.join(" · ")),
    suites.length ? h("details", { open: suites.length <= 4 }, h("summary", {}, `Full-pass@1 on ${plural(suites.length, "suite")}`, best.length > 1 ? h("span", { class: "quiet" }, `, ${percent(Math.min(...best.map((score) => score.passed / score.total)), 0)} to ${percent(Math.max(...best.map((score) => score.passed / score.total)), 0)} under the grammar`) : null), h("div", { class: "suites" }, suites.map(([name, suite]) => suiteScores(name, suite)))) : h("p", { class: "quiet" }, "Nothing was measured."),
    one.card ? h("details", { ontoggle: (event) => event.target.open && !card.childElementCount && fill(card, markdown(one.card)) }, h("summary", {}, "Card"), card) : null,
  );
}
