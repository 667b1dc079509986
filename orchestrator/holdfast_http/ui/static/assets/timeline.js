// The journal as a Gantt chart: a lane per command with what it waited for, and the calls as a tree one can walk.

import { api } from "./api.js";
import { fill, h } from "./dom.js";
import { badge, code, invocationLink, pretty, span } from "./format.js";

const ENDS = new Set(["suspended", "backing-off", "paused", "completed", "ready"]);
// Deeper than anybody reads, and a bound for circles.
const DEPTH_MAX = 12;
// As many lanes of one journal as a browser draws at once without a pause.
const LANES = 500;

export class Timeline {
  constructor({ restart }) {
    this.restart = restart;
    this.opened = new Set();
    this.shown = LANES;
    this.children = new Map();
    this.element = h("div", { class: "timeline", role: "region", "aria-label": "Timeline", tabindex: "0" });
  }

  draw(invocation) {
    this.root = invocation;
    const begin = Date.parse(invocation.created_at);
    const end = Math.max(begin + 1, invocation.completed_at ? Date.parse(invocation.completed_at) : Date.now());
    this.scale = { begin, end };
    const focused = document.activeElement?.dataset?.focus;
    fill(this.element, this.axis(), this.attempts(invocation), this.lanes(invocation, 0, [invocation.id]));
    if (focused) this.element.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  redraw() {
    this.draw(this.root);
  }

  place(at) {
    const { begin, end } = this.scale;
    return Math.min(100, Math.max(0, (100 * (at - begin)) / (end - begin)));
  }

  axis() {
    const { begin, end } = this.scale;
    const marks = [0, 25, 50, 75].map((percent) => h("span", { style: { left: `${percent}%` } }, percent ? `+${span(((end - begin) * percent) / 100)}` : "0"));
    return h("div", { class: "lane axis" }, h("div", { class: "what" }, "Entry"), h("div", { class: "track" }, marks), h("div", { class: "took" }, span(end - begin)));
  }

  attempts(invocation) {
    const moments = invocation.history?.moments ?? [];
    const bars = [];
    let count = 0;
    moments.forEach((moment, index) => {
      if (moment.what !== "attempt" || moment.number === 0) return;
      const after = moments.slice(index + 1).find((each) => ENDS.has(each.what) || each.what === "attempt");
      count += 1;
      bars.push(this.bar("try", Date.parse(moment.at), after ? Date.parse(after.at) : Date.now(), `Attempt ${count}`, !after));
    });
    const ticks = (invocation.history?.failures ?? []).map((failure) => h("div", { class: "tick", style: { left: `${this.place(Date.parse(failure.at))}%` }, title: `[${failure.code}] ${failure.message}` }));
    if (!bars.length) return null;
    const failures = ticks.length ? `, ${ticks.length} failed` : "";
    return h("div", { class: "lane" }, h("div", { class: "what" }, h("span", { class: "twist" }), h("span", { class: "label" }, `Attempts: ${count}${failures}`)), h("div", { class: "track" }, bars, ticks), h("div", { class: "took" }));
  }

  lanes(invocation, depth, path) {
    const answers = answersOf(invocation.journal);
    const entries = invocation.journal.filter((entry) => entry.type.startsWith("Command") || isSignal(entry));
    const lanes = entries.slice(0, this.shown).map((entry) => this.lane(invocation, entry, answers, depth, path));
    const rest = entries.length - this.shown;
    return [lanes, rest > 0 && h("div", { class: "lane" }, h("div", { class: "what" }, h("button", { type: "button", class: "tiny", onclick: () => { this.shown += LANES; this.redraw(); } }, `Show more: ${rest.toLocaleString()} entries`)), h("div"), h("div"))];
  }

  lane(invocation, entry, answers, depth, path) {
    const id = `${invocation.id}/${entry.index}`;
    const answer = answers.get(entry.completion_id);
    const child = entry.callee;
    const isOpen = this.opened.has(id);
    const twist = h("button", { class: "twist", type: "button", "data-focus": id, "aria-expanded": String(isOpen), "aria-label": `Details of entry ${entry.index}, ${named(entry)}`, onclick: () => { if (!this.opened.delete(id)) this.opened.add(id); this.redraw(); } }, isOpen ? "▾" : "▸");
    const [from, to] = this.times(entry, answer);
    const isFailed = Boolean(answer?.failure ?? (entry.type.endsWith("Output") && entry.failure));
    const isOpenEnded = entry.completed === false && !invocation.completed_at;
    const kind = isFailed ? "bad" : isOpenEnded ? (entry.type.endsWith("Sleep") ? "sleep" : "wait") : entry.type.endsWith("Sleep") ? "sleep" : "ok";
    const lane = h("div", { class: "lane" },
      h("div", { class: "what", style: { "padding-left": `${8 + 18 * depth}px` } }, twist, h("span", { class: "kind" }, entry.type.replace(/^(Command|Notification): /, "")), h("span", { class: "label", title: named(entry) }, named(entry)), isOpenEnded && badge("suspended", "waiting")),
      h("div", { class: "track" }, from !== null && this.bar(kind, from, to, title(entry, from, to), isOpenEnded)),
      h("div", { class: "took" }, from !== null && to - from >= 1 ? span(to - from) : ""));
    return [lane, isOpen && this.detail(invocation, entry, answer, child), isOpen && child && this.child(child, depth, path)];
  }

  times(entry, answer) {
    if (!entry.appended_at) return [null, null];
    const from = Date.parse(entry.appended_at);
    if (answer?.appended_at) return [from, Date.parse(answer.appended_at)];
    return [from, entry.completed === false ? this.scale.end : from];
  }

  bar(kind, from, to, text, isLive) {
    const left = this.place(from);
    const width = Math.max(0, this.place(to) - left);
    return h("div", { class: `bar ${kind}${isLive ? " live" : ""}`, style: { left: `${Math.min(left, 99.5)}%`, width: `${width}%` }, title: text });
  }

  detail(invocation, entry, answer, child) {
    const hidden = new Set(["index", "type", "completed", "appended_at"]);
    const facts = Object.entries(entry).filter(([name]) => !hidden.has(name) && !["value", "failure", "callee", "target"].includes(name));
    return h("div", { class: "detail stack" },
      h("dl", { class: "facts" }, h("div", {}, h("dt", {}, "entry"), h("dd", {}, `${entry.index}${entry.appended_at ? `, at ${entry.appended_at}` : ""}`)),
        facts.map(([name, value]) => h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", { class: "mono" }, typeof value === "string" ? value : JSON.stringify(value)))),
        child && h("div", {}, h("dt", {}, "invocation"), h("dd", {}, invocationLink(child)))),
      entry.value !== undefined && [h("div", { class: "small dim" }, "Value"), code(pretty(entry.value))],
      entry.failure && failureOf(entry.failure),
      answer?.value !== undefined && [h("div", { class: "small dim" }, `Result, entry ${answer.index}`), code(pretty(answer.value))],
      answer?.failure && failureOf(answer.failure),
      invocation === this.root && invocation.status === "completed" && this.restart && h("div", {}, h("button", { type: "button", class: "tiny", onclick: () => this.restart(entry.index) }, "Restart from here")));
  }

  child(id, depth, path) {
    if (path.includes(id) || depth >= DEPTH_MAX) return h("div", { class: "detail dim" }, "It has been shown further up.");
    const known = this.children.get(id);
    if (known === undefined) {
      this.children.set(id, null);
      api.invocation(id).then((found) => this.children.set(id, found), (error) => this.children.set(id, { error: error.message })).then(() => this.redraw());
    }
    if (!known) return h("div", { class: "detail dim" }, "Loading…");
    if (known.error) return h("div", { class: "detail dim" }, known.error);
    return this.lanes(known, depth + 1, [...path, id]);
  }

  forgetUnfinished() {
    for (const [id, child] of this.children) if (child && child.status !== "completed") this.children.delete(id);
  }
}

function failureOf(failure) {
  return h("div", { class: "banner bad" }, `[${failure.code}] ${failure.message}`);
}

function isSignal(entry) {
  return entry.type === "Notification: Signal";
}

function answersOf(journal) {
  const answers = new Map();
  for (const entry of journal) {
    if (!entry.type.startsWith("Notification") || entry.completion_id === undefined) continue;
    if (entry.invocation_id) answers.set(`id-${entry.completion_id}`, entry.invocation_id);
    else answers.set(entry.completion_id, entry);
  }
  return answers;
}

function named(entry) {
  const parts = [entry.name, entry.target, entry.key, entry.signal_name, entry.signal_id !== undefined && `signal ${entry.signal_id}`, entry.wake_up_at && `until ${entry.wake_up_at}`];
  return parts.filter(Boolean).join(" ") || entry.type.replace(/^(Command|Notification): /, "");
}

function title(entry, from, to) {
  return `${named(entry)}: ${new Date(from).toISOString()}, ${span(to - from)}`;
}
