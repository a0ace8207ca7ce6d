"use strict";
(() => {
  const root = document.documentElement;
  const form = document.getElementById("filter");
  const checks = [...document.querySelectorAll("details.check")];
  const sections = [...document.querySelectorAll("section.area")];
  const shown = document.getElementById("shown");
  const all = shown.textContent;
  const nothing = document.getElementById("nothing");
  const names = ["area", "level", "class"];
  const haystacks = new Map();
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

  // The filter. Its state is the fragment: "#?area=oauth&verdict=fail&text=…"; "#id" leads to one check.
  const haystack = (check) => {
    if (!haystacks.has(check)) haystacks.set(check, check.textContent.toLowerCase());
    return haystacks.get(check);
  };
  const wanted = () => {
    const data = new FormData(form);
    const terms = data.get("text").toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = data.getAll("verdict");
    return (check) => names.every((name) => !data.get(name) || check.dataset[name] === data.get(name))
      && (!verdicts.length || verdicts.includes(check.dataset.verdict))
      && terms.every((term) => haystack(check).includes(term));
  };
  const size = (list) => list.reduce((sum, check) => sum + Number(check.dataset.count ?? 1), 0);
  const visible = () => checks.filter((check) => !check.hidden);
  const apply = () => {
    const matches = wanted();
    for (const check of checks) check.hidden = !matches(check);
    for (const section of sections) {
      const inside = [...section.querySelectorAll("details.check")];
      const left = inside.filter((check) => !check.hidden);
      section.hidden = !left.length;
      section.querySelector(".count").textContent = left.length === inside.length ? size(inside) : `${size(left)} of ${size(inside)}`;
      for (const check of inside) check.classList.toggle("first", check === left[0]);
    }
    const left = visible();
    shown.textContent = left.length === checks.length ? all : `${size(left)} of ${all}`;
    nothing.hidden = left.length > 0;
  };
  const state = () => {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) query.append(name, value);
    return query;
  };
  const remember = (check) => {
    const query = state();
    const filtered = query.toString();
    if (check && filtered) query.append("check", check.id);
    const fragment = check && !filtered ? `#${encodeURI(check.id)}` : query.toString() ? `#?${query}` : " ";
    history.replaceState(null, "", fragment === " " ? location.href.split("#")[0] : fragment);
  };
  const fill = (query) => {
    form.elements.text.value = query.get("text") ?? "";
    for (const name of names) form.elements[name].value = query.get(name) ?? "";
    for (const box of form.querySelectorAll("[name=verdict]")) box.checked = query.getAll("verdict").includes(box.value);
    apply();
  };
  const reveal = (id) => {
    const check = checks.find((each) => each.id === id) ?? document.getElementById(id)?.closest("details.check");
    if (!check) {
      const promise = document.getElementById(id)?.closest("details.promise");
      if (promise) promise.open = true;
      return;
    }
    if (check.hidden) fill(new URLSearchParams());
    check.open = true;
    check.scrollIntoView({ block: "start", behavior: "instant" });
    check.querySelector("summary").focus({ preventScroll: true });
  };
  const decoded = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
  const follow = () => {
    const fragment = location.hash.slice(1);
    if (!fragment.startsWith("?")) return reveal(decoded(fragment));
    const query = new URLSearchParams(fragment.slice(1));
    fill(query);
    if (query.has("check")) return reveal(query.get("check"));
    document.getElementById("checks").scrollIntoView({ behavior: "instant" });
  };
  form.addEventListener("input", () => { apply(); remember(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  const clear = () => { fill(new URLSearchParams()); remember(); };
  form.addEventListener("reset", (event) => { event.preventDefault(); clear(); });
  nothing.querySelector(".clear").addEventListener("click", clear);
  addEventListener("hashchange", follow);
  for (const check of checks) {
    check.querySelector("summary").addEventListener("click", () => remember(check.open ? null : check));
  }

  // Keys: "/" to the filter, j and k (arrows, once on a check) from check to check; Enter is the browser's own.
  const move = (step) => {
    const list = visible();
    const here = list.indexOf(document.activeElement?.closest?.("details.check"));
    const next = list[here < 0 ? 0 : Math.min(list.length - 1, Math.max(0, here + step))];
    next?.querySelector("summary").focus({ preventScroll: true });
    next?.querySelector("summary").scrollIntoView({ block: "nearest", behavior: "instant" });
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input[type=search], select, textarea");
    const onCheck = event.target.matches("details.check > summary");
    if (event.key === "Escape" && typing) event.target.blur();
    else if (typing && event.key === "Enter") move(1);
    else if (typing) return;
    else if (event.key === "/") form.elements.text.focus();
    else if (event.key === "j" || (onCheck && event.key === "ArrowDown")) move(1);
    else if (event.key === "k" || (onCheck && event.key === "ArrowUp")) move(-1);
    else return;
    event.preventDefault();
  });

  // Copying: what the reader sees is what is copied.
  const byHand = (code) => {
    getSelection().selectAllChildren(code);
    return document.execCommand("copy");
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    const code = button.closest("figure").querySelector("code");
    let copied = true;
    try { await navigator.clipboard.writeText(code.textContent); } catch { copied = byHand(code); }
    button.textContent = copied ? "Copied" : "Select it";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });

  // Paper shows what failed or was not judged in full, the rest as lines.
  let opened = [];
  addEventListener("beforeprint", () => {
    const promises = [...document.querySelectorAll("details.promise.fail")].filter((promise) => !promise.open);
    opened = [...promises, ...visible().filter((check) => !check.open && ["fail", "error", "inconclusive", "waived"].includes(check.dataset.verdict))];
    for (const check of opened) check.open = true;
  });
  addEventListener("afterprint", () => { for (const check of opened) check.open = false; });

  apply();
  // After the browser's own jump to the fragment, which would take the focus away again.
  if (location.hash) addEventListener("load", () => setTimeout(follow));
})();
