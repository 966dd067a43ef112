// Colours YAML line by line: enough to read by, not a parser. A line becomes [class, text] pairs that together are the line.

const KEY = /^(\s*(?:- +)*)((?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#:"'{}[\],&*!|>%@`-][^#:]*?|[^\s#:"'{}[\],&*!|>%@`]+?)\s*)(:)(?=\s|$)/;
const VALUE = [
  ["comment", /^(?:^|\s+)#.*$/],
  ["text", /^\s*"(?:[^"\\]|\\.)*"/],
  ["text", /^\s*'(?:[^']|'')*'/],
  ["anchor", /^\s*[&*!][^\s,\]}]*/],
  ["number", /^\s*[-+]?(?:0x[\da-fA-F]+|\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?)(?=[\s,\]}]|$)/],
  ["word", /^\s*(?:true|false|null|yes|no|on|off|~)(?=[\s,\]}]|$)/i],
  ["mark", /^\s*[{}[\],]/],
  ["mark", /^\s*[|>][-+\d]*(?=\s|$)/],
];

/** Return the lines of a text, each a list of [class, text]; the class may be "". */
export function colour(text) {
  let block = -1; // indentation of the key whose block scalar goes on, -1 outside of one
  return text.split("\n").map((line) => {
    const indent = line.search(/\S/);
    if (block >= 0 && (indent < 0 || indent > block)) return [["text", line]];
    block = -1;
    if (/^(?:---|\.\.\.)(?:\s|$)/.test(line)) return [["mark", line]];
    const found = pieces(line);
    if (/[:-]\s+[|>][-+\d]*\s*(?:#.*)?$/.test(line)) block = indent;
    return found;
  });
}

function pieces(line) {
  const found = [];
  let rest = line;
  const key = KEY.exec(line);
  if (key) {
    found.push(["mark", key[1]], ["key", key[2]], ["mark", key[3]]);
    rest = line.slice(key[0].length);
  } else {
    const dash = /^\s*(?:- +)*-?(?=\s|$)\s*/.exec(line);
    if (dash?.[0].includes("-")) {
      found.push(["mark", dash[0]]);
      rest = line.slice(dash[0].length);
    }
  }
  return [...found, ...values(rest)].filter(([, text]) => text);
}

function values(text) {
  const found = [];
  let rest = text;
  while (rest) {
    const hit = VALUE.map(([name, pattern]) => [name, pattern.exec(rest)?.[0]]).find(([, one]) => one);
    const plain = hit ? hit[1] : (/^\s*[^\s,\]}]+|^\s+|^./.exec(rest)?.[0] ?? rest);
    found.push([hit ? hit[0] : "", plain]);
    rest = rest.slice(plain.length);
  }
  return found;
}
