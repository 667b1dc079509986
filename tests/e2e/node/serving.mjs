// Serves handlers with the official TypeScript SDK, over HTTP/2 without TLS or as a function: what is posted is then the
// event, what comes back is the answer.
import http from "node:http";
import http2 from "node:http2";

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
  lambda: (options) => http.createServer(answering(lambda.createEndpointHandler(options))),
};

export function serve(way, port, options) {
  servers[way](options).listen(Number(port), "127.0.0.1");
}
