// Shares with their intervals, as one line: where it lies, how sure it is, of how many.

import { h, percent } from "./dom.js";

/** Return a row: label, track with the interval and the share, figures. */
export function scoreRow(label, score, given = {}) {
  const share = score.total ? score.passed / score.total : 0;
  const told = `${percent(score.low)} to ${percent(score.high)}`;
  return h(
    "div",
    { class: `score ${given.class ?? ""}` },
    h("span", { class: "name", title: label }, label),
    h("span", { class: "track", "aria-hidden": "true", vars: { low: score.low, high: score.high, share } }, h("i"), h("b")),
    h("span", { class: "number" }, percent(share)),
    h("span", { class: "number quiet between" }, told),
    h("span", { class: "number quiet" }, `${score.passed}/${score.total}`),
  );
}

/** Return a suite: free, under the grammar, and why answers failed. */
export function suiteScores(name, suite) {
  if (!suite.total) return h("p", { class: "quiet" }, `${name}: not measured${suite.skipped ? `: ${suite.skipped}` : ""}`);
  return h("div", { class: "suite" }, h("h4", {}, name), scoreRow("free", suite), suite.constrained ? scoreRow("under the grammar", suite.constrained, { class: "strong" }) : null);
}
