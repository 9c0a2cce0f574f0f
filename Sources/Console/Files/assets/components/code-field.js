import { h, fill } from "../element.js";
import { field } from "./form.js";

const kinds = {
  app: {
    label: "Code of your authenticator app", hint: "The six digits that it shows now.",
    attributes: { inputmode: "numeric", autocomplete: "one-time-code", maxlength: 12 },
    refusal: "It is wrong, too old, or was used before. Wait until the app shows the next one. Where none is ever taken, the "
      + "clock of the device with the app is wrong.",
    other: "recovery", change: "Use a recovery code",
  },
  recovery: {
    label: "Recovery code", hint: "One of the ten that you kept. It works once; dashes and capitals do not matter.",
    attributes: { autocomplete: "off", autocapitalize: "none", maxlength: 64 },
    refusal: "It is wrong, or was used before: each works once. Take another one.",
    other: "app", change: "Use the app's code",
  },
};

/// Where a second factor is shown: a code of the authenticator app or, in its place, a recovery code.
export function codeField() {
  const element = h("div.code-field");
  let shown = null;
  let kind = null;

  function show(name) {
    kind = kinds[name];
    const input = h("input.code", { id: "code", name: "code", type: "text", "aria-required": "true", spellcheck: "false", ...kind.attributes });
    shown = field({ label: kind.label, name: "code", hint: kind.hint, input });
    fill(element, shown.element, h("button.button.quiet.change", { type: "button", onclick: () => {
      show(kind.other);
      shown.input.focus();
    } }, kind.change));
  }

  show("app");
  return {
    element,
    get value() {
      return shown.input.value.trim();
    },
    focus() {
      shown.input.select();
      shown.input.focus();
    },
    /// Whether something is there; says so otherwise.
    test() {
      if (this.value) return true;
      shown.say("It is needed.");
      shown.input.focus();
      return false;
    },
    /// Says that the code was not taken, and what to do.
    refuse() {
      shown.say(kind.refusal);
    },
  };
}
