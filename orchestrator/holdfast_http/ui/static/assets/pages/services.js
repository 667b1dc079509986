// All services with their handlers.

import { api } from "../api.js";
import { fill, h, link } from "../dom.js";

export async function services(page) {
  const all = await api.services();
  const search = h("input", { type: "search", placeholder: "Find a service or handler  /", "aria-label": "Find a service or handler", "data-search": "", oninput: () => draw() });
  const cards = h("div", { class: "cards" });
  fill(page, h("div", { class: "head" }, h("h1", { class: "grow" }, "Services"), search), cards);
  function draw() {
    const text = search.value.toLowerCase();
    const found = all.filter((service) => [service.name, ...service.handlers.map((each) => each.name)].some((name) => name.toLowerCase().includes(text)));
    fill(cards, found.map(card), !found.length && h("p", { class: "empty panel" }, all.length ? "None has that in its name." : "No services are registered."));
  }
  draw();
}

export function playgroundLink(service, handler) {
  return link(`/ui/playground?${new URLSearchParams({ service, handler })}`, "call");
}

function card(service) {
  const path = `/ui/services/${encodeURIComponent(service.name)}`;
  return h("article", { class: "panel stack", "aria-label": service.name },
    h("div", { class: "row between" }, h("h2", { style: { margin: "0" } }, link(path, service.name)), h("span", { class: "badge" }, service.ty)),
    service.documentation && h("p", { class: "small", style: { margin: "0" } }, service.documentation),
    h("table", { "aria-label": `Handlers of ${service.name}` }, h("tbody", {}, service.handlers.map((handler) => h("tr", {},
      h("td", { class: "mono" }, handler.name), h("td", { class: "small dim" }, handler.ty ?? ""), h("td", {}, playgroundLink(service.name, handler.name)))))),
    h("div", { class: "row small" }, link(`/ui/invocations?${new URLSearchParams({ service: service.name })}`, "invocations"),
      service.ty !== "Service" && link(`/ui/objects?${new URLSearchParams({ service: service.name })}`, "keys and state"),
      h("span", { class: "dim" }, `revision ${service.revision}`), !service.public && h("span", { class: "badge" }, "private")));
}
