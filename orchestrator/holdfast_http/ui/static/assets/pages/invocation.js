// One invocation: what it waits for, what it did and when, how it failed, and what can be done to it.

import { buttons, completeAwakeable, restartFrom } from "../actions.js";
import { api } from "../api.js";
import { fill, h, link, toast } from "../dom.js";
import { code, invocationLink, keyPath, linked, pretty, statusBadge, time, took } from "../format.js";
import { live } from "../live.js";
import { Timeline } from "../timeline.js";

// From here on looking each second would be more work than anybody sees.
const LONG_JOURNAL = 300;

export async function invocation(page, { rest: [id], signal, go }) {
  const head = h("div", { class: "head" });
  const stuck = h("div", { "aria-live": "polite" });
  const facts = h("dl", { class: "panel facts" });
  const failures = h("div", { class: "stack" });
  const result = h("div", { class: "stack" });
  const timeline = new Timeline({ restart: (from) => restartFrom(current, from, done) });
  let current = await api.invocation(id);
  fill(page, head, stuck, facts, h("section", { class: "panel flush", "aria-label": "Journal" }, timeline.element), result, failures);

  function done(answer) {
    if (answer?.new_invocation_id) go(`/ui/invocations/${answer.new_invocation_id}`);
    else look().catch((error) => { toast(error.message, true); go("/ui/invocations"); });
  }
  let drawn = "";
  function draw() {
    const state = JSON.stringify(current);
    // What has not changed keeps its focus and its selection; bars that grow are drawn all the same.
    if (state !== drawn) {
      fill(head, h("div", { class: "grow" }, h("h1", {}, current.target), h("div", { class: "row small" }, h("span", { class: "mono dim" }, current.id), h("button", { class: "quiet tiny", type: "button", onclick: () => copy(current.id) }, "copy"))), statusBadge(current), buttons(current, done));
      fill(stuck, current.why && h("div", { class: current.status === "paused" ? "banner bad" : "banner", id: "why" }, "It ", linked(current.why), ".", (current.waits_for?.awakeables ?? []).slice(0, 5).map((each) => [" ", h("button", { type: "button", class: "tiny", title: each, onclick: () => completeAwakeable(each, done) }, "Complete it by hand")])));
      fill(facts, factsOf(current).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
      fill(result, resultOf(current));
      fill(failures, failuresOf(current));
    }
    if (state !== drawn || current.status !== "completed") timeline.draw(current);
    drawn = state;
  }
  async function look() {
    current = await api.invocation(id);
    if (signal.aborted) return;
    timeline.forgetUnfinished();
    draw();
  }
  draw();
  live(async () => { if (current.status !== "completed") await look(); }, () => (current.journal.length > LONG_JOURNAL ? 5000 : 1000), signal);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("The browser does not allow it here.", true);
  }
}

function factsOf(one) {
  const service = link(`/ui/services/${encodeURIComponent(one.service)}`, one.service);
  const facts = [
    ["Service", service], ["Handler", one.handler],
    one.key !== undefined && ["Key", link(keyPath(one.service, one.key), one.key)],
    ["Created", time(one.created_at)], ["Took", took(one)],
    one.scheduled_for && ["Starts", time(one.scheduled_for)],
    one.status === "backing-off" && one.next_attempt_at && ["Next attempt", time(one.next_attempt_at)],
    one.failed_attempts > 0 && ["Failed attempts", String(one.failed_attempts)],
    one.called_by && ["Called by", invocationLink(one.called_by)],
    one.restarted_from && ["Restarted from", invocationLink(one.restarted_from)],
    one.idempotency_key && ["Idempotency key", one.idempotency_key],
    one.scope && ["Scope", one.scope],
    one.deployment_id && ["Deployment", link("/ui/deployments", one.deployment_id)],
    one.protocol_version && ["Protocol", `V${one.protocol_version}`],
    ["Kept for", `${one.completion_retention}, journal ${one.journal_retention}`],
  ];
  return facts.filter(Boolean);
}

function resultOf(one) {
  if (!one.outcome) return null;
  if (one.outcome.result === "failure") return h("div", { class: "banner bad" }, `[${one.outcome.failure.code}] ${one.outcome.failure.message}`);
  return h("section", { class: "panel", "aria-label": "Result" }, h("h2", {}, "Result"), code(pretty(one.outcome.value)));
}

function failuresOf(one) {
  const all = [...(one.history?.failures ?? (one.last_failure ? [one.last_failure] : []))].reverse();
  if (!all.length) return null;
  return h("section", { class: "panel stack", "aria-label": "Failures" }, h("h2", {}, `Failed attempts (${all.length})`), all.map((failure, index) =>
    h("details", { open: index === 0 }, h("summary", {}, time(failure.at), ` [${failure.code}] ${failure.message}`, failure.command_type && h("span", { class: "dim" }, ` at ${failure.command_type} ${failure.command_name ?? ""} (command ${failure.command_index ?? "?"})`)),
      failure.stacktrace && code(failure.stacktrace))));
}
