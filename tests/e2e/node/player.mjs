// tests/conformance/blackbox/handlers/player.py and interpreter.py, with the official TypeScript SDK:
// `node player.mjs h2c|h2|http1|lambda PORT [IDENTITY_KEY]`.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

import * as restate from "@restatedev/restate-sdk";

import { serve } from "./serving.mjs";

const { RestatePromise, TerminalError } = restate;
const json = restate.serde.json;
const log = process.env.HOLDFAST_BLACKBOX_LOG;

const note = (line) => appendFileSync(log, `${line}\n`);
const noted = (line) => (existsSync(log) ? readFileSync(log, "utf8").split("\n").filter((each) => each === line).length : 0);

const callOf = ({ service, handler, key, arg, idempotency_key: idempotencyKey, headers, scope, limit_key: limitKey }) => ({
  service, method: handler, key, parameter: arg, idempotencyKey, headers, inputSerde: json, outputSerde: json,
  scope, limitKey,
});

async function execute(op) {
  const mark = `ran ${op.name}`;
  const times = noted(mark);
  note(mark);
  await setTimeout(op.pause_ms ?? 0);
  if (op.terminal !== undefined) throw new TerminalError(op.terminal, { errorCode: 418 });
  if (times < (op.pauses ?? 0)) throw new restate.PauseError(`${op.name} wants to be looked at`, { errorCode: 418 });
  if (times < (op.fails ?? 0)) throw new Error(`${op.name} failed the ${times + 1}. time`);
  return op.value;
}

const futures = {
  run: (ctx, op) =>
    ctx.run(op.name, () => execute(op), {
      maxRetryAttempts: op.max_attempts,
      maxRetryDuration: op.max_duration_ms,
      initialRetryInterval: op.interval_ms,
      maxRetryInterval: op.interval_ms,
    }),
  sleep: (ctx, op) => ctx.sleep(op.ms),
  call: (ctx, op) => ctx.genericCall(callOf(op)),
  awakeable: (ctx, op) => {
    const { id, promise } = ctx.awakeable();
    note(`awakeable ${op.name} ${id}`);
    return promise;
  },
  signal: (ctx, op) => ctx.signal(op.name),
  promise: (ctx, op) => ctx.promise(op.name).get(),
  attach: (ctx, op) => ctx.attach(op.id, json),
};

const future = (ctx, op) => futures[op.do](ctx, op);

