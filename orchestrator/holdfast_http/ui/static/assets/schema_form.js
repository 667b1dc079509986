// A form from a JSON schema: fields for what is plain, a text of JSON for everything else.

import { field, h } from "./dom.js";

const SAMPLE = { string: "", integer: 0, number: 0, boolean: false, array: [], object: {}, null: null };

export function resolve(schema, root = schema) {
  let found = schema ?? {};
  for (let depth = 0; found.$ref && depth < 20; depth += 1) {
    found = found.$ref.replace(/^#\//, "").split("/").reduce((node, part) => node?.[decodeURIComponent(part)], root) ?? {};
  }
  return found;
}

export function sample(schema, root = schema, depth = 0) {
  const found = resolve(schema, root);
  if (found.default !== undefined) return found.default;
  if (found.examples?.length) return found.examples[0];
  if (found.const !== undefined) return found.const;
  if (found.enum) return found.enum[0];
  const choice = found.anyOf ?? found.oneOf ?? found.allOf;
  if (choice) return sample(choice[0], root, depth + 1);
  const type = Array.isArray(found.type) ? found.type[0] : found.type;
  if (type === "object" || found.properties) {
    if (depth > 6) return {};
    return Object.fromEntries(Object.entries(found.properties ?? {}).map(([name, each]) => [name, sample(each, root, depth + 1)]));
  }
  if (type === "array") return found.items && depth < 4 && found.minItems ? [sample(found.items, root, depth + 1)] : [];
  return SAMPLE[type] ?? null;
}

// Whether each property of an object is a plain field.
export function isPlain(schema) {
  const found = resolve(schema);
  const properties = Object.values(found.properties ?? {});
  return properties.length > 0 && properties.every((each) => ["string", "integer", "number", "boolean"].includes(resolve(each, schema).type));
}

export function formOf(schema, value, changed) {
  const found = resolve(schema);
  const required = new Set(found.required ?? []);
  const content = { ...value };
  return h("div", { class: "stack" }, Object.entries(found.properties).map(([name, each]) => {
    const property = resolve(each, schema);
    const text = `${property.title ?? name}${required.has(name) ? " *" : ""}`;
    const set = (next) => { content[name] = next; changed(content); };
    if (property.type === "boolean") return h("label", { class: "check" }, h("input", { type: "checkbox", checked: Boolean(content[name]), onchange: (event) => set(event.target.checked) }), text);
    if (property.enum) return field(text, h("select", { onchange: (event) => set(event.target.value) }, property.enum.map((option) => h("option", { value: option, selected: option === content[name] }, option))), property.description);
    const isNumber = property.type !== "string";
    const input = h("input", { type: isNumber ? "number" : "text", step: property.type === "integer" ? "1" : "any", value: String(content[name] ?? ""), oninput: (event) => set(isNumber ? Number(event.target.value) : event.target.value) });
    return field(text, input, property.description);
  }));
}
