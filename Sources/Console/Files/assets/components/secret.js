import { h } from "../element.js";
import { copyButton } from "./facts.js";
import { icon } from "./icons.js";

/// Shows what is shown once. It is in this dialog only, and gone when the reader says that they have it: neither Escape
/// nor a click beside it closes it by mistake.
export function showOnce({ heading, warning, lines = [], content, label }) {
  return new Promise((resolve) => {
    const dialog = h("dialog.card.dialog", {
      "aria-labelledby": "secret-title", oncancel: (event) => event.preventDefault(),
      onclose: () => { dialog.remove(); resolve(); },
    }, h("form", { method: "dialog" },
      h("h2", { id: "secret-title" }, heading),
      h("p.warning", {}, icon("alert"), h("span", {}, warning)),
      lines.map((line) => h("p.muted", {}, line)), content,
      h("div.actions", {}, h("button.button.primary", { type: "submit" }, label))));
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("input")?.focus();
  });
}

/// values  [[label, secret]]
export function showSecret({ heading, lines, values }) {
  return showOnce({
    heading, lines, label: "I have kept it",
    warning: "It is shown this once. Put it where it is to be used; nobody can look it up later.",
    content: values.map(([label, value]) => secretField(label, value)),
  });
}

/// What is there to be copied: read as it is, marked at once when it gets the focus.
export function secretField(label, value) {
  const id = `secret-${label.toLowerCase().replaceAll(" ", "-")}`;
  const input = h("input.secret", { id, readonly: true, value, spellcheck: "false", autocomplete: "off",
    onfocus: (event) => event.target.select() });
  return h("div.field", {}, h("label", { for: id }, label), h("div.secret-line", {}, input, copyButton(label, value)));
}
