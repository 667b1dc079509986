// Looking again every so often: only while somebody looks, one request at a time, ever more slowly when it fails.

export function live(look, everyMs, signal) {
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
    if (!signal.aborted) timer = setTimeout(turn, everyMs * 2 ** failures);
  }
  timer = setTimeout(turn, everyMs);
  signal.addEventListener("abort", () => clearTimeout(timer));
}
