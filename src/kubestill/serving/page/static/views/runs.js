// Runs: what was built and how well it does; a run that goes on is followed.

import { get } from "../api.js";
import { codeView, findingList } from "../code.js";
import { lineChart, smoothed } from "../chart.js";
import { bytes, duration, fill, h, percent, pill, plural, say, trouble } from "../dom.js";
import { scoreRow } from "../score.js";

const POLL_MILLISECONDS = 2000;
const TONES = { finished: "good", failed: "bad", cut: "warn", going: "live" };
const KINDS_SHOWN = 12;
const REASONS_SHOWN = 8;

export function create(host) {
  let chosen = "";
  let timer = 0;
  let watched = null; // AbortController of what is being read
  const list = h("ul", { class: "list runs-list" });
  const detail = h("div", { class: "detail" });
  fill(host, h("h1", {}, "Runs"), h("div", { class: "beside" }, h("nav", { "aria-label": "Runs" }, list), detail));

  async function show(name) {
    clearTimeout(timer);
    watched?.abort();
    watched = new AbortController();
    const { signal } = watched;
    try {
      const runs = await get("page/runs", signal);
      if (!runs.length) return fill(detail, h("p", { class: "empty" }, "No run yet. ", h("code", {}, "kubestill run recipes/kubernetes-small.toml"), " makes one, and it can be followed here."));
      const run = runs.find((one) => one.run === name) ?? (name ? null : runs[0]);
      draw(runs, run?.run ?? "");
      if (!run) return trouble(detail, `There is no run ${name}.`);
      const [told, curve] = await Promise.all([get(`page/runs/${encodeURIComponent(run.run)}`, signal), get(`page/runs/${encodeURIComponent(run.run)}/curve`, signal)]);
      const drawn = present(detail, told, curve);
      if (chosen !== run.run) say(`Run ${told.name}, ${told.state}`);
      chosen = run.run;
      if (told.state === "going") follow(run.run, told, curve, drawn, signal);
    } catch (error) {
      if (error.name !== "AbortError") trouble(detail, error);
    }
  }

  function draw(runs, now) {
    fill(list, runs.map((one) => {
      const best = Object.entries(one.scores)[0];
      return h("li", {}, h("a", { class: "run", href: `#/runs/${encodeURIComponent(one.run)}`, ...(one.run === now ? { "aria-current": "true" } : {}) }, h("span", { class: "row" }, h("b", { class: "cut" }, one.name), pill(one.state === "going" ? "going on" : one.state, TONES[one.state])), h("span", { class: "quiet row" }, h("span", {}, when(one.run)), best ? h("span", { class: "number", title: best[0] }, percent(best[1].passed / best[1].total)) : null)));
    }));
  }

  /** Follow a run: new points are drawn as they come; what else changed (a stage, the end) shows the run anew. */
  function follow(name, told, curve, drawn, signal) {
    timer = setTimeout(async () => {
      if (document.hidden) return follow(name, told, curve, drawn, signal);
      try {
        const after = Math.max(curve.loss.at(-1)?.step ?? -1, curve.fullpass.at(-1)?.step ?? -1);
        const since = Math.min(after, curve.loss.at(-1)?.step ?? -1);
        const [more, now] = await Promise.all([get(`page/runs/${encodeURIComponent(name)}/curve?after=${since}`, signal), get(`page/runs/${encodeURIComponent(name)}`, signal)]);
        const fresh = more.fullpass.filter((one) => one.step > (curve.fullpass.at(-1)?.step ?? -1));
        const grown = { ...curve, loss: [...curve.loss, ...more.loss], fullpass: [...curve.fullpass, ...fresh] };
        if (now.state !== told.state || whole(now) !== whole(told) || fresh.length || !drawn.loss) return show(name);
        if (more.loss.length) drawn.grow(grown);
        follow(name, told, grown, drawn, signal);
      } catch (error) {
        if (error.name === "AbortError") return;
        follow(name, told, curve, drawn, signal); // the server may be back soon
      }
    }, POLL_MILLISECONDS);
  }

  return {
    show({ rest }) {
      show(rest[0] ?? "");
    },
    hide() {
      clearTimeout(timer);
      watched?.abort();
    },
    focus: () => list.querySelector("a")?.focus(),
  };
}

function whole(run) {
  return run.stages.filter((stage) => stage.seconds !== null).length;
}

function when(name) {
  const found = /^(\d{4}-\d\d-\d\d)-(\d\d)(\d\d)/.exec(name);
  return found ? `${found[1]} ${found[2]}:${found[3]}` : name;
}

