import { h } from "../element.js";
import { icon } from "./icons.js";
import { notify } from "./notice.js";

/// Names and values of a thing. [[name, content, { copy?: text }?]]; those without content are left out.
export function facts(entries) {
  return h("dl.facts", {}, entries.filter(([, content]) => content !== null && content !== undefined && content !== "")
    .map(([name, content, options]) => h("div", {}, h("dt", {}, name),
      h("dd", {}, content, options?.copy ? copyButton(name, options.copy) : null))));
}

/// Nothing where the browser gives no clipboard (a page without TLS that is not on this machine).
export function copyButton(name, text) {
  if (!navigator.clipboard) return null;
  return h("button.icon-button", {
    type: "button", "aria-label": `Copy ${name}`, title: "Copy",
    onclick: () => copyText(name, text),
  }, icon("copy"));
}

export async function copyText(name, text) {
  try {
    await navigator.clipboard.writeText(text);
    notify(`${name} copied.`);
  } catch {
    notify("The browser does not let the page copy.");
  }
}
