// Elements from JavaScript: text is always text, so that no value of an invocation can become markup.

export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== false) element.append(child);
  }
}

export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

export function link(path, ...children) {
  return h("a", { href: path }, ...children);
}

export function field(label, control, hint) {
  return h("label", { class: "field" }, label, control, hint && h("span", { class: "small dim" }, hint));
}

export function select(options, chosen, onchange, attributes) {
  const element = h("select", { ...attributes, onchange: (event) => onchange(event.target.value) });
  for (const option of options) {
    const [value, text] = Array.isArray(option) ? option : [option, option];
    element.append(h("option", { value, selected: value === chosen }, text));
  }
  return element;
}

export function toast(text, isBad = false) {
  const element = h("div", { class: isBad ? "toast bad" : "toast" }, text);
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), isBad ? 9000 : 4000);
}

// A dialog that resolves to what `read` returns when it is confirmed, and to null when it is left.
export function ask({ title, body, confirm = "OK", danger = false, read = () => true }) {
  return new Promise((resolve) => {
    const heading = h("h2", { id: `dialog-${Date.now()}` }, title);
    const yes = h("button", { type: "submit", class: danger ? "danger" : "primary" }, confirm);
    const no = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
    const form = h("form", { class: "stack", method: "dialog" }, heading, body, h("div", { class: "row" }, confirm && yes, no));
    const dialog = h("dialog", { "aria-labelledby": heading.id }, form);
    let answer = null;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer = read();
      if (answer !== undefined) dialog.close();
    });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer ?? null); });
    document.body.append(dialog);
    dialog.showModal();
  });
}
