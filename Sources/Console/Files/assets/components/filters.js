import { h, fill } from "../element.js";
import { icon } from "./icons.js";

/// The filters of a list, which live in the address. `onChange` gets all of them, and the list starts anew.
///
/// chips   { name, legend, options: [[value, label]] } or null; "" is all
/// fields  [{ name, label, placeholder?, type?, options?: [text], isGrowing? }]
export function filters({ chips = null, fields, filter, onChange }) {
  const badges = new Map();
  const radios = (chips?.options ?? []).map(([value, label]) => {
    const badge = h("span.badge.plain-badge", { hidden: true });
    badges.set(value, badge);
    return h("label.chip", {},
      h("input", { type: "radio", name: chips.name, value, checked: value === (filter[chips.name] ?? ""),
        onchange: () => change() }),
      h("span", {}, label, badge));
  });
  const lists = new Map();
  const inputs = fields.map(({ name, label, placeholder, type = "text", options = null, isGrowing = false }) => {
    const list = options ? h("datalist", { id: `${name}-options` }, options.map((value) => h("option", { value }))) : null;
    if (list) lists.set(name, list);
    const input = h("input", {
      id: `filter-${name}`, name, type, value: filter[name] ?? "", placeholder, maxlength: 254, autocomplete: "off",
      autocapitalize: "none", spellcheck: "false", list: list ? list.id : null,
    });
    return { name, input, element: h("div.field", { class: isGrowing ? "grow" : "" },
      h("label", { for: input.id }, label), input, list) };
  });
  const names = [...(chips ? [chips.name] : []), ...fields.map((field) => field.name)];
  const isFiltered = names.some((name) => filter[name]);
  const form = h("form.filters", { role: "search", "aria-label": "Filter", onsubmit: (event) => {
    event.preventDefault();
    change();
  } },
  chips ? h("fieldset.chips", {}, h("legend.hidden", {}, chips.legend), radios) : null,
  h("div.fields", {}, inputs.map(({ element }) => element),
    h("button.button", { type: "submit" }, icon("search"), "Find"),
    isFiltered ? h("button.button.quiet", { type: "button", onclick: () => onChange({}) }, "Clear") : null));

  function change() {
    const next = Object.fromEntries(inputs.map(({ name, input }) => [name, input.value.trim()]));
    if (chips) next[chips.name] = form.querySelector(`input[name=${chips.name}]:checked`)?.value ?? "";
    if (names.every((name) => next[name] === (filter[name] ?? ""))) return;
    const at = document.activeElement;
    focusAfter = at?.type === "radio" ? `input[name=${chips?.name}]:checked` : at?.id && form.contains(at) ? `#${at.id}` : null;
    onChange(next);
  }

  // The list starts anew with the form; the hand stays where it was.
  const focused = focusAfter;
  focusAfter = null;
  if (focused) queueMicrotask(() => form.querySelector(focused)?.focus());
  queueMicrotask(() => form.querySelector("input[type=radio]:checked")?.parentElement.scrollIntoView({
    block: "nearest", inline: "nearest",
  }));

  return {
    element: form, isFiltered,
    /// A number at a chip; 0 shows none.
    count(value, number) {
      const badge = badges.get(value);
      if (!badge) return;
      badge.hidden = !number;
      fill(badge, number ? number.toLocaleString("en") : null);
    },
    know(name, options) {
      const list = lists.get(name);
      if (list) fill(list, options.map((value) => h("option", { value })));
    },
  };
}
let focusAfter = null;
