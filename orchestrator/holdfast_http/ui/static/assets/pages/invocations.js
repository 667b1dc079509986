// Invocations: found by what they are, followed live, and acted on many at a time.

import { VERBS, allowed, batch, title } from "../actions.js";
import { api } from "../api.js";
import { fill, h, link, select, toast } from "../dom.js";
import { STATUSES, invocationLink, linked, shortId, statusBadge, time, took } from "../format.js";
import { live } from "../live.js";
import { WindowedTable } from "../windowed.js";

const PAGE = 100;
const SELECT_MAX = 10_000;
const FILTERS = ["service", "handler", "key", "status"];

export async function invocations(page, { query, signal, go }) {
  page.classList.add("full");
  const filter = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
  const services = await api.services();
  const chosen = new Map();
  let next;
  const status = h("span", { class: "dim small", role: "status" });
  const actions = h("div", { class: "row" });
  const isLive = h("input", { type: "checkbox", checked: true });
  const table = new WindowedTable({ label: "Invocations", columns: columns(chosen, () => changed()), more, open: (row) => go(`/ui/invocations/${row.id}`), toggle: (row) => { toggle(chosen, row); changed(); }, keyOf: (row) => row.id });

  function changed() {
    table.draw();
    drawActions();
  }
  function drawActions() {
    const ids = [...chosen.keys()];
    const states = [...chosen.values()];
    fill(actions, h("button", { type: "button", onclick: selectAll }, "Select all that match"),
      ids.length > 0 && [h("button", { type: "button", onclick: () => { chosen.clear(); changed(); } }, `Clear selection (${ids.length})`),
        VERBS.filter((verb) => states.some((each) => allowed(verb, each))).map((verb) => h("button", { type: "button", "data-batch": verb, onclick: () => batch(verb, ids, () => { chosen.clear(); changed(); refresh(); }) }, title(verb)))]);
  }
  async function more() {
    const after = next;
    const answer = await api.invocations({ ...filter, limit: PAGE, why: true, after });
    if (signal.aborted) return;
    next = answer.next;
    const known = new Set(table.rows.map((row) => row.id));
    table.set([...table.rows, ...answer.invocations.filter((row) => !known.has(row.id))], Boolean(next));
    say(answer.is_whole);
  }
  function say(isWhole) {
    const count = table.rows.length.toLocaleString();
    status.textContent = `${count}${table.hasMore ? "+" : ""} shown${isWhole ? "" : "; this store lists only what has not ended"}`;
  }
  async function selectAll() {
    let after;
    do {
      const answer = await api.invocations({ ...filter, limit: 1000, after });
      for (const row of answer.invocations) if (chosen.size < SELECT_MAX) chosen.set(row.id, row.status);
      after = answer.next;
      status.textContent = `${chosen.size.toLocaleString()} selected…`;
    } while (after && chosen.size < SELECT_MAX && !signal.aborted);
    if (after) toast(`The first ${SELECT_MAX.toLocaleString()} are selected.`);
    say(true);
    changed();
  }
  // New ones come on top, and those in sight are looked at again.
  async function refresh() {
    const [first, end] = table.visible();
    const inSight = table.rows.slice(first, end).filter((row) => row.status !== "completed").slice(0, 60);
    const [newest, again] = await Promise.all([
      api.invocations({ ...filter, limit: PAGE, why: true }), inSight.length ? api.invocations({ ids: inSight.map((row) => row.id).join(","), why: true }) : { invocations: [] }]);
    if (signal.aborted) return;
    const byId = new Map([...again.invocations, ...newest.invocations].map((row) => [row.id, row]));
    const known = new Set(table.rows.map((row) => row.id));
    const fresh = newest.invocations.filter((row) => !known.has(row.id));
    const gone = new Set(inSight.map((row) => row.id).filter((id) => !byId.has(id)));
    table.set([...fresh, ...table.rows.filter((row) => !gone.has(row.id)).map((row) => byId.get(row.id) ?? row)], table.hasMore);
    say(newest.is_whole);
  }

  fill(page,
    h("div", { class: "head" }, h("h1", {}, "Invocations"), h("span", { class: "grow" }, status), h("label", { class: "check small" }, isLive, "live"), actions),
    filters(filter, services, go), h("div", { class: "panel flush stack", style: { flex: "1", "min-height": "240px" } }, table.element));
  drawActions();
  await table.load();
  if (!table.rows.length && !table.hasMore) fill(table.element, h("p", { class: "empty" }, "No invocation matches. ", link("/ui/playground", "Call a handler")));
  live(async () => { if (isLive.checked && table.rows.length) await refresh(); else if (isLive.checked && !next) await reopen(); }, 2000, signal);
  async function reopen() {
    const answer = await api.invocations({ ...filter, limit: 1 });
    if (answer.invocations.length && !signal.aborted) go(location.pathname + location.search, { replace: true });
  }
}

