// What can be done to invocations: one at a time, or many at once.

import { api } from "./api.js";
import { ask, field, h, select, toast } from "./dom.js";

const CAN = {
  cancel: (status) => status !== "completed",
  kill: (status) => status !== "completed",
  pause: (status) => ["running", "ready", "suspended", "backing-off"].includes(status),
  resume: (status) => ["paused", "suspended", "backing-off"].includes(status),
  "restart-as-new": (status) => status === "completed",
  purge: (status) => status === "completed",
};
export const VERBS = Object.keys(CAN);
const TITLE = { cancel: "Cancel", kill: "Kill", pause: "Pause", resume: "Resume", "restart-as-new": "Restart as new", purge: "Purge" };
const MEANS = {
  cancel: "Asks the handler to stop: it can compensate before it ends.",
  kill: "Ends it at once, with the calls it waits for. Nothing is compensated.",
  pause: "Stops it until somebody resumes it.",
  resume: "Lets it go on, with its retries anew.",
  "restart-as-new": "Runs it again from its input as a new invocation.",
  purge: "Forgets it, its journal and its outcome.",
};
const IS_DANGEROUS = new Set(["cancel", "kill", "purge"]);
const BATCH = 1000;

export const title = (verb) => TITLE[verb];
export const allowed = (verb, status) => CAN[verb](status);

export function buttons(invocation, done) {
  return VERBS.filter((verb) => allowed(verb, invocation.status)).map((verb) =>
    h("button", { type: "button", class: IS_DANGEROUS.has(verb) ? "danger" : verb === "resume" && invocation.status !== "suspended" ? "primary" : undefined, "data-verb": verb, onclick: () => one(invocation, verb, done) }, TITLE[verb]));
}

async function one(invocation, verb, done) {
  let options = {};
  if (verb === "resume") {
    options = await askDeployment();
    if (!options) return;
  } else if (IS_DANGEROUS.has(verb) && !(await ask({ title: `${TITLE[verb]} ${invocation.target}?`, body: h("p", {}, MEANS[verb]), confirm: TITLE[verb], danger: true }))) return;
  try {
    const answer = await api.operate(invocation.id, verb, options);
    toast(`${TITLE[verb]}: ${answer?.outcome ?? "done"}`);
    done(answer);
  } catch (error) {
    toast(error.message, true);
  }
}

export async function restartFrom(invocation, from, done) {
  const body = h("p", {}, `Runs it again as a new invocation that keeps the first ${from + 1} entries of the journal.`);
  if (!(await ask({ title: `Restart from entry ${from}?`, body, confirm: "Restart" }))) return;
  try {
    done(await api.operate(invocation.id, "restart-as-new", { from: String(from) }));
  } catch (error) {
    toast(error.message, true);
  }
}

async function askDeployment() {
  let deployment = "keep";
  const choices = [["keep", "the deployment it is on"], ["latest", "the latest deployment"], ...(await api.deployments()).map((each) => [each.id, each.id])];
  const body = h("div", { class: "stack" }, h("p", {}, MEANS.resume), field("It goes on with", select(choices, deployment, (value) => { deployment = value; })));
  return ask({ title: "Resume", body, confirm: "Resume", read: () => ({ deployment }) });
}

// What a person, or another system, has to answer: here by hand.
export async function completeAwakeable(id, done) {
  const value = h("textarea", { rows: "4", "aria-label": "Value, or reason", spellcheck: "false" });
  value.value = '"ok"';
  let how = "resolve";
  const body = h("div", { class: "stack" }, field("How", select([["resolve", "resolve with a JSON value"], ["reject", "reject with a reason"]], how, (chosen) => { how = chosen; })), field("Value, or reason", value));
  const read = () => {
    if (how === "reject") return { how, content: value.value };
    try { return { how, content: JSON.parse(value.value) }; } catch (error) { toast(`It is no JSON: ${error.message}`, true); return undefined; }
  };
  const wanted = await ask({ title: "Complete the awakeable", body, confirm: "Complete", read });
  if (!wanted) return;
  try {
    const { ingress_endpoint: ingress } = await api.version();
    await api.completeAwakeable(ingress, id, wanted.how, wanted.content);
    toast("Completed.");
    done();
  } catch (error) {
    toast(error.message, true);
  }
}

export async function batch(verb, ids, done) {
  const body = h("p", {}, `${MEANS[verb]} Those that are not in a state for it are left as they are.`);
  const count = `${ids.length} invocation${ids.length === 1 ? "" : "s"}`;
  if (!(await ask({ title: `${TITLE[verb]} ${count}?`, body, confirm: `${TITLE[verb]} ${count}`, danger: IS_DANGEROUS.has(verb) }))) return;
  let succeeded = 0;
  const failed = [];
  try {
    for (let start = 0; start < ids.length; start += BATCH) {
      const answer = await api.batch(verb, ids.slice(start, start + BATCH));
      succeeded += answer.succeeded.length;
      failed.push(...answer.failed);
    }
  } catch (error) {
    toast(error.message, true);
  }
  toast(`${TITLE[verb]}: ${succeeded} done${failed.length ? `, ${failed.length} refused: ${failed[0].error}` : ""}`, failed.length > 0);
  done();
}
