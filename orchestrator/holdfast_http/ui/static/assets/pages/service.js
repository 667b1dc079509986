// One service: its handlers with their schemas, and its options, which can be changed.

import { api } from "../api.js";
import { fill, field, h, link, toast } from "../dom.js";
import { code } from "../format.js";
import { playgroundLink } from "./services.js";

const DURATIONS = ["idempotency_retention", "workflow_completion_retention", "journal_retention", "inactivity_timeout", "abort_timeout"];

export async function service(page, { rest: [name] }) {
  const found = await api.service(name);
  const metadata = Object.entries(found.metadata ?? {});
  fill(page,
    h("div", { class: "head" }, h("h1", {}, found.name), h("span", { class: "badge" }, found.ty), h("span", { class: "grow dim" }, `revision ${found.revision} on `, link("/ui/deployments", found.deployment_id)),
      link(`/ui/invocations?${new URLSearchParams({ service: name })}`, "Invocations"), found.ty !== "Service" && link(`/ui/objects?${new URLSearchParams({ service: name })}`, "Keys and state")),
    found.documentation && h("div", { class: "panel" }, found.documentation),
    metadata.length > 0 && h("dl", { class: "panel facts" }, metadata.map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", {}, value)))),
    h("section", { class: "panel flush", "aria-label": "Handlers" }, h("table", { "aria-label": "Handlers" },
      h("thead", {}, h("tr", {}, ["Handler", "Kind", "Input", "Output", ""].map((text) => h("th", { scope: "col" }, text || h("span", { class: "visually-hidden" }, "Actions"))))),
      h("tbody", {}, found.handlers.map((handler) => row(found, handler))))),
    options(found));
}

function row(found, handler) {
  return h("tr", {}, h("td", {}, h("strong", { class: "mono" }, handler.name), handler.documentation && h("div", { class: "small dim" }, handler.documentation)),
    h("td", {}, handler.ty ?? ""), h("td", {}, schema(handler.input_description, handler.input_json_schema)), h("td", {}, schema(handler.output_description, handler.output_json_schema)),
    h("td", {}, playgroundLink(found.name, handler.name)));
}

function schema(description, content) {
  if (!content || !Object.keys(content).length) return h("span", { class: "small dim" }, description);
  return h("details", {}, h("summary", { class: "small" }, description), code(JSON.stringify(content, null, 2)));
}

function options(found) {
  const inputs = Object.fromEntries(DURATIONS.filter((name) => found[name] != null).map((name) => [name, h("input", { value: found[name] })]));
  const isPublic = h("input", { type: "checkbox", checked: found.public });
  async function save(event) {
    event.preventDefault();
    const changed = Object.fromEntries(Object.entries(inputs).filter(([name, input]) => input.value !== found[name]).map(([name, input]) => [name, input.value]));
    if (isPublic.checked !== found.public) changed.public = isPublic.checked;
    if (!Object.keys(changed).length) return toast("Nothing was changed.");
    try {
      Object.assign(found, await api.configure(found.name, changed), changed);
      toast("Saved: it holds until the next revision.");
    } catch (error) {
      toast(error.message, true);
    }
  }
  const retry = found.retry_policy;
  return h("form", { class: "panel stack", onsubmit: save }, h("h2", {}, "Options"),
    h("div", { class: "cards" }, Object.entries(inputs).map(([name, input]) => field(name.replaceAll("_", " "), input))),
    h("label", { class: "check" }, isPublic, "can be called through the ingress"),
    retry && h("p", { class: "small dim", style: { margin: "0" } }, `Retries: first after ${retry.initial_interval}, then ${retry.exponentiation_factor} times as long up to ${retry.max_interval}; ${retry.max_attempts ?? "unlimited"} attempts, then ${retry.on_max_attempts}.`),
    h("div", {}, h("button", { class: "primary", type: "submit" }, "Save options")));
}
