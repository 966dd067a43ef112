// The part of Markdown that model cards use, as elements: headings, paragraphs, lists, tables, code. Links are told, not followed.

import { h } from "./dom.js";

/** Return the elements of a text. */
export function markdown(text) {
  const lines = text.replace(/^---\n[^]*?\n---\n/, "").split("\n");
  const found = [];
  let place = 0;
  const take = (test) => {
    const taken = [];
    while (place < lines.length && test(lines[place])) taken.push(lines[place++]);
    return taken;
  };
  while (place < lines.length) {
    const line = lines[place];
    const heading = /^(#{1,4}) +(.*)$/.exec(line);
    if (heading) {
      place++;
      found.push(h(`h${Math.min(6, heading[1].length + 3)}`, {}, inline(heading[2])));
    } else if (line.startsWith("```")) {
      place++;
      const code = take((one) => !one.startsWith("```"));
      place++;
      found.push(h("pre", { class: "text", tabindex: "0" }, code.join("\n")));
    } else if (line.startsWith("|")) found.push(table(take((one) => one.startsWith("|"))));
    else if (/^[-*] /.test(line)) found.push(h("ul", {}, take((one) => /^[-*] /.test(one)).map((one) => h("li", {}, inline(one.slice(2))))));
    else if (line.trim()) found.push(h("p", {}, inline(take((one) => one.trim() && !/^(#{1,4} |```|\||[-*] )/.test(one)).join(" "))));
    else place++;
  }
  return found;
}

function table(rows) {
  const cells = rows.map((row) => row.replace(/^\||\|\s*$/g, "").split("|").map((cell) => cell.trim()));
  const [head, ...rest] = cells;
  const body = rest.filter((row) => !row.every((cell) => /^:?-+:?$/.test(cell)));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" }, h("table", {}, h("thead", {}, h("tr", {}, head.map((cell) => h("th", { scope: "col" }, inline(cell))))), h("tbody", {}, body.map((row) => h("tr", {}, row.map((cell) => h("td", {}, inline(cell))))))));
}

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (/^`[^`]+`$/.test(part)) return h("code", {}, part.slice(1, -1));
    if (/^\*\*[^*]+\*\*$/.test(part)) return h("strong", {}, part.slice(2, -2));
    return part.replace(/\[([^\]]*)\]\(([^)]*)\)/g, "$1 ($2)");
  });
}
