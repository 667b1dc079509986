// The handlers of tests/e2e/endpoint_handlers.py, with the official TypeScript SDK: `node endpoint.mjs h2c|http1 PORT`.
import http from "node:http";
import http2 from "node:http2";
import { setTimeout } from "node:timers/promises";

import * as restate from "@restatedev/restate-sdk";

// All that the SDK wants of Node 22; with it, Node 20 will do.
Promise.withResolvers ??= function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};

const probe = restate.service({
  name: "Probe",
  handlers: {
    one_run: async (ctx, _number) => ctx.run("s0", () => 0),
    steps: async (ctx, count) => {
      let total = 0;
      for (let number = 0; number < count; number++) {
        total += await ctx.run(`s${number}`, () => number);
      }
      return total;
    },
    echo: async (_ctx, text) => text,
    hang: async (ctx, pauseMs) => ctx.run("hang", () => setTimeout(pauseMs, "awake")),
    boom: async () => {
      throw new Error("no luck");
    },
    refuse: async () => {
      throw new restate.TerminalError("not today", { errorCode: 409 });
    },
  },
});

const keyed = restate.object({
  name: "Keyed",
  handlers: { who: async (ctx) => ctx.key },
});

const handler = restate.createEndpointHandler({ services: [probe, keyed], bidirectional: process.argv[2] === "h2c" });
const server = process.argv[2] === "h2c" ? http2.createServer(handler) : http.createServer(handler);
server.listen(Number(process.argv[3]), "127.0.0.1");
