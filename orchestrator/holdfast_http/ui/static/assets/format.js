// Times, statuses and values as people read them.

import { h, link } from "./dom.js";

export const STATUSES = ["running", "ready", "suspended", "queued", "scheduled", "backing-off", "paused", "completed"];

export function time(text) {
  if (!text) return "";
  const date = new Date(text);
  return h("time", { datetime: text, title: date.toLocaleString() }, ago(date.getTime()));
}

export function ago(ms, now = Date.now()) {
  const away = now - ms;
  if (Math.abs(away) < 1000) return "now";
  return away > 0 ? `${span(away)} ago` : `in ${span(-away)}`;
}

export function span(ms) {
  if (ms < 1) return "<1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor(ms / 1000) % 60} s`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ${Math.floor(ms / 60_000) % 60} min`;
  return `${Math.floor(ms / 86_400_000)} d ${Math.floor(ms / 3_600_000) % 24} h`;
}

export function took(invocation) {
  const end = invocation.completed_at ? Date.parse(invocation.completed_at) : Date.now();
  return span(Math.max(0, end - Date.parse(invocation.created_at)));
}

export function badge(word, shown = word) {
  return h("span", { class: `badge ${word}` }, shown);
}

export function statusBadge(invocation) {
  if (invocation.outcome?.result === "failure") return badge("failure", "failed");
  return badge(invocation.status);
}

export function invocationLink(id, text = id) {
  return h("a", { href: `/ui/invocations/${id}`, class: "mono" }, text);
}

export function shortId(id) {
  return `${id.slice(0, 8)}…${id.slice(-6)}`;
}

// A sentence in which every invocation that it names can be walked to.
export function linked(sentence) {
  return sentence.split(/(inv_1[0-9A-Za-z]{33})/).map((part) => (part.startsWith("inv_1") && part.length === 38 ? invocationLink(part) : part));
}

export function pretty(text) {
  if (typeof text !== "string") return JSON.stringify(text, null, 2);
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

export function code(text) {
  return h("pre", { class: "code", tabindex: "0" }, text);
}

export function keyPath(service, key) {
  return `/ui/objects/${encodeURIComponent(service)}/${encodeURIComponent(key)}`;
}

export function target(row) {
  return link(`/ui/invocations/${row.id}`, row.target);
}
