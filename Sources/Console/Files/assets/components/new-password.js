import { h } from "../element.js";
import { field } from "./form.js";

/// A new password, typed twice.
export function newPassword() {
  const input = () => h("input", { type: "password", autocomplete: "new-password", maxlength: 512, required: true });
  const next = field({ label: "New password", name: "new_password", input: input(),
    hint: "At least 8 characters; long is better than complicated. It may not be one that is guessed first, nor have your name in it.",
    check: (value) => ([...value].length >= 8 ? null : "It must have at least 8 characters.") });
  const again = field({ label: "New password again", name: "again", input: input(),
    check: (value) => (value === next.input.value ? null : "It is not the same.") });
  return {
    elements: [next.element, again.element],
    get value() { return next.input.value; },
    say: next.say,
    /// Says at the fields what is wrong.
    ///
    /// - Returns: the first that is to be mended, or undefined.
    wrong: () => [next, again].filter((one) => !one.test())[0]?.input,
  };
}
