// Calling a handler from its schema, with the same call as a curl command.

import { api } from "../api.js";
import { fill, field, h, link, select } from "../dom.js";
import { badge, code, invocationLink, pretty, span } from "../format.js";
import { formOf, isPlain, sample } from "../schema_form.js";

export async function playground(page, { query, go }) {
  const [services, { ingress_endpoint: ingress }] = await Promise.all([api.services(), api.version()]);
  const open = services.filter((service) => service.public);
  if (!open.length) return fill(page, h("h1", {}, "Playground"), h("p", { class: "empty panel" }, "No service can be called. ", link("/ui/deployments", "Register a deployment")));
  const service = open.find((each) => each.name === query.get("service")) ?? open[0];
  const handler = service.handlers.find((each) => each.name === query.get("handler")) ?? service.handlers[0];
  const choose = (chosen) => go(`/ui/playground?${new URLSearchParams(chosen)}`);
  const call = { key: query.get("key") ?? "", idempotency: "", delay: "", body: bodyOf(handler), send: false };
  const curl = h("div");
  const answer = h("section", { class: "panel stack", "aria-label": "Answer", "aria-live": "polite" }, h("h2", {}, "Answer"), h("p", { class: "dim" }, "Nothing was called yet."));
  const isKeyed = service.ty !== "Service";
  const draw = () => fill(curl, code(curlOf(ingress, service, handler, call, isKeyed)));
  const set = (name) => (event) => { call[name] = event.target.value; draw(); };

  async function run(event) {
    event?.preventDefault();
    const started = performance.now();
    fill(answer, h("h2", {}, "Answer"), h("p", { class: "dim" }, "Waiting for it…"));
    try {
      const response = await fetch(urlOf(ingress, service, handler, call, isKeyed), { method: "POST", headers: headersOf(handler, call), body: call.body === null ? undefined : call.body });
      const text = await response.text();
      const id = response.headers.get("x-restate-id") ?? idIn(text);
      fill(answer, h("h2", {}, "Answer"), h("div", { class: "row" }, badge(response.ok ? "success" : "failure", String(response.status)), h("span", { class: "dim" }, span(performance.now() - started)), id && h("span", {}, "invocation ", invocationLink(id))), code(pretty(text) || "(no body)"));
    } catch {
      fill(answer, h("h2", {}, "Answer"), h("div", { class: "banner bad" }, `The ingress at ${ingress} cannot be reached from this browser.`));
    }
  }

  const form = h("form", { class: "panel stack", onsubmit: run, onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run(event); } },
    h("div", { class: "cards" },
      field("Service", select(open.map((each) => each.name), service.name, (value) => choose({ service: value }), { "data-search": "" })),
      field("Handler", select(service.handlers.map((each) => each.name), handler.name, (value) => choose({ service: service.name, handler: value, ...(call.key && { key: call.key }) }))),
      isKeyed && field("Key", h("input", { value: call.key, required: true, oninput: set("key") })),
      field("Idempotency key (optional)", h("input", { oninput: set("idempotency") }))),
    (handler.documentation || service.documentation) && h("p", { class: "small dim", style: { margin: "0" } }, handler.documentation ?? service.documentation),
    call.body !== null && bodyEditor(handler, call, draw),
    h("div", { class: "row" }, h("label", { class: "check" }, h("input", { type: "checkbox", onchange: (event) => { call.send = event.target.checked; draw(); } }), "send, do not wait"), h("label", { class: "check" }, "delay", h("input", { placeholder: "10s", size: "6", "aria-label": "Delay", oninput: set("delay") }))),
    h("div", {}, h("button", { class: "primary", type: "submit", id: "call" }, "Call")));
  fill(page, h("h1", {}, "Playground"), h("div", { class: "two" }, form, h("div", { class: "stack" }, h("section", { class: "panel", "aria-label": "curl" }, h("h2", {}, "The same with curl"), curl), answer)));
  draw();
}

function bodyOf(handler) {
  if (handler.input_description === "none" || /no body|empty body/.test(handler.input_description)) return null;
  const schema = handler.input_json_schema;
  if (schema && Object.keys(schema).length) return JSON.stringify(sample(schema), null, 2);
  return /json|anything/.test(handler.input_description) ? "null" : "";
}

function bodyEditor(handler, call, draw) {
  const schema = handler.input_json_schema;
  const text = h("textarea", { rows: "8", spellcheck: "false", "aria-label": "Body", oninput: () => { call.body = text.value; draw(); } });
  text.value = call.body;
  if (!schema || !isPlain(schema)) return field(`Body: ${handler.input_description}`, text);
  const form = formOf(schema, JSON.parse(call.body), (content) => { call.body = text.value = JSON.stringify(content, null, 2); draw(); });
  return h("div", { class: "stack" }, form, h("details", {}, h("summary", { class: "small" }, "As JSON"), text));
}

function pathOf(service, handler, call, isKeyed) {
  const parts = [service.name, ...(isKeyed ? [call.key || "<key>"] : []), handler.name, ...(call.send || call.delay ? ["send"] : [])];
  return `/${parts.map((part) => (part === "<key>" ? part : encodeURIComponent(part))).join("/")}${call.delay ? `?delay=${encodeURIComponent(call.delay)}` : ""}`;
}

function urlOf(ingress, service, handler, call, isKeyed) {
  return ingress.replace(/\/$/, "") + pathOf(service, handler, call, isKeyed);
}

function headersOf(handler, call) {
  const type = /body of ([^ ,]+)/.exec(handler.input_description)?.[1];
  const headers = {};
  if (call.body !== null) headers["content-type"] = type && type !== "any" && !type.includes("*") ? type : "application/json";
  if (call.idempotency) headers["idempotency-key"] = call.idempotency;
  return headers;
}

function curlOf(ingress, service, handler, call, isKeyed) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const lines = [`curl -X POST ${quoted(urlOf(ingress, service, handler, call, isKeyed))}`];
  for (const [name, value] of Object.entries(headersOf(handler, call))) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (call.body !== null) lines.push(`--data-raw ${quoted(call.body)}`);
  return lines.join(" \\\n  ");
}

function idIn(text) {
  try { return JSON.parse(text).invocationId; } catch { return undefined; }
}
