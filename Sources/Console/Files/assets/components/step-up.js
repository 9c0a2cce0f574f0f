import { h, fill } from "../element.js";
import { Problem } from "../problem.js";
import { session } from "../session.js";
import { elsewhere, signInElsewhere } from "../sign-in-elsewhere.js";
import { refusalInWords } from "../sign-in-words.js";
import { codeField } from "./code-field.js";
import { confirm } from "./confirm.js";
import { field } from "./form.js";

/// Has whoever is signed in prove again who they are, because what they want to do takes it (RFC 9470). `api.js` asks for it
/// and then does the thing again.
///
/// - Parameter refusal: the problem, whose `methods` says by what they can; not where that could not be told.
/// - Throws: `Problem` where they do not want to, or cannot.
export async function stepUp(refusal) {
  const methods = refusal.fields.methods ?? ["password"];
  const hasPasskey = session.canUsePasskeys && methods.includes("passkey");
  const proof = methods.includes("totp") ? codeProof(methods.includes("recovery_code"))
    : methods.includes("password") ? passwordProof() : hasPasskey ? passkeyProof() : null;
  if (!proof) return signInAgain();
  return new Promise((resolve, reject) => {
    let isProved = false;
    const dialog = confirm({
      heading: "Is it you?", label: proof.label ?? "Go on",
      body: [h("p.muted", {}, "You signed in some time ago, and this decides over your account. Show once more who you are; ",
        "then it goes on by itself."),
      proof.element,
      hasPasskey && proof.element ? passkeyPlace(() => { isProved = true; dialog.close(); }) : null],
      act: async () => {
        await proof.show();
        isProved = true;
      },
    });
    dialog.addEventListener("close", () => (isProved ? resolve()
      : reject(notProved("Nothing was done: you did not show again who you are"))));
    proof.focus?.();
  });
}

/// Whoever has none of these signed in elsewhere, and shows who they are there. The session ends, as that is another one.
async function signInAgain() {
  const auth = await elsewhere();
  if (!auth?.isHere) throw notProved("Nothing was done: sign out, and sign in again, first");
  return new Promise((_, reject) => {
    const dialog = confirm({
      heading: "Sign in again?", label: "Sign out and in again",
      body: h("p.muted", {}, "You signed in some time ago, and this decides over your account. Nothing was done yet: ",
        "sign in again, and you are back on this page to do it. Where your provider does not say when you signed in there, set a ",
        "password first: ", h("i", {}, "Forgot your password?"), " on the sign-in page."),
      async act() {
        await session.signOut();
        await signInElsewhere(auth, "login");
      },
    });
    dialog.addEventListener("close", () => reject(notProved("Nothing was done: you did not sign in again")));
  });
}

const notProved = (title) => new Problem(401, { code: "not_proved", title });

function codeProof(hasRecovery) {
  const code = codeField({ hasRecovery });
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

/// Where there is nothing else.
function passkeyProof() {
  return {
    label: "Use a passkey", element: null,
    async show() {
      try {
        await session.stepUpWithPasskey();
      } catch (problem) {
        throw new Error(refusalInWords(problem));
      }
    },
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
