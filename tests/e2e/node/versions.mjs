// tests/conformance/blackbox/handlers/versions.py with the official TypeScript SDK:
// `node versions.mjs h2c|h2|http1|lambda PORT`.
import { appendFileSync } from "node:fs";

import * as restate from "@restatedev/restate-sdk";

import { serve } from "./serving.mjs";

const version = process.env.HOLDFAST_BLACKBOX_VERSION ?? "1";
const note = (line) => appendFileSync(process.env.HOLDFAST_BLACKBOX_LOG, `${line}\n`);

const failInTheFirst = (mark) => {
  if (version !== "1") return;
  note(`failed ${mark}`);
  throw new Error("the first version has a bug");
};

const handlers = {
  which: async () => version,
  across: async (ctx, mark) => {
    const before = await ctx.run("before", () => version);
    const { id, promise } = ctx.awakeable();
    note(`awakeable ${mark} ${id}`);
    await promise;
    return [before, version];
  },
  early: async (_ctx, mark) => {
    failInTheFirst(mark);
    return version;
  },
  changed: async (ctx, mark) => {
    const before = await ctx.run("one", () => version);
    failInTheFirst(mark);
    return [before, version];
  },
  rewritten: async (ctx, mark) => {
    await ctx.run(`step of version ${version}`, () => version);
    failInTheFirst(mark);
    note(`went on ${mark}`);
    return version;
  },
  mark: async (ctx) => ctx.request().attemptHeaders.get("x-mark") ?? null,
  ...(version === "1" ? { removed: async () => version } : { added: async () => version }),
};

const retryPolicy = { initialInterval: 50, exponentiationFactor: 1, maxInterval: 50, maxAttempts: 1000 };
const turncoat =
  version === "3"
    ? restate.object({ name: "Turncoat", handlers: { kind: async () => "object" } })
    : restate.service({ name: "Turncoat", handlers: { kind: async () => "service" } });
const services = [restate.service({ name: "Versioned", handlers, options: { retryPolicy } }), turncoat];

const [way, port] = process.argv.slice(2);
serve(way, port, { services });
