// Plays the ingress through the official TypeScript client: what it is asked to do comes as JSON, what came of it goes
// out as JSON. `node client.mjs <ingress url>` reads one list of requests from stdin.

import * as clients from "@restatedev/restate-sdk-clients";
import { readFileSync } from "node:fs";

const [url] = process.argv.slice(2);
const ingress = clients.connect({ url });

const clientOf = (place, { service, key }) => {
  if (service === "Story") return place.workflowClient({ name: service }, key);
  return key === undefined ? place.serviceClient({ name: service }) : place.objectClient({ name: service }, key);
};
const sendClientOf = (place, { service, key }) =>
  key === undefined ? place.serviceSendClient({ name: service }) : place.objectSendClient({ name: service }, key);

const options = ({ idempotencyKey, limitKey, delay, headers }) => ({ idempotencyKey, limitKey, delay, headers });
const place = ({ scope }) => (scope === undefined ? ingress : ingress.scope(scope));

const verbs = {
  call: (op) => clientOf(place(op), op)[op.handler](op.arg, clients.Opts.from(options(op))),
  send: (op) => sendClientOf(place(op), op)[op.handler](op.arg, clients.SendOpts.from(options(op))),
  sendAndWait: async (op) => ingress.result(await verbs.send(op)),
  submit: (op) => clientOf(place(op), op).workflowSubmit(op.arg),
  submitAndWait: async (op) => ingress.result(await verbs.submit(op)),
  attach: (op) => clientOf(place(op), op).workflowAttach(),
  output: async (op) => {
    const output = await clientOf(place(op), op).workflowOutput();
    return output.ready ? { ready: true, result: output.result } : { ready: false };
  },
  resolve: (op) => ingress.resolveAwakeable(op.id, op.value),
  reject: (op) => ingress.rejectAwakeable(op.id, op.reason),
};

const told = async (op) => {
  try {
    return { ok: (await verbs[op.do](op)) ?? null };
  } catch (error) {
    return { failed: error.status ?? null, text: `${error.responseText ?? error.message}` };
  }
};

const answers = [];
for (const op of JSON.parse(readFileSync(0, "utf-8"))) answers.push(await told(op));
console.log(JSON.stringify(answers));
