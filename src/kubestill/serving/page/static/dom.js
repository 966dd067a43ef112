// Elements out of plain values. Text becomes text nodes and nothing else, so no stranger's text can become markup.

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  ask: "M4 5h16v11H10l-6 4z",
  check: "M4 12.500l5 5L20 6.500",
  compare: "M4 5h6.500v14H4zM13.500 5H20v14h-6.500z",
  runs: "M3 20h18M4 16l5-6 4 3 7-8",
  data: "M4 6.500c0-3.300 16-3.300 16 0v11c0 3.300-16 3.300-16 0zM4 6.500c0 3.300 16 3.300 16 0M4 12c0 3.300 16 3.300 16 0",
  models: "M12 3l8 4.500v9L12 21l-8-4.500v-9zM4 7.500l8 4.500 8-4.500M12 12v9",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400",
  dark: "M20 14.500A8.500 8.500 0 1 1 9.500 4a6.800 6.800 0 0 0 10.500 10.500z",
  auto: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
};

/** Return an element: `h("p", { class: "lead", onclick }, "text", child)`. `vars` sets custom properties of its style. */
export function h(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "vars") for (const [key, one] of Object.entries(value)) element.style.setProperty(`--${key}`, one);
    else if (name === "class") element.className = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Return one of our line drawings; it says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Put children in the place of all that an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Tell those who listen to the page rather than look at it. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** Return a labelled control: the label stands above it. */
export function field(label, control, hint = "") {
  return h("label", { class: "field" }, h("span", { class: "label" }, label), control, hint && h("span", { class: "hint" }, hint));
}

/** Return a select of [value, text] pairs. */
export function select(options, given = {}) {
  return h("select", given, options.map(([value, text]) => h("option", { value }, text)));
}

/** Return a button. */
export function button(text, onclick, given = {}) {
  return h("button", { type: "button", onclick, ...given }, text);
}

/** Return a short mark with a meaning: good, bad, warn or nothing. */
export function pill(text, tone = "") {
  return h("span", { class: `pill ${tone}` }, text);
}

/** Show an error where its cause is, and say it. */
export function trouble(element, error) {
  const message = error instanceof Error ? error.message : String(error);
  fill(element, h("p", { class: "trouble", role: "alert" }, message));
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

export function percent(share, digits = 1) {
  return `${(100 * share).toFixed(digits)} %`;
}

export function bytes(count) {
  return count >= 1e9 ? `${(count / 1e9).toFixed(1)} GB` : count >= 1e6 ? `${(count / 1e6).toFixed(1)} MB` : `${Math.ceil(count / 1e3)} kB`;
}

export function duration(seconds) {
  if (seconds < 0.1) return `${(1000 * seconds).toFixed(1)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Return a function that runs once its calls have been quiet for a while. */
export function debounced(run, milliseconds) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...given), milliseconds);
  };
}
