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
///
/// - Parameter hasRecovery: false where only the app's code counts.
export function codeField({ hasRecovery = true } = {}) {
  const element = h("div.code-field");
  let shown = null;
  let kind = null;

  function show(name) {
    kind = kinds[name];
    const input = h("input.code", { id: "code", name: "code", type: "text", "aria-required": "true", spellcheck: "false", ...kind.attributes });
    shown = field({ label: kind.label, name: "code", hint: kind.hint, input });
    fill(element, shown.element, hasRecovery ? h("button.button.quiet.change", { type: "button", onclick: () => {
      show(kind.other);
      shown.input.focus();
    } }, kind.change) : null);
  }

  function focus() {
    shown.input.select();
    shown.input.focus();
  }

  function refuse(atField, told) {
    shown.say(atField);
    focus();
    throw Object.assign(new Error(told), { isTold: true });
  }

  show("app");
  return {
    element, focus,
    /// Says at the field what is wrong with a code that is missing or was not taken, and throws.
    async with(use) {
      const code = shown.input.value.trim();
      if (!code) refuse("It is needed.", "There is no code yet.");
      try {
        return await use(code);
      } catch (problem) {
        if (problem.code !== "invalid_code") throw problem;
        return refuse(kind.refusal, "The code was not taken.");
      }
    },
  };
}
