import { icon } from "../components/icons.js";
import { h, fill } from "../element.js";
import { sagaStates } from "./saga-words.js";

/// State, kind and subject. `onChange` gets all of them as the address is to have them, and the list starts anew.
export function sagaFilters(filter, onChange) {
  const parked = h("span.badge", { hidden: true });
  // What somebody has to look at stands where it is seen first, on a narrow screen too.
  const states = ["parked", ...Object.keys(sagaStates).filter((state) => state !== "parked")];
  const radios = [["", "All"], ...states.map((state) => [state, sagaStates[state].label])].map(
    ([state, label]) => h("label.chip", {},
      h("input", { type: "radio", name: "state", value: state, checked: state === filter.state, onchange: () => change() }),
      h("span", {}, label, state === "parked" ? parked : null)));
  const kinds = h("datalist", { id: "kinds" });
  const name = h("input", {
    id: "name", name: "name", value: filter.name, placeholder: "order.placement", list: "kinds", maxlength: 100,
    autocomplete: "off", autocapitalize: "none", spellcheck: "false", onchange: () => change(),
  });
  const subject = h("input", {
    id: "subject", name: "subject", type: "search", value: filter.subject, placeholder: "an order's id, or a saga's",
    maxlength: 200, autocomplete: "off", autocapitalize: "none", spellcheck: "false",
  });
  const isFiltered = filter.state || filter.name || filter.subject;
  const form = h("form.filters", { role: "search", "aria-label": "Filter", onsubmit: (event) => {
    event.preventDefault();
    change();
  } },
  h("fieldset.chips", {}, h("legend.hidden", {}, "State"), radios),
  h("div.fields", {},
    h("div.field.grow", {}, h("label", { for: "subject" }, "Subject"), subject),
    h("div.field", {}, h("label", { for: "name" }, "Kind"), name, kinds),
    h("button.button", { type: "submit" }, icon("search"), "Find"),
    isFiltered ? h("button.button.quiet", { type: "button", onclick: () => onChange({}) }, "Clear") : null));

  function change() {
    const next = {
      state: form.querySelector("input[name=state]:checked")?.value ?? "",
      name: name.value.trim(), subject: subject.value.trim(),
    };
    // Enter in a field changes it and sends the form: once is enough.
    if (["state", "name", "subject"].every((key) => next[key] === filter[key])) return;
    focusAfter = document.activeElement?.name === "state" ? "state" : document.activeElement?.id || null;
    onChange(next);
  }

  // The list starts anew with the form; the hand stays where it was.
  const focused = focusAfter;
  focusAfter = null;
  if (focused) {
    queueMicrotask(() => form.querySelector(focused === "state" ? "input[name=state]:checked" : `#${focused}`)?.focus());
  }

  queueMicrotask(() => form.querySelector("input[name=state]:checked")?.parentElement.scrollIntoView({
    block: "nearest", inline: "nearest",
  }));

  return {
    element: form,
    know(names) {
      fill(kinds, [...new Set([...names, "order.placement", "order.cancellation"])].sort()
        .map((value) => h("option", { value })));
    },
    countParked(count) {
      parked.hidden = count === 0;
      parked.textContent = count >= 100 ? "100+" : String(count);
    },
  };
}
let focusAfter = null;