function toggle(chosen, row) {
  if (!chosen.delete(row.id)) chosen.set(row.id, row.status);
}

function columns(chosen, changed) {
  return [
    { title: h("span", { class: "visually-hidden" }, "Selected"), width: "42px", cell: (row) => h("input", { type: "checkbox", "data-focus": `c-${row.id}`, "aria-label": `Select ${row.target} ${row.id}`, checked: chosen.has(row.id), onchange: () => { toggle(chosen, row); changed(); } }) },
    { title: "Status", width: "112px", cell: statusBadge },
    { title: "Target", width: "25%", cell: (row) => h("a", { href: `/ui/invocations/${row.id}`, "data-focus": `t-${row.id}`, title: row.target }, row.target) },
    { title: "Invocation", width: "150px", cell: (row) => h("span", { title: row.id }, invocationLink(row.id, shortId(row.id))) },
    { title: "Created", width: "110px", cell: (row) => time(row.created_at) },
    { title: "Took", width: "100px", cell: took },
    { title: "Outcome, or why it waits", cell: (row) => h("span", { title: said(row) }, linked(said(row))) },
  ];
}

function said(row) {
  if (row.outcome) return row.outcome.result === "failure" ? `[${row.outcome.failure.code}] ${row.outcome.failure.message}` : row.outcome.value ?? "";
  return row.why ?? "";
}

function filters(filter, services, go) {
  const apply = () => go(`/ui/invocations${asQuery(filter)}`);
  const handlers = services.find((service) => service.name === filter.service)?.handlers ?? [];
  const statuses = new Set(filter.status.split(",").filter(Boolean));
  const chips = STATUSES.map((status) => h("button", { type: "button", class: "chip", "aria-pressed": String(statuses.has(status)), onclick: () => {
    if (!statuses.delete(status)) statuses.add(status);
    filter.status = [...statuses].join(",");
    apply();
  } }, status));
  const id = h("input", { type: "search", "data-search": "", placeholder: "inv_… or a key  /", "aria-label": "Id of an invocation, or a key", value: filter.key });
  const find = (event) => {
    event.preventDefault();
    const text = id.value.trim();
    if (text.startsWith("inv_1")) return go(`/ui/invocations/${text}`);
    filter.key = text;
    apply();
  };
  return h("div", { class: "row" }, h("form", { role: "search", onsubmit: find }, id),
    select([["", "all services"], ...services.map((service) => service.name)], filter.service, (value) => { filter.service = value; filter.handler = ""; apply(); }, { "aria-label": "Service" }),
    select([["", "all handlers"], ...handlers.map((handler) => handler.name)], filter.handler, (value) => { filter.handler = value; apply(); }, { "aria-label": "Handler", disabled: !filter.service }),
    h("div", { class: "row", role: "group", "aria-label": "Status" }, chips));
}

function asQuery(filter) {
  const parts = new URLSearchParams(Object.entries(filter).filter(([, value]) => value));
  return parts.size ? `?${parts}` : "";
}
