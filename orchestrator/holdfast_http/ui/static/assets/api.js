// The admin API, and the ingress where the playground calls handlers.

export class ApiError extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

async function request(method, path, body, type = "application/json") {
  const options = { method, headers: { accept: "application/json" } };
  if (body !== undefined) {
    options.headers["content-type"] = type;
    options.body = type === "application/json" ? JSON.stringify(body) : body;
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new ApiError(0, "the server cannot be reached");
  }
  // The server has another token than this page was let in with: the page that is loaded anew asks for it.
  if (response.status === 401) location.reload();
  const text = await response.text();
  let content = null;
  try { content = text ? JSON.parse(text) : null; } catch { content = { message: text.slice(0, 500) }; }
  if (!response.ok) throw new ApiError(response.status, content?.message ?? `the server answered ${response.status}`);
  return content;
}

const q = encodeURIComponent;

export function queryOf(values) {
  const parts = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return parts.length ? `?${parts.map(([name, value]) => `${name}=${q(value)}`).join("&")}` : "";
}

export const api = {
  version: () => request("GET", "/version"),
  overview: () => request("GET", "/overview"),
  services: async () => (await request("GET", "/services")).services,
  service: (name) => request("GET", `/services/${q(name)}`),
  configure: (name, options) => request("PATCH", `/services/${q(name)}`, options),
  deployments: async () => (await request("GET", "/deployments")).deployments,
  register: (body) => request("POST", "/v3/deployments", body),
  forgetDeployment: (id, force) => request("DELETE", `/deployments/${q(id)}?force=${force}`),
  invocations: (filter) => request("GET", `/invocations${queryOf(filter)}`),
  invocation: (id) => request("GET", `/invocations/${q(id)}?values=whole`),
  operate: (id, verb, options = {}) => request("PATCH", `/invocations/${q(id)}/${verb}${queryOf(options)}`),
  batch: (verb, ids) => request("POST", `/internal/invocations_batch_operations/${verb}`, { invocation_ids: ids }),
  keys: (filter) => request("GET", `/keys${queryOf(filter)}`),
  key: (service, key, scope) => request("GET", `/keys/${q(service)}/${q(key)}${queryOf({ scope })}`),
  editState: (service, body) => request("POST", `/services/${q(service)}/state`, body),
  rules: () => request("GET", "/limits/rules"),
  putRules: (rules) => request("PUT", "/limits/rules", rules),
  removeRules: (rules) => request("POST", "/limits/rules/bulk-delete", rules),
  completeAwakeable: (ingress, id, how, body) => request("POST", `${ingress.replace(/\/$/, "")}/restate/awakeables/${q(id)}/${how}`, body, how === "reject" ? "text/plain" : undefined),
  sql: async (query) => (await request("POST", "/query", { query })).rows,
};
