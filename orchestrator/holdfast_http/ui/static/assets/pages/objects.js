// Keys of virtual objects and workflows: who holds each, and how many wait.

import { api } from "../api.js";
import { fill, h, link, select } from "../dom.js";
import { invocationLink, keyPath, shortId } from "../format.js";
import { WindowedTable } from "../windowed.js";

const PAGE = 200;

export async function objects(page, { query, signal, go }) {
  page.classList.add("full");
  const services = (await api.services()).filter((service) => service.ty !== "Service");
  const filter = { service: query.get("service") ?? "", key: query.get("key") ?? "" };
  const key = h("input", { type: "search", "data-search": "", placeholder: "a key  /", "aria-label": "Key", value: filter.key });
  const apply = () => go(`/ui/objects?${new URLSearchParams(Object.entries(filter).filter(([, value]) => value))}`);
  let next;
  const table = new WindowedTable({ label: "Keys", columns: COLUMNS, more, open: (row) => go(pathOf(row)), keyOf: (row) => `${row.service}/${row.key}` });
  async function more() {
    const answer = await api.keys({ ...filter, limit: PAGE, after: next });
    if (signal.aborted) return;
    next = answer.next;
    table.set([...table.rows, ...answer.keys], Boolean(next));
  }
  fill(page, h("div", { class: "head" }, h("h1", { class: "grow" }, "State & queues"),
    h("form", { class: "row", role: "search", onsubmit: (event) => { event.preventDefault(); filter.key = key.value.trim(); apply(); } },
      select([["", "all objects and workflows"], ...services.map((service) => service.name)], filter.service, (value) => { filter.service = value; apply(); }, { "aria-label": "Service" }), key)),
    h("div", { class: "panel flush stack", style: { flex: "1", "min-height": "240px" } }, table.element));
  await table.load();
  if (!table.rows.length) fill(table.element, h("p", { class: "empty" }, "No key was used yet."));
}

function pathOf(row) {
  return keyPath(row.service, row.key) + (row.scope ? `?${new URLSearchParams({ scope: row.scope })}` : "");
}

const COLUMNS = [
  { title: "Service", width: "24%", cell: (row) => row.service },
  { title: "Key", cell: (row) => link(pathOf(row), row.key || "(empty)") },
  { title: "Scope", width: "12%", cell: (row) => row.scope ?? "" },
  { title: "Held by", width: "190px", cell: (row) => (row.holder ? invocationLink(row.holder, shortId(row.holder)) : h("span", { class: "dim" }, "free")) },
  { title: "Waiting", width: "100px", cell: (row) => String(row.waiting) },
];
