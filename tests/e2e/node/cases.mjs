// Plays journal cases on the official TypeScript SDK's Lambda handler: one line of JSON in, one line out.
//
// A line has the handler's `program` (the verbs are those of tests/support/programs.py), its `kind`, its `service` and
// `handler`, and the `event` that Lambda would pass; the answer is what the function returns, or `{"error": ...}`.

import * as restate from "@restatedev/restate-sdk/lambda";
import { createInterface } from "node:readline";

const { RestatePromise, TerminalError, serde } = restate;

// All that the SDK wants of Node 22; with it, Node 20 will do.
Promise.withResolvers ??= function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};

const bytes = (text) => new TextEncoder().encode(text);
const plain = (value) => (value instanceof Uint8Array ? new TextDecoder().decode(value) : (value ?? null));
const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// As Python writes JSON, so that one case can say what both answer.
const spaced = (value) => {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${spaced(each)}`).join(", ")}}`;
};
const spacedJson = {
  contentType: "application/json",
  serialize: (value) => bytes(spaced(value)),
  deserialize: (data) => JSON.parse(new TextDecoder().decode(data)),
};

// The other SDKs write it in lower case.
const worded = (error) => (error instanceof restate.CancelledError ? "cancelled" : error.message);

const retryOptions = (options) => ({
  maxRetryAttempts: options.max_attempts,
  maxRetryDuration: options.max_duration,
  initialRetryInterval: options.initial_retry_interval,
  maxRetryInterval: options.max_retry_interval,
  retryIntervalFactor: options.retry_interval_factor,
});

class Execution {
  constructor(ctx) {
    this.ctx = ctx;
    this.seen = [];
    this.futures = {};
  }

  async all(program) {
    for (const [verb, ...given] of program) await this[verb](...given);
  }

  // Nothing of these is awaited, so none may return a promise.
  run(name, value) {
    this.futures[name] = this.ctx.run(name, async () => value);
  }
  run_after(name, value, seconds) {
    this.futures[name] = this.ctx.run(name, async () => {
      await wait(seconds);
      return value;
    });
  }
  run_fails(name, message, code) {
    this.futures[name] = this.ctx.run(name, async () => {
      throw new TerminalError(message, { errorCode: code });
    });
  }
  run_throws(name, message, options) {
    const fails = async () => {
      throw new Error(message);
    };
    this.futures[name] = this.ctx.run(name, fails, retryOptions(options));
  }
  sleep(variable, seconds, name) {
    this.futures[variable] = this.ctx.sleep(seconds * 1000, name);
  }
  call(variable, service, method, parameter, options) {
    this.futures[variable] = this.ctx.genericCall({
      service, method, parameter: bytes(parameter), inputSerde: serde.binary, outputSerde: serde.binary,
      scope: options?.scope, limitKey: options?.limit_key, key: options?.key, idempotencyKey: options?.idempotency_key,
      headers: options?.headers,
    });
  }
  send(variable, service, method, parameter, seconds) {
    this.futures[variable] = this.ctx.genericSend({
      service, method, parameter: bytes(parameter), inputSerde: serde.binary,
      delay: seconds === undefined ? undefined : seconds * 1000,
    });
  }
  async callee(variable) {
    this.seen.push(await this.futures[variable].invocationId);
  }
  cancel(id) {
    this.ctx.cancel(id);
  }
  attach(variable, id) {
    this.futures[variable] = this.ctx.attach(id, serde.binary);
  }
  get(variable, key) {
    this.futures[variable] = this.ctx.get(key);
  }
  keys(variable) {
    this.futures[variable] = this.ctx.stateKeys();
  }
  set(key, value) {
    this.ctx.set(key, value, spacedJson);
  }
  record(key) {
    this.ctx.set(key, this.seen, spacedJson);
  }
  clear(key) {
    this.ctx.clear(key);
  }
  clear_all() {
    this.ctx.clearAll();
  }
  awakeable(variable) {
    const { id, promise } = this.ctx.awakeable();
    this.futures[variable] = promise;
    this.seen.push(id);
  }
  resolve_awakeable(id, value) {
    this.ctx.resolveAwakeable(id, value);
  }
  reject_awakeable(id, message, code) {
    this.ctx.rejectAwakeable(id, new TerminalError(message, { errorCode: code }));
  }
  signal(variable, name) {
    this.futures[variable] = this.ctx.signal(name);
  }
  resolve_signal(id, name, value) {
    this.ctx.invocation(id).signal(name).resolve(value);
  }
  reject_signal(id, name, message, code) {
    this.ctx.invocation(id).signal(name).reject(new TerminalError(message, { errorCode: code }));
  }
  promise(variable, name) {
    this.futures[variable] = this.ctx.promise(name).get();
  }
  peek(variable, name) {
    this.futures[variable] = this.ctx.promise(name).peek();
  }
  complete(variable, name, value) {
    this.futures[variable] = this.ctx.promise(name).resolve(value);
  }
  async await(variable) {
    this.seen.push(plain(await this.futures[variable]));
  }
  async gather(...variables) {
    await RestatePromise.all(variables.map((variable) => this.futures[variable]));
    this.seen.push("gathered");
  }
  async select(...variables) {
    const named = variables.map((name) => this.futures[name].map((value, failure) => [name, value, failure]));
    const [name, value, failure] = await RestatePromise.race(named);
    if (failure) throw failure;
    this.seen.push(name, plain(value));
  }
  async catch(attempted, handling) {
    try {
      await this.all(attempted);
    } catch (error) {
      if (!(error instanceof TerminalError)) throw error;
      this.seen.push([error.code, worded(error)]);
      await this.all(handling);
    }
  }
  uuid() {
    this.seen.push(this.ctx.rand.uuidv4());
  }
  fail(message, code) {
    throw new TerminalError(message, { errorCode: code });
  }
  throw(message) {
    throw new Error(message);
  }
}

const define = { service: restate.service, object: restate.object, workflow: restate.workflow };

function functionOf({ program, kind, service, handler }) {
  const played = async (ctx) => {
    const execution = new Execution(ctx);
    try {
      await execution.all(program);
    } catch (error) {
      throw error instanceof restate.CancelledError ? new TerminalError(worded(error), { errorCode: error.code }) : error;
    }
    return execution.seen;
  };
  const options = { output: spacedJson };
  const handlers = { [handler]: restate.handlers.handler(options, played) };
  if (kind === "workflow" && handler !== "run") {
    handlers.run = async () => {};
    handlers[handler] = restate.handlers.workflow.shared(options, played);
  }
  return restate.createEndpointHandler({ services: [define[kind]({ name: service, handlers })] });
}

// The answers are all that may go out there.
for (const level of ["trace", "debug", "info", "log", "warn", "error"]) console[level] = () => {};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = await functionOf(asked)(asked.event, {});
  } catch (error) {
    answer = { error: `${error.stack ?? error}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
