// Texts that one view gives to another.

const given = new Map();

/** Leave a text for a view, and go there. */
export function hand(view, text) {
  given.set(view, text);
  location.hash = `#/${view}`;
}

/** Take what was left for a view; undefined where nothing was. */
export function taken(view) {
  const text = given.get(view);
  given.delete(view);
  return text;
}
