import { choices, field } from "../components/form.js";
import { icon } from "../components/icons.js";
import { h, fill } from "../element.js";
import { inWords, permissionError } from "../permissions.js";

/// Permissions out of those that the platform's endpoints ask for, and others that are typed: wildcards, and those of
/// services that are not here.
///
/// - Parameters:
///   - others: [[value, label, hint]] that stand before them.
///   - only: whether a permission may be chosen at all.
export function permissionPicker({ legend = "Permissions", name, chosen, catalogue, others = [], only = () => true }) {
  const offered = [...catalogue.keys()].filter(only);
  const known = new Set([...others.map(([value]) => value), ...offered]);
  const boxes = choices({
    legend, name, chosen,
    options: [...others, ...offered.map((permission) => [permission, h("code", {}, permission), inWords(permission, catalogue)])],
  });
  const extra = chosen.filter((permission) => !known.has(permission));
  const list = h("ul.extras");
  const input = h("input", { placeholder: "orders:*", maxlength: 129, autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  const another = field({
    label: "Another one", name: `${name}-another`, input, hint: "resource:action; * stands for every one, also later ones.",
  });
  const add = h("button.button", { type: "button", onclick: take }, icon("plus"), "Add");
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    take();
  });

  function take() {
    const value = input.value.trim();
    const wrong = permissionError(value) ?? (extra.includes(value) || boxes.values.includes(value) ? "It is there already." : null);
    another.say(wrong);
    if (wrong) return input.focus();
    const box = boxes.element.querySelector(`input[value="${CSS.escape(value)}"]`);
    if (box) box.click();
    else extra.push(value);
    input.value = "";
    draw();
    input.focus();
  }

  function draw() {
    list.hidden = extra.length === 0;
    fill(list, extra.map((permission) => h("li", {}, h("code", {}, permission),
      h("span.muted", {}, inWords(permission, catalogue)),
      h("button.icon-button", { type: "button", "aria-label": `Take ${permission} out`, title: "Take out", onclick: () => {
        extra.splice(extra.indexOf(permission), 1);
        draw();
        input.focus();
      } }, icon("cross")))));
  }
  draw();
  return {
    element: [boxes.element, list, h("div.fields", {}, another.element, add)],
    get values() { return [...boxes.values, ...extra]; },
  };
}
