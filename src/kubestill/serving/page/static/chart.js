// Curves, drawn by uPlot (vendor/), in the colours of the theme, and said in words for those who do not see them.

import { h } from "./dom.js";
import uPlot from "./vendor/uplot.js";

const HEIGHT = 220;

function ink(name) {
  const probe = h("i", { class: `ink-${name}` });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Return a figure that draws itself again when its width or the theme changes. `series`: [{ name, values, tone, width, points, band }]. */
export function lineChart({ title, summary, x, unit, series, log = false, range, format = String }) {
  const place = h("div", { class: "plot", role: "img", "aria-label": `${title}. ${summary}` });
  const figure = h("figure", { class: "chart" }, h("figcaption", {}, h("b", {}, title), " ", h("span", { class: "quiet" }, summary)), place);
  let plot = null;
  const draw = () => {
    const width = Math.floor(place.clientWidth);
    if (!width || !place.isConnected) return;
    plot?.destroy();
    plot = new uPlot(options({ width, x, unit, series, log, range, format }), [x, ...series.map((one) => one.values)], place);
  };
  const watcher = new ResizeObserver(() => (plot ? Math.floor(place.clientWidth) && plot.setSize({ width: Math.floor(place.clientWidth), height: HEIGHT }) : draw()));
  watcher.observe(place);
  const again = () => (figure.isConnected ? draw() : window.removeEventListener("themechange", again));
  window.addEventListener("themechange", again);
  figure.feed = (points, rows) => plot?.setData([points, ...rows]);
  return figure;
}

function options({ width, unit, series, log, range, format }) {
  const [faint, line] = [ink("faint"), ink("line")];
  const font = "11px system-ui, sans-serif";
  const axis = { stroke: faint, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 }, font };
  const bands = series.flatMap((one, place) => (one.band ? [{ series: [place + 1, place + 2], fill: ink("band") }] : []));
  return {
    width,
    height: HEIGHT,
    padding: [8, 22, 0, 0],
    legend: { live: true },
    cursor: { y: false, points: { size: 6 } },
    scales: { x: { time: false }, y: { distr: log ? 3 : 1, ...(range ? { range } : {}) } },
    axes: [
      { ...axis, size: 34, values: (_, marks) => marks.map((mark) => `${mark} ${unit}`) },
      { ...axis, size: 52, values: (_, marks) => marks.map((mark) => (mark === null ? "" : format(mark))) },
    ],
    series: [
      { label: "tokens", value: (_, value) => (value === null || value === undefined ? "–" : `${value.toFixed(2)} ${unit}`) },
      ...series.map((one) => ({
        label: one.name,
        stroke: one.tone ? ink(one.tone) : "transparent",
        width: one.width ?? 1.5,
        points: { show: one.points ?? false, size: 6 },
        value: (_, value) => (value === null || value === undefined ? "–" : format(value)),
      })),
    ],
    bands,
  };
}

/** Return values with most of their noise taken out: an exponential mean, corrected at its beginning (as Adam's moments are). */
export function smoothed(values, keep = 0.9) {
  let [mean, weight] = [0, 0];
  return values.map((value) => {
    mean = keep * mean + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return mean / weight;
  });
}
