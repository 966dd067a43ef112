// What differs between two texts, line by line.

const MOST = 4_000_000; // cells of the table: beyond that the middle is told as replaced

/** Return [mark, line] pairs, the mark being " ", "-" or "+". */
export function difference(before, after) {
  const [a, b] = [before, after].map((text) => text.replace(/\n$/, "").split("\n"));
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const same = (lines) => lines.map((line) => [" ", line]);
  const middle = between(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  return [...same(a.slice(0, head)), ...middle, ...same(a.slice(a.length - tail))];
}

function between(a, b) {
  const removed = (lines) => lines.map((line) => ["-", line]);
  const added = (lines) => lines.map((line) => ["+", line]);
  if (a.length * b.length > MOST) return [...removed(a), ...added(b)];
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width); // of the common subsequence of what follows
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i * width + j] =
        a[i] === b[j] ? longest[(i + 1) * width + j + 1] + 1 : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
  const found = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) found.push([" ", a[i++]]) && j++;
    else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) found.push(["-", a[i++]]);
    else found.push(["+", b[j++]]);
  }
  return [...found, ...removed(a.slice(i)), ...added(b.slice(j))];
}
