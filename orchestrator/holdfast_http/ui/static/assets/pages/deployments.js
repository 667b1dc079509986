// Deployments: what is registered, registering another, and removing one.

import { api } from "../api.js";
import { ask, field, fill, h, link, toast } from "../dom.js";
import { time } from "../format.js";

export async function deployments(page, { signal }) {
  const list = h("div", { class: "panel flush" });
  fill(page, h("div", { class: "head" }, h("h1", { class: "grow" }, "Deployments"), h("button", { class: "primary", type: "button", onclick: () => register(look) }, "Register")), list);
  async function look() {
    const all = await api.deployments();
    if (signal.aborted) return;
    fill(list, h("table", { "aria-label": "Deployments" },
      h("thead", {}, h("tr", {}, ["Deployment", "Endpoint", "Services", "Protocol", "SDK", "Registered", ""].map((text) => h("th", { scope: "col" }, text || h("span", { class: "visually-hidden" }, "Actions"))))),
      h("tbody", {}, all.reverse().map((each) => row(each, look)))), !all.length && h("p", { class: "empty" }, "Nothing is registered."));
  }
  await look();
}

function row(each, look) {
  return h("tr", {}, h("td", { class: "mono" }, each.id), h("td", { class: "mono" }, each.uri ?? each.arn),
    h("td", {}, each.services.map((service) => h("div", {}, link(`/ui/services/${encodeURIComponent(service.name)}`, service.name), h("span", { class: "dim small" }, ` rev. ${service.revision}`)))),
    h("td", {}, `V${each.min_protocol_version}–V${each.max_protocol_version}`), h("td", { class: "small" }, each.sdk_version ?? ""), h("td", {}, time(each.created_at)),
    h("td", {}, h("button", { class: "danger tiny", type: "button", "aria-label": `Remove ${each.id}`, onclick: () => forget(each, look) }, "Remove")));
}

async function forget(each, look) {
  const body = h("p", {}, "Invocations that run on it can no longer go on, unless they are resumed on another one.");
  if (!(await ask({ title: `Remove ${each.id}?`, body, confirm: "Remove", danger: true }))) return;
  try {
    await api.forgetDeployment(each.id, true);
    await look();
  } catch (error) {
    toast(error.message, true);
  }
}

async function register(look) {
  const address = h("input", { required: true, placeholder: "http://localhost:9080 or arn:aws:lambda:…" });
  const [force, http11] = [h("input", { type: "checkbox" }), h("input", { type: "checkbox" })];
  const body = h("div", { class: "stack" }, field("Address of the endpoint, or qualified ARN of the function", address),
    h("label", { class: "check" }, force, "replace what is registered at this address (breaks what runs on it)"), h("label", { class: "check" }, http11, "HTTP/1.1"));
  const read = () => {
    const where = address.value.trim();
    const common = { force: force.checked };
    return where.startsWith("arn:") ? { arn: where, ...common } : { uri: where, use_http_11: http11.checked, ...common };
  };
  const wanted = await ask({ title: "Register a deployment", body, confirm: "Look at it", read });
  if (!wanted) return;
  try {
    const preview = await api.register({ ...wanted, dry_run: true });
    const shown = h("ul", {}, preview.services.map((service) => h("li", {}, `${service.name} (${service.ty}): ${service.handlers.map((handler) => handler.name).join(", ")}`)));
    if (!(await ask({ title: "It serves", body: shown, confirm: "Register" }))) return;
    await api.register(wanted);
    toast("Registered.");
    await look();
  } catch (error) {
    toast(error.message, true);
  }
}
