// Rules that limit how many invocations of a scope run at a time.

import { api } from "../api.js";
import { ask, field, fill, h, toast } from "../dom.js";
import { time } from "../format.js";

export async function limits(page) {
  const list = h("div", { class: "panel flush" });
  fill(page, h("div", { class: "head" }, h("h1", { class: "grow" }, "Limits"), h("button", { class: "primary", type: "button", onclick: () => edit(null, look) }, "Add a rule")),
    h("p", { class: "dim small", style: { margin: "0" } }, "A rule says how many invocations of a scope, or of a limit key within it, run at a time: scope, scope/key or */key. The more specific rule counts."), list);
  async function look() {
    const rules = await api.rules();
    fill(list, rules.length ? h("table", { "aria-label": "Rules" },
      h("thead", {}, h("tr", {}, ["Pattern", "At a time", "Description", "Changed", ""].map((text) => h("th", { scope: "col" }, text || h("span", { class: "visually-hidden" }, "Actions"))))),
      h("tbody", {}, rules.map((rule) => row(rule, look)))) : h("p", { class: "empty" }, "There are no rules: everything runs as it comes."));
  }
  await look();
}

function row(rule, look) {
  return h("tr", {}, h("td", { class: "mono" }, rule.pattern, rule.disabled && [" ", h("span", { class: "badge" }, "disabled")]), h("td", {}, rule.limits.concurrency ?? "unlimited"), h("td", {}, rule.description ?? ""),
    h("td", { class: "nowrap" }, time(new Date(rule.last_modified_millis_since_epoch).toISOString())),
    h("td", {}, h("div", { class: "row" }, h("button", { class: "tiny", type: "button", "aria-label": `Change ${rule.pattern}`, onclick: () => edit(rule, look) }, "Change"),
      h("button", { class: "tiny danger", type: "button", "aria-label": `Remove ${rule.pattern}`, onclick: () => remove(rule, look) }, "Remove"))));
}

async function edit(rule, look) {
  const pattern = h("input", { required: true, value: rule?.pattern ?? "", readonly: Boolean(rule), placeholder: "scope or scope/limit-key" });
  const most = h("input", { type: "number", min: "1", value: String(rule?.limits.concurrency ?? ""), placeholder: "unlimited" });
  const description = h("input", { value: rule?.description ?? "" });
  const disabled = h("input", { type: "checkbox", checked: Boolean(rule?.disabled) });
  const body = h("div", { class: "stack" }, field("Pattern", pattern), field("How many may run at a time", most), field("Description", description), h("label", { class: "check" }, disabled, "disabled"));
  const precondition = rule ? { type: "matches", version: rule.version } : { type: "does_not_exist" };
  const read = () => ({ pattern: pattern.value.trim(), limits: most.value ? { concurrency: Number(most.value) } : {}, description: description.value || undefined, disabled: disabled.checked, precondition });
  const wanted = await ask({ title: rule ? `Change ${rule.pattern}` : "Add a rule", body, confirm: "Save", read });
  if (wanted) await change(() => api.putRules([wanted]), look);
}

async function remove(rule, look) {
  if (await ask({ title: `Remove ${rule.pattern}?`, body: h("p", {}, "Those in line because of it go on."), confirm: "Remove", danger: true })) await change(() => api.removeRules([{ pattern: rule.pattern, expected_version: rule.version }]), look);
}

async function change(work, look) {
  try {
    await work();
    await look();
  } catch (error) {
    toast(error.message, true);
  }
}
