"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripting");

  // Themes: the system's, until the reader chooses; some browsers keep no storage for files.
  const stored = () => { try { return localStorage.getItem("conformance-theme"); } catch { return null; } };
  const store = (theme) => { try { localStorage.setItem("conformance-theme", theme); } catch { /* only for this visit then */ } };
  if (["light", "dark"].includes(stored())) root.dataset.theme = stored();
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    store(root.dataset.theme);
  });

  // Rows that hold every word, and only those marked where the box is ticked.
  const form = document.getElementById("filter");
  if (!form) return;
  const text = document.getElementById("text");
  const differing = document.getElementById("differing");
  const shown = document.getElementById("shown");
  const all = shown.textContent;
  const rows = [...document.querySelectorAll("table.matrix tbody tr")];
  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const said = row.textContent.toLowerCase();
      row.hidden = (differing.checked && !row.classList.contains("differs")) || !words.every((word) => said.includes(word));
    }
    const left = rows.filter((row) => !row.hidden).length;
    shown.textContent = left === rows.length ? all : `${left} of ${rows.length}`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea, select");
    if (event.key === "/" && !typing) { event.preventDefault(); text.focus(); }
    if (event.key === "Escape" && event.target === text) { text.value = ""; apply(); text.blur(); }
  });
  apply();
})();