function present(detail, run, curve) {
  const drawn = curves(curve);
  fill(
    detail,
    h("header", { class: "row" }, h("h2", {}, run.name), pill(run.state === "going" ? "going on" : run.state, TONES[run.state]), h("code", { class: "quiet" }, run.run)),
    run.failure ? h("p", { class: "trouble" }, run.failure) : null,
    tiles(run, curve),
    drawn.elements.length ? [h("h3", {}, "Training"), h("div", { class: "pair" }, drawn.elements)] : null,
    run.river.length ? [h("h3", {}, "The river"), h("p", { class: "lead" }, "What came to each stage, what stayed, and why the rest left. Nothing vanishes."), h("div", { class: "river" }, run.river.map(flow))] : null,
    suites(run),
    stages(run),
    run.answers.length ? [h("h3", {}, plural(run.answers.length, "answer")), run.answers.map(judged)] : null,
    run.recipe ? h("details", { class: "sheet" }, h("summary", {}, "Recipe"), h("pre", { class: "text", tabindex: "0" }, run.recipe)) : null,
  );
  return drawn;
}

function tiles(run, curve) {
  const last = curve.loss.at(-1);
  const [name, score] = Object.entries(run.scores)[0] ?? [];
  const told = [
    score && [percent(score.passed / score.total), `full-pass@1, ${name} (${percent(score.low, 0)} to ${percent(score.high, 0)})`],
    last && [last.loss.toPrecision(3), "loss, nats a token"],
    last?.tokens && [`${(last.tokens / 1e6).toFixed(1)} M`, `tokens${last.tokens_per_second ? ` · ${Math.round(last.tokens_per_second).toLocaleString("en")} a second` : ""}`],
    run.seconds && [duration(run.seconds), "to build everything"],
    run.peak_memory_bytes > 0 && [bytes(run.peak_memory_bytes), "of memory at most"],
  ].filter(Boolean);
  return told.length ? h("ul", { class: "tiles" }, told.map(([value, text]) => h("li", {}, h("b", {}, value), h("span", { class: "quiet" }, text)))) : null;
}

function curves(curve) {
  const millions = (rows) => rows.map((row) => row.tokens / 1e6);
  const [loss, passes] = [curve.loss, curve.fullpass];
  const drawn = { elements: [], loss: null, grow() {} };
  if (loss.length > 1) {
    const rows = (points) => [points.map((row) => row.loss), smoothed(points.map((row) => row.loss))];
    const [raw, smooth] = rows(loss);
    drawn.loss = lineChart({ title: "Loss", summary: `from ${loss[0].loss.toPrecision(3)} to ${loss.at(-1).loss.toPrecision(3)} nats a token of the answer`, x: millions(loss), unit: "M", log: raw.every((one) => one > 0), format: (value) => Number(value).toPrecision(2), series: [{ name: "a step", values: raw, tone: "faint", width: 0.75 }, { name: "smoothed", values: smooth, tone: "accent", width: 2 }] });
    drawn.grow = (grown) => drawn.loss.feed(millions(grown.loss), rows(grown.loss));
    drawn.elements.push(drawn.loss);
  }
  if (passes.length > 1) {
    const share = passes.map((row) => (100 * row.passed) / row.total);
    drawn.elements.push(lineChart({ title: "Full-pass on the dev slice", summary: `${share.at(-1).toFixed(0)} % of ${passes.at(-1).total}, between ${percent(passes.at(-1).low, 0)} and ${percent(passes.at(-1).high, 0)}`, x: millions(passes), unit: "M", range: [0, 100], format: (value) => `${Number(value).toFixed(0)} %`, series: [{ name: "at most", values: passes.map((row) => 100 * row.high), band: true, width: 0 }, { name: "at least", values: passes.map((row) => 100 * row.low), width: 0 }, { name: "passed", values: share, tone: "accent", width: 2, points: true }] }));
  }
  return drawn;
}

