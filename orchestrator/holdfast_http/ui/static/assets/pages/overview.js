// What is there and what needs a look: numbers by service, and what is stuck.

import { api } from "../api.js";
import { fill, h, link } from "../dom.js";
import { STATUSES, linked, statusBadge, target, time } from "../format.js";
import { live } from "../live.js";

const TROUBLE = "paused,backing-off";

export async function overview(page, { signal }) {
  const totals = h("div", { class: "cards" });
  const trouble = h("div", { class: "panel flush" });
  const cards = h("div", { class: "cards" });
  fill(page, h("div", { class: "head" }, h("h1", { class: "grow" }, "Overview"), link("/ui/playground", "Call a handler"), link("/ui/deployments", "Register a deployment")),
    totals, h("section", { "aria-labelledby": "look" }, h("h2", { id: "look" }, "Needs a look"), trouble),
    h("section", { "aria-labelledby": "services" }, h("h2", { id: "services" }, "Services"), cards));

  async function look() {
    const [services, numbers, stuck, deployments] = await Promise.all([
      api.services(), api.overview(), api.invocations({ status: TROUBLE, why: true, limit: 20 }), api.deployments()]);
    if (signal.aborted) return;
    fill(totals, total(numbers.services), h("div", { class: "panel" }, h("h2", {}, "Registered"),
      h("div", { class: "row" }, link("/ui/services", counted(services.length, "service")), link("/ui/deployments", counted(deployments.length, "deployment")))));
    fill(trouble, stuck.invocations.length ? list(stuck.invocations) : h("p", { class: "empty" }, "Nothing is paused or retrying."));
    fill(cards, services.map((service) => card(service, numbers.services[service.name] ?? {})), !services.length && h("p", { class: "empty panel" }, "No services yet. Register a deployment, or start the server with one."));
  }
  await look();
  live(look, 3000, signal);
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function total(services) {
  const counts = {};
  for (const each of Object.values(services)) for (const [status, count] of Object.entries(each)) counts[status] = (counts[status] ?? 0) + count;
  return h("div", { class: "panel stack" }, h("h2", {}, "Invocations"), bar(counts), legend(counts, {}));
}

function card(service, counts) {
  return h("article", { class: "panel stack", "aria-label": service.name },
    h("div", { class: "row between" }, h("h3", { style: { margin: "0", "font-size": "15px" } }, link(`/ui/services/${encodeURIComponent(service.name)}`, service.name)), h("span", { class: "badge" }, service.ty)),
    bar(counts), legend(counts, { service: service.name }),
    h("div", { class: "small dim" }, `${counted(service.handlers.length, "handler")}, revision ${service.revision}`));
}

function bar(counts) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return h("div", { class: "stackbar", "aria-hidden": "true" },
    STATUSES.filter((status) => counts[status]).map((status) => h("span", { class: `fill-${status}`, style: { width: `${(100 * counts[status]) / all}%` } })));
}

function legend(counts, filter) {
  const known = STATUSES.filter((status) => counts[status]);
  if (!known.length) return h("span", { class: "dim small" }, "no invocations");
  return h("div", { class: "row small" }, known.map((status) => {
    const query = new URLSearchParams({ ...filter, status });
    return link(`/ui/invocations?${query}`, `${counts[status].toLocaleString()} ${status}`);
  }));
}

function list(rows) {
  return h("table", { class: "folds", "aria-label": "Invocations that need a look" },
    h("thead", {}, h("tr", {}, ["Status", "Invocation", "Why", "Since"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, h("td", {}, statusBadge(row)), h("td", { class: "nowrap" }, target(row)), h("td", {}, linked(row.why ?? "")), h("td", { class: "nowrap" }, time(row.modified_at))))));
}
