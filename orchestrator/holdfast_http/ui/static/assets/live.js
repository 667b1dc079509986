// Looking again every so often: only while somebody looks, one request at a time, ever more slowly when it fails.
// How often is a number of milliseconds, or a function that returns it.

export function live(look, everyMs, signal) {
  const every = typeof everyMs === "function" ? everyMs : () => everyMs;
  let timer = 0;
  let failures = 0;
  async function turn() {
    if (signal.aborted) return;
    if (!document.hidden) {
      try {
        if ((await look()) === "done") return;
        failures = 0;
      } catch {
        failures = Math.min(failures + 1, 5);
      }
    }
    if (!signal.aborted) timer = setTimeout(turn, every() * 2 ** failures);
  }
  timer = setTimeout(turn, every());
  signal.addEventListener("abort", () => clearTimeout(timer));
}