function flow(one) {
  const dropped = Object.entries(one.dropped).sort((a, b) => b[1] - a[1]);
  const lost = one.came - one.kept;
  const row = (reason, count) => h("li", {}, h("span", { class: "cut", title: reason }, reason), h("span", { class: "thin", "aria-hidden": "true", vars: { share: count / Math.max(1, dropped[0][1]) } }), h("span", { class: "number" }, count.toLocaleString("en")));
  return h(
    "div",
    { class: "flow" },
    h("div", { class: "row" }, h("b", {}, one.stage), h("span", { class: "quiet" }, `${one.came.toLocaleString("en")} came, ${one.kept.toLocaleString("en")} stayed${lost ? `, ${lost.toLocaleString("en")} left` : ""}`)),
    h("div", { class: "water", "aria-hidden": "true", vars: { share: one.came ? one.kept / one.came : 0 } }),
    dropped.length ? h("ul", { class: "reasons" }, dropped.slice(0, REASONS_SHOWN).map(([reason, count]) => row(reason, count))) : null,
    dropped.length > REASONS_SHOWN ? h("details", {}, h("summary", {}, `${dropped.length - REASONS_SHOWN} rarer reasons`), h("ul", { class: "reasons" }, dropped.slice(REASONS_SHOWN).map(([reason, count]) => row(reason, count)))) : null,
  );
}

function suites(run) {
  const known = Object.entries(run.suites);
  if (!known.length) return null;
  return [h("h3", {}, "Full-pass@1"), h("p", { class: "lead" }, "The first answer, decoded greedily, passes every check and does all that was asked. Bands are Wilson's 95 % intervals."), h("div", { class: "pair" }, known.map(([name, suite]) => card(name, suite)))];
}

function card(name, suite) {
  if (!suite.total) return h("section", { class: "sheet" }, h("h4", {}, name), h("p", { class: "quiet" }, `Not measured: ${suite.skipped || "it gave no questions"}.`));
  const kinds = Object.entries(suite.by_kind).sort((a, b) => b[1].total - a[1].total);
  const failed = Object.entries(suite.failed_on).sort((a, b) => b[1] - a[1]);
  return h(
    "section",
    { class: "sheet" },
    h("h4", {}, name),
    scoreRow("free", suite, { class: "strong" }),
    suite.constrained ? scoreRow("under the grammar", suite.constrained, { class: "strong" }) : null,
    failed.length ? h("p", { class: "row" }, failed.map(([tier, count]) => pill(`${count} failed on ${tier}`))) : null,
    kinds.length > 1 ? h("details", { open: true }, h("summary", {}, "By kind"), kinds.slice(0, KINDS_SHOWN).map(([kind, score]) => scoreRow(kind, score))) : null,
    kinds.length > KINDS_SHOWN ? h("details", {}, h("summary", {}, `${kinds.length - KINDS_SHOWN} rarer kinds`), kinds.slice(KINDS_SHOWN).map(([kind, score]) => scoreRow(kind, score))) : null,
  );
}

function stages(run) {
  if (!run.stages.length) return null;
  const longest = Math.max(...run.stages.map((stage) => stage.seconds ?? 0), 0.001);
  const first = run.stages.findIndex((stage) => stage.seconds === null);
  const told = (stage, place) => (stage.seconds !== null ? duration(stage.seconds) : run.state === "going" && place === first ? "under way" : "not yet");
  const rows = run.stages.map((stage, place) => h("tr", {}, h("th", { scope: "row" }, stage.name), h("td", { class: "wide-only" }, h("span", { class: "thin", "aria-hidden": "true", vars: { share: (stage.seconds ?? 0) / longest } })), h("td", { class: "number" }, told(stage, place)), h("td", { class: "number" }, stage.peak_memory_bytes ? bytes(stage.peak_memory_bytes) : ""), h("td", {}, h("code", {}, stage.artifact), stage.reused ? [" ", pill("found built")] : null)));
  return [h("h3", {}, "Time and memory"), h("div", { class: "sheet scroll", tabindex: "0", role: "region", "aria-label": "Stages" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "stage"), h("th", { class: "wide-only" }), h("th", { scope: "col", class: "number" }, "time"), h("th", { scope: "col", class: "number" }, "peak"), h("th", { scope: "col" }, "artifact"))), h("tbody", {}, rows)), run.cpu ? h("p", { class: "quiet" }, run.cpu) : null)];
}

function judged(one) {
  const inside = h("div", { class: "inside" });
  return h(
    "details",
    { class: "sheet judged", ontoggle: (event) => event.target.open && !inside.childElementCount && fill(inside, h("pre", { class: "text wrap" }, one.request), h("div", { class: "pair" }, h("div", {}, h("h4", {}, "Answered"), codeView(one.answer, "Answered", [])), one.expected ? h("div", {}, h("h4", {}, "One right answer"), codeView(one.expected, "One right answer")) : null), one.findings.length ? findingList(one.findings) : null) },
    h("summary", {}, pill(one.passed ? "passed" : one.failed_on, one.passed ? "good" : "bad"), h("span", { class: "cut" }, one.request), h("span", { class: "quiet" }, `${one.suite} · ${one.kind}`)),
    inside,
  );
}
