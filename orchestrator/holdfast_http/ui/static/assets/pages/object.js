// One key: its queue, its promises, and its state, which can be edited while the key is free.

import { api } from "../api.js";
import { fill, h, link, toast } from "../dom.js";
import { linked, pretty, statusBadge, target, time } from "../format.js";
import { live } from "../live.js";

export async function object(page, { rest: [service, key = ""], query, signal }) {
  const scope = query.get("scope") ?? undefined;
  const queue = h("section", { class: "panel stack", "aria-label": "Queue" });
  const promises = h("div");
  const editor = h("section", { class: "panel stack", "aria-label": "State" });
  fill(page, h("div", { class: "head" }, h("h1", { class: "grow" }, `${service} / ${key}`), link(`/ui/invocations?${new URLSearchParams({ service, key })}`, "Invocations"), link(`/ui/services/${encodeURIComponent(service)}`, "Service")),
    h("div", { class: "two" }, editor, h("div", { class: "stack" }, queue, promises)));
  let version = null;
  let isEditing = false;

  async function look() {
    const found = await api.key(service, key, scope);
    const why = found.holder ? (await api.invocations({ ids: found.holder.id, why: true })).invocations[0]?.why : null;
    if (signal.aborted) return;
    drawQueue(queue, found, why);
    fill(promises, found.promises.length > 0 && h("section", { class: "panel", "aria-label": "Promises" }, h("h2", {}, "Promises"), h("ul", {}, found.promises.map((each) => h("li", {}, `${each.name}: ${each.completed ? "completed" : "awaited"}`)))));
    if (!isEditing && version !== found.version) {
      version = found.version;
      drawState(found);
    }
  }
  function drawState(found) {
    const rows = Object.entries(found.state).map(([name, value]) => stateRow(name, value));
    const list = h("div", { class: "stack" }, rows);
    const edit = () => { isEditing = true; save.disabled = false; discard.disabled = false; };
    const save = h("button", { class: "primary", type: "submit", disabled: true }, "Save state");
    const discard = h("button", { type: "button", disabled: true, onclick: () => { isEditing = false; version = null; look().catch((error) => toast(error.message, true)); } }, "Discard");
    const plus = h("button", { type: "button", onclick: () => { list.append(stateRow("", { text: "" })); edit(); list.lastChild.querySelector("input").focus(); } }, "Add an entry");
    const form = h("form", { class: "stack", oninput: edit, onclick: (event) => { if (event.target.dataset.remove !== undefined) { event.target.closest(".entry").remove(); edit(); } }, onsubmit: submit }, list, h("div", { class: "row" }, plus, save, discard));
    async function submit(event) {
      event.preventDefault();
      try {
        const newState = Object.fromEntries([...list.children].map((row) => row.read()).filter(([name]) => name));
        await api.editState(service, { object_key: key, scope, version, new_state: newState });
        toast("Saved.");
        isEditing = false;
        version = null;
        await look();
      } catch (error) {
        toast(error.message, true);
      }
    }
    fill(editor, h("h2", {}, `State (${rows.length})`), !rows.length && h("p", { class: "dim" }, "It has no state."), form);
  }
  await look();
  live(look, 2000, signal);
}

function stateRow(name, value) {
  const label = h("input", { value: name, "aria-label": "Name", class: "mono" });
  const isText = value.text !== undefined;
  const content = h("textarea", { rows: "3", "aria-label": `Value of ${name || "the new entry"}`, readonly: !isText, spellcheck: "false" });
  const shown = isText ? pretty(value.text) : `${value.base64} (bytes, base64)`;
  content.value = shown;
  const row = h("div", { class: "entry stack" }, h("div", { class: "row between" }, label, h("button", { class: "danger tiny", type: "button", "data-remove": "" }, "Remove")), content);
  row.read = () => {
    // What was not touched goes back byte for byte, whatever it looked like.
    if (!isText) return [label.value, [...atob(value.base64)].map((character) => character.charCodeAt(0))];
    return [label.value, [...new TextEncoder().encode(content.value === shown ? value.text : compact(content.value))]];
  };
  return row;
}

function compact(text) {
  try { return JSON.stringify(JSON.parse(text)); } catch { return text; }
}

function drawQueue(queue, found, why) {
  const holder = found.holder ? h("div", {}, statusBadge(found.holder), " ", target(found.holder), why && h("div", { class: "small dim" }, linked(why))) : h("p", { class: "dim" }, "Nobody holds the key.");
  const waiting = found.waiting.map((row, index) => h("tr", {}, h("td", {}, String(index + 1)), h("td", {}, target(row)), h("td", { class: "mono small" }, link(`/ui/invocations/${row.id}`, row.id)), h("td", {}, time(row.created_at))));
  fill(queue, h("h2", {}, "Held by"), holder, h("h2", {}, `Waiting (${found.waiting_count})`),
    waiting.length > 0 && h("table", { "aria-label": "Waiting" }, h("thead", {}, h("tr", {}, ["Place", "Target", "Invocation", "Since"].map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, waiting)));
}
