// Which page an address shows, the frame around it, and the keys that work everywhere.

import { api } from "./api.js";
import { ask, fill, h } from "./dom.js";
import { deployments } from "./pages/deployments.js";
import { invocation } from "./pages/invocation.js";
import { invocations } from "./pages/invocations.js";
import { object } from "./pages/object.js";
import { limits } from "./pages/limits.js";
import { objects } from "./pages/objects.js";
import { overview } from "./pages/overview.js";
import { playground } from "./pages/playground.js";
import { service } from "./pages/service.js";
import { services } from "./pages/services.js";
import { sql } from "./pages/sql.js";

const PAGES = [
  ["overview", "Overview", "", overview, "o"],
  ["services", "Services", "services", services, "s"],
  ["deployments", "Deployments", "deployments", deployments, "d"],
  ["invocations", "Invocations", "invocations", invocations, "i"],
  ["objects", "State & queues", "objects", objects, "t"],
  ["limits", "Limits", "limits", limits, "l"],
  ["playground", "Playground", "playground", playground, "p"],
  ["introspection", "SQL", "introspection", sql, "q"],
];
const DEEPER = { services: service, invocations: invocation, objects: object };

const main = document.getElementById("main");
let leaving = new AbortController();

export function go(path, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  show();
}

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const [first = "", ...rest] = location.pathname.replace(/^\/ui\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
  const found = PAGES.find(([, , path]) => path === first);
  const page = rest.length && DEEPER[first] ? DEEPER[first] : found?.[3];
  for (const anchor of document.querySelectorAll("#nav a")) {
    if (anchor.dataset.page === (found?.[0] ?? "")) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
  document.title = `${[...rest, found?.[1] ?? "Nothing here"].join(" · ")} · Holdfast`;
  if (!page) {
    fill(main, h("div", { class: "empty" }, h("h1", {}, "There is no such page")));
    return;
  }
  const element = h("div", { class: "page" });
  fill(main, element);
  main.scrollTop = 0;
  try {
    await page(element, { rest, query: new URLSearchParams(location.search), signal, go });
  } catch (error) {
    if (!signal.aborted) fill(element, h("h1", {}, found?.[1] ?? ""), h("div", { class: "banner bad", role: "alert" }, error.message));
  }
}

function frame() {
  const nav = document.getElementById("nav");
  for (const [id, title, path] of PAGES) nav.append(h("a", { href: `/ui/${path}`, "data-page": id }, title));
  document.addEventListener("click", (event) => {
    const anchor = event.target.closest("a");
    const isOurs = anchor?.origin === location.origin && anchor.pathname.startsWith("/ui/") && !anchor.hasAttribute("download") && !anchor.hash;
    if (!isOurs || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(anchor.pathname + anchor.search);
  });
  addEventListener("popstate", show);
  document.getElementById("keys").addEventListener("click", help);
  theme();
  keyboard();
}

function theme() {
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("holdfast-theme"); } catch { return null; } };
  const apply = () => { document.documentElement.dataset.theme = stored() ?? (prefersDark.matches ? "dark" : "light"); };
  prefersDark.addEventListener("change", apply);
  document.getElementById("theme").addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("holdfast-theme", next); } catch { /* a private window forgets it */ }
    document.documentElement.dataset.theme = next;
  });
  apply();
}

function keyboard() {
  let isGoing = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.matches("input, textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const page = isGoing && PAGES.find(([, , , , key]) => key === event.key);
    isGoing = event.key === "g";
    if (page) go(`/ui/${page[2]}`);
    else if (event.key === "/") document.querySelector("[data-search]")?.focus();
    else if (event.key === "?") help();
    else return;
    event.preventDefault();
  });
}

function help() {
  const keys = [
    ...PAGES.map(([, title, , , key]) => [`g ${key}`, title]),
    ["/", "Search"], ["j k ↑ ↓", "Move in a list"], ["Enter", "Open"], ["x", "Select"], ["Ctrl Enter", "Run a query, call a handler"], ["?", "This list"],
  ];
  const rows = keys.map(([key, what]) => h("tr", {}, h("td", {}, h("kbd", {}, key)), h("td", {}, what)));
  ask({ title: "Keys", body: h("table", { "aria-label": "Keys" }, h("tbody", {}, rows)), confirm: "" });
}

async function health() {
  const element = document.getElementById("health");
  try {
    const { version } = await api.version();
    element.textContent = `v${version}`;
  } catch {
    element.textContent = "server unreachable";
  }
  setTimeout(health, 15_000);
}

frame();
health();
show();
