/// Makes elements. Text becomes text nodes and nothing is ever parsed as HTML, so what an API answers cannot become
/// markup; the page's policy (Trusted Types) forbids the other ways.

/// h("a.button", { href, onclick, "aria-label": "…" }, "text", child, [children], null)
export function h(selector, attributes = {}, ...children) {
  const [name, ...classes] = selector.split(".");
  return dress(document.createElement(name || "div"), classes, attributes, children);
}

/// The same for SVG.
export function svg(selector, attributes = {}, ...children) {
  const [name, ...classes] = selector.split(".");
  return dress(document.createElementNS("http://www.w3.org/2000/svg", name), classes, attributes, children);
}

function dress(element, classes, attributes, children) {
  if (classes.length > 0) element.classList.add(...classes);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.classList.add(...value.split(" ").filter(Boolean));
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    // By the object model: the policy forbids style attributes.
    else if (name === "vars") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child);
  }
}

/// Puts `children` in the place of what an element holds.
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}
