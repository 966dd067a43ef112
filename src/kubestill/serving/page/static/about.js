// What answers here: asked once, and again after it failed.

import { get } from "./api.js";
import { select } from "./dom.js";

let known = null;

/** Return { version, models, versions, kinds }. */
export function about() {
  known ??= get("page/about").catch((error) => {
    known = null;
    throw error;
  });
  return known;
}

/** Return a select of the models. */
export function modelSelect(found, given = {}) {
  return select(found.models.map((one) => [one.name, one.name]), given);
}

/** Return a select of versions of Kubernetes, the usual one first. */
export function versionSelect(found, given = {}) {
  return select(found.versions.map((version, place) => [place ? version : "", `Kubernetes ${version}`]), given);
}
