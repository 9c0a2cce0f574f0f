import { api } from "../api.js";
import { h, fill } from "../element.js";
import { Problem } from "../problem.js";
import { session } from "../session.js";
import { refusalInWords } from "../sign-in-words.js";
import { codeField } from "./code-field.js";
import { confirm } from "./confirm.js";
import { field } from "./form.js";

/// Has whoever is signed in prove again who they are, because what they want to do takes it (RFC 9470). `api.js` asks for it
/// and then does the thing again.
///
/// - Throws: `Problem` where they do not want to.
export async function stepUp() {
  const [factor, passkeys] = await Promise.all([api.get("/api/v1/auth/second-factor"), api.get("/api/v1/auth/passkeys")]);
  const proof = factor.enabled ? codeProof() : passwordProof();
  return new Promise((resolve, reject) => {
    let isProved = false;
    const dialog = confirm({
      heading: "Is it you?", label: "Go on",
      body: [h("p.muted", {}, "You signed in some time ago, and this decides over your account. Show once more who you are; ",
        "then it goes on by itself."),
      proof.element,
      session.canUsePasskeys && passkeys.items.length > 0 ? passkeyPlace(() => { isProved = true; dialog.close(); }) : null],
      act: async () => {
        await proof.show();
        isProved = true;
      },
    });
    dialog.addEventListener("close", () => (isProved ? resolve() : reject(new Problem(401, {
      code: "not_proved", title: "Nothing was done: you did not show again who you are",
    }))));
    proof.focus();
  });
}

function codeProof() {
  const code = codeField();
  return {
    element: code.element, focus: code.focus, show: () => code.with((text) => session.stepUp({ code: text })),
  };
}

function passwordProof() {
  const input = h("input", { type: "password", autocomplete: "current-password", maxlength: 512 });
  const password = field({ label: "Your password", name: "password", input });
  return {
    element: password.element, focus: () => input.focus(),
    show: () => session.stepUp({ password: input.value }),
  };
}

function passkeyPlace(onProved) {
  const message = h("p.form-message", { role: "alert" });
  const button = h("button.button", { type: "button", onclick: async () => {
    fill(message);
    button.disabled = true;
    try {
      await session.stepUpWithPasskey();
      onProved();
    } catch (problem) {
      fill(message, refusalInWords(problem));
    } finally {
      button.disabled = false;
    }
  } }, "Use a passkey instead");
  return h("div.stack", {}, button, message);
}