const steps = {
  all: async (ctx, op) => {
    const settled = await RestatePromise.allSettled(op.of.map((each) => future(ctx, each)));
    return settled.map((each) =>
      each.status === "fulfilled" ? ["ok", each.value] : ["failed", each.reason.code, each.reason.message],
    );
  },
  first: (ctx, op) =>
    RestatePromise.race(
      op.of.map((each, index) =>
        future(ctx, each).map((value, failure) => {
          if (failure) throw failure;
          return [index, value];
        }),
      ),
    ),
  get: (ctx, op) => ctx.get(op.name),
  set: async (ctx, op) => ctx.set(op.name, op.value),
  clear: async (ctx, op) => ctx.clear(op.name),
  clear_all: async (ctx) => ctx.clearAll(),
  keys: async (ctx) => [...(await ctx.stateKeys())].sort(),
  add: async (ctx, op) => {
    const total = ((await ctx.get(op.name)) ?? 0) + op.amount;
    ctx.set(op.name, total);
    return total;
  },
  call_known: async (ctx, op) => {
    const call = ctx.genericCall(callOf(op));
    note(`child ${op.name} ${await call.invocationId}`);
    return await call;
  },
  send: async (ctx, op) => ctx.genericSend({ ...callOf(op), delay: op.delay_ms }).invocationId,
  resolve: async (ctx, op) => ctx.resolveAwakeable(op.id, op.value),
  reject: async (ctx, op) => ctx.rejectAwakeable(op.id, new TerminalError(op.message, { errorCode: op.code })),
  resolve_signal: async (ctx, op) => ctx.invocation(op.id).signal(op.name).resolve(op.value),
  reject_signal: async (ctx, op) =>
    ctx.invocation(op.id).signal(op.name).reject(new TerminalError(op.message, { errorCode: op.code })),
  cancel: async (ctx, op) => ctx.cancel(op.id),
  peek: async (ctx, op) => ctx.promise(op.name).peek(),
  keep: (ctx, op) => ctx.promise(op.name).resolve(op.value),
  break: (ctx, op) => ctx.promise(op.name).reject(op.message),
  about: async (ctx) => ({
    id: ctx.request().id,
    key: ctx.request().target.key ?? null,
    headers: Object.fromEntries(ctx.request().headers),
    attempt_headers: Object.fromEntries(ctx.request().attemptHeaders),
    scope: ctx.request().scope ?? null,
    limit_key: ctx.request().limitKey ?? null,
  }),
  dice: async (ctx) => [ctx.rand.uuidv4(), ctx.rand.random(), await ctx.date.now()],
  note: async (_ctx, op) => note(op.text),
  fail: async (_ctx, op) => {
    throw new TerminalError(op.message, { errorCode: op.code, metadata: op.metadata });
  },
  crash: async (_ctx, op) => {
    const mark = `crashed ${op.name}`;
    if (noted(mark) < op.times) {
      note(mark);
      throw new Error(`${op.name} crashed the ${noted(mark)}. time`);
    }
  },
  exit: async (_ctx, op) => {
    const mark = `exited ${op.name}`;
    if (noted(mark) < op.times) {
      note(mark);
      process.exit(1);
    }
  },
  pause: async (_ctx, op) => {
    await setTimeout(op.ms);
  },
  attempt: async (ctx, op) => {
    try {
      return { ok: await play(ctx, op.body) };
    } catch (error) {
      if (error instanceof TerminalError) return { failed: [error.code, error.message] };
      throw error;
    }
  },
};

async function play(ctx, program) {
  const results = [];
  for (const op of program) results.push((await (steps[op.do] ?? futures[op.do])(ctx, op)) ?? null);
  return results;
}

const quick = { initialInterval: 50, exponentiationFactor: 1, maxInterval: 50, maxAttempts: 1000 };
const twiceThenPause = { initialInterval: 50, maxAttempts: 2, onMaxAttempts: "pause" };
const twiceThenKill = { initialInterval: 50, maxAttempts: 2, onMaxAttempts: "kill" };
const rarely = { initialInterval: 600_000, maxInterval: 600_000 };

const shared = restate.handlers.object.shared;
const service = (name, options) =>
  restate.service({ name, handlers: { play }, options: { retryPolicy: quick, ...options } });
const object = (name, options, handlers = { play }) =>
  restate.object({ name, handlers, options: { retryPolicy: quick, ...options } });
const workflow = (name, options) =>
  restate.workflow({
    name,
    handlers: { run: play, watch: restate.handlers.workflow.shared((ctx, program) => play(ctx, program)) },
    options: { retryPolicy: quick, ...options },
  });

const services = [
  service("Player"),
  service("Hidden", { ingressPrivate: true }),
  object("Actor", {}, { play, watch: shared((ctx, program) => play(ctx, program)) }),
  object("LazyActor", { enableLazyState: true }),
  workflow("Story"),
  service("Stubborn", { retryPolicy: twiceThenPause }),
  object("StubbornActor", { retryPolicy: twiceThenPause }),
  service("Fragile", { retryPolicy: twiceThenKill }),
  service("Patient", { retryPolicy: rarely }),
  service("Brief", { idempotencyRetention: 1000, journalRetention: 0 }),
  workflow("BriefStory", { workflowRetention: 1000 }),
  service("Forgetful", { journalRetention: 0 }),
];

const [way, port, ...identityKeys] = process.argv.slice(2);
serve(way, port, { services, identityKeys: identityKeys.length ? identityKeys : undefined });
