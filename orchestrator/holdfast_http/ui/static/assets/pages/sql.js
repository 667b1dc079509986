// SQL over everything there is: read-only, bounded, with the tables to look things up in.

import { api } from "../api.js";
import { fill, h } from "../dom.js";
import { invocationLink, span } from "../format.js";

const EXAMPLES = {
  "What is stuck, and why": "SELECT id, target, status, why\nFROM sys_invocation\nWHERE status IN ('paused', 'backing-off', 'suspended', 'pending')\nORDER BY created_at LIMIT 100",
  "By service and status": "SELECT target_service_name AS service, status, COUNT(*) AS count\nFROM sys_invocation\nGROUP BY target_service_name, status\nORDER BY service, count DESC",
  "Longest queues": "SELECT service_name, service_key, COUNT(*) AS waiting\nFROM sys_inbox\nGROUP BY service_name, service_key\nORDER BY waiting DESC LIMIT 20",
  "State": "SELECT service_name, service_key, key, value_utf8\nFROM state LIMIT 100",
};
const SHOWN_MAX = 1000;

export async function sql(page, { query }) {
  const remembered = () => { try { return sessionStorage.getItem("holdfast-sql"); } catch { return null; } };
  const text = h("textarea", { rows: "7", spellcheck: "false", "aria-label": "SQL query", "data-search": "" });
  text.value = query.get("query") ?? remembered() ?? EXAMPLES["What is stuck, and why"];
  const result = h("section", { class: "panel flush", "aria-label": "Result", "aria-live": "polite" });
  const tables = h("div", { class: "stack small" });

  async function run() {
    try { sessionStorage.setItem("holdfast-sql", text.value); } catch { /* a private window forgets it */ }
    const started = performance.now();
    fill(result, h("p", { class: "empty" }, "Running…"));
    try {
      const rows = await api.sql(text.value);
      fill(result, resultOf(rows, performance.now() - started));
    } catch (error) {
      fill(result, h("div", { class: "banner bad", role: "alert" }, error.message));
    }
  }
  text.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); } });
  fill(page, h("h1", {}, "SQL"),
    h("div", { class: "panel stack" }, text,
      h("div", { class: "row" }, h("button", { class: "primary", type: "button", id: "run", onclick: run }, "Run"), h("span", { class: "dim small" }, h("kbd", {}, "Ctrl Enter")),
        Object.entries(EXAMPLES).map(([name, example]) => h("button", { type: "button", class: "chip", onclick: () => { text.value = example; run(); } }, name))),
      h("details", {}, h("summary", { class: "small" }, "Tables and columns"), tables)),
    result);
  page.querySelector("details").addEventListener("toggle", () => describe(tables), { once: true });
}

async function describe(tables) {
  try {
    const rows = await api.sql("SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name");
    const columns = {};
    for (const row of rows) (columns[row.table_name] ??= []).push(row.column_name);
    fill(tables, Object.entries(columns).map(([name, each]) => h("div", {}, h("strong", { class: "mono" }, name), h("span", { class: "dim mono" }, ` ${each.join(", ")}`))));
  } catch (error) {
    fill(tables, error.message);
  }
}

function resultOf(rows, tookMs) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const save = URL.createObjectURL(new Blob([JSON.stringify(rows, null, 2)], { type: "application/json" }));
  const note = h("div", { class: "row small dim", style: { padding: "8px 12px" } }, `${rows.length.toLocaleString()} row${rows.length === 1 ? "" : "s"} in ${span(tookMs)}${rows.length > SHOWN_MAX ? `, the first ${SHOWN_MAX} shown` : ""}`, h("a", { href: save, download: "query.json" }, "download"));
  if (!rows.length) return note;
  return [note, h("div", { style: { overflow: "auto", "max-height": "60vh" }, tabindex: "0", role: "region", "aria-label": "Rows" }, h("table", { "aria-label": "Result" },
    h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.slice(0, SHOWN_MAX).map((row) => h("tr", {}, names.map((name) => h("td", { class: "mono" }, cell(row[name]))))))))];
}

function cell(value) {
  if (value === undefined || value === null) return h("span", { class: "dim" }, "null");
  if (typeof value === "string" && /^inv_1[0-9A-Za-z]{33}$/.test(value)) return invocationLink(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
