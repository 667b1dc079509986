// A table of any length of which only the rows in sight exist; asks for more when its end comes near.

import { h, toast } from "./dom.js";

const ROW = 38;
const MARGIN = 10;

export class WindowedTable {
  // columns: [{ title, width, cell(row) }]; more(): loads further rows, resolves to whether there may be others.
  constructor({ label, columns, more, open, toggle, keyOf }) {
    Object.assign(this, { columns, more, open, toggle, keyOf });
    this.rows = [];
    this.active = -1;
    this.hasMore = true;
    this.loading = null;
    this.before = h("td", { colspan: String(columns.length) });
    this.after = h("td", { colspan: String(columns.length) });
    this.body = h("tbody");
    const heads = columns.map((column) => h("th", { scope: "col", style: column.width ? { width: column.width } : {} }, column.title));
    this.table = h("table", { "aria-label": label }, h("thead", {}, h("tr", {}, heads)), this.body);
    this.element = h("div", { class: "windowed", tabindex: "0", role: "region", "aria-label": `${label}, list`, onscroll: () => this.draw(), onkeydown: (event) => this.key(event) }, this.table);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  set(rows, hasMore) {
    this.rows = rows;
    this.hasMore = hasMore;
    this.draw();
  }

  visible() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - MARGIN);
    const count = Math.ceil((this.element.clientHeight || 600) / ROW) + 2 * MARGIN;
    return [first, Math.min(this.rows.length, first + count)];
  }

  draw() {
    const [first, end] = this.visible();
    const focused = document.activeElement?.dataset?.focus;
    this.before.style.height = `${first * ROW}px`;
    this.after.style.height = `${(this.rows.length - end) * ROW}px`;
    const shown = this.rows.slice(first, end).map((row, index) => this.row(row, first + index));
    this.table.setAttribute("aria-rowcount", this.hasMore ? "-1" : String(this.rows.length + 1));
    this.body.replaceChildren(
      h("tr", { class: "spacer", "aria-hidden": "true" }, this.before), ...shown, h("tr", { class: "spacer", "aria-hidden": "true" }, this.after));
    if (focused) this.body.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    if (end >= this.rows.length - MARGIN) this.load().catch((error) => toast(error.message, true));
  }

  row(row, index) {
    const cells = this.columns.map((column) => h("td", {}, column.cell(row)));
    return h("tr", { class: index === this.active ? "active" : undefined, "aria-rowindex": String(index + 2), "data-key": this.keyOf(row), ondblclick: () => this.open?.(row) }, cells);
  }

  // One page at a time, whoever asks: two at once would both be the same one.
  load() {
    if (!this.hasMore) return Promise.resolve();
    this.loading ??= this.more().finally(() => { this.loading = null; });
    return this.loading;
  }

  key(event) {
    if (event.target.matches("input, select, textarea, button, a") && !["ArrowDown", "ArrowUp", "j", "k"].includes(event.key)) return;
    const moves = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 15, PageUp: -15 };
    const row = this.rows[this.active];
    if (event.key in moves && !event.ctrlKey && !event.metaKey) this.move(moves[event.key]);
    else if (event.key === "Enter" && row) this.open?.(row);
    else if ((event.key === "x" || event.key === " ") && row) this.toggle?.(row);
    else return;
    event.preventDefault();
  }

  move(by) {
    this.active = Math.max(0, Math.min(this.rows.length - 1, this.active + by));
    const top = this.active * ROW;
    const room = this.element.clientHeight - 2 * ROW;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    if (top > this.element.scrollTop + room) this.element.scrollTop = top - room;
    this.draw();
  }
}
