// Runs before the first paint, so that a chosen theme does not flash.
(() => {
  let chosen = "";
  try {
    chosen = localStorage.getItem("kubestill.theme") ?? "";
  } catch {
    chosen = ""; // storage is forbidden: the system's theme stays
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
