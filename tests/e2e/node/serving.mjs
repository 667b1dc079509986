// Serves handlers with the official TypeScript SDK: over HTTP/2 without TLS (`h2c`) or with it (`h2`, key and certificate
// in the file that HOLDFAST_BLACKBOX_CERTIFICATE names), over HTTP/1.1 (`http1`), or as a function (`lambda`): what is
// posted is then the event, what comes back is the answer.
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";

// All that the SDK wants of Node 22; with it, Node 20 will do.
Promise.withResolvers ??= function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};

const restate = await import("@restatedev/restate-sdk");
const lambda = await import("@restatedev/restate-sdk/lambda");

const answering = (handler) => async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  try {
    const answer = await handler(JSON.parse(Buffer.concat(parts)), {});
    response.writeHead(200).end(JSON.stringify(answer));
  } catch (error) {
    response.writeHead(500).end(JSON.stringify({ errorType: error.name, errorMessage: error.message }));
  }
};

const servers = {
  h2c: (options) => http2.createServer(restate.createEndpointHandler(options)),
  h2: (options) => {
    const pem = readFileSync(process.env.HOLDFAST_BLACKBOX_CERTIFICATE);
    return http2.createSecureServer({ key: pem, cert: pem }, restate.createEndpointHandler(options));
  },
  http1: (options) => {
    const handler = restate.createEndpointHandler({ ...options, bidirectional: false });
    const file = process.env.HOLDFAST_BLACKBOX_CERTIFICATE;
    if (file === undefined) return http.createServer(handler);
    const pem = readFileSync(file);
    return https.createServer({ key: pem, cert: pem }, handler);
  },
  lambda: (options) => http.createServer(answering(lambda.createEndpointHandler(options))),
};

export function serve(way, port, options) {
  servers[way](options).listen(Number(port), "127.0.0.1");
}
