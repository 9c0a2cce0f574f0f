import { h, fill } from "./element.js";
import { session } from "./session.js";
import { codeForm } from "./sign-in-code.js";
import { waysElsewhere } from "./sign-in-elsewhere.js";
import { passkeyButton } from "./sign-in-passkey.js";
import { recoveryForm } from "./sign-in-recovery.js";
import { refusalInWords } from "./sign-in-words.js";
import { themeSwitch } from "./theme.js";

/// The page of whoever is not signed in. The address stays, and with it where they wanted to go.
///
/// - Parameters:
///   - notice: what led here.
///   - wrong: why a sign-in elsewhere came to nothing.
export function signIn(notice, wrong) {
  const main = h("main.alone");
  const show = (form) => fill(main, form, h("div.alone-tools", {}, themeSwitch()));

  function askPassword({ email, told = null, wrong = null }) {
    const form = passwordForm({ email, told, wrong, onChallenge: askCode, onForgotten: recover });
    show(form.element);
    return form;
  }

  function askCode(email, challenge) {
    const form = codeForm({ email, challenge, onBack: (wrong) => askPassword({ email, wrong }).focus() });
    show(form.element);
    form.focus();
  }

  function recover(email) {
    const form = recoveryForm({ email, onBack: (address, told) => askPassword({ email: address, told }).focus() });
    show(form.element);
    form.focus();
  }

  const first = askPassword({ email: session.email, told: notice, wrong });
  // Not on the first paint of a phone, whose keyboard would cover the page.
  if (matchMedia("(hover: hover)").matches) queueMicrotask(first.focus);
  return main;
}

/// - Parameters:
///   - told: what led here.
///   - wrong: why the last try came to nothing.
///   - onChallenge: gets the address and the problem `mfa_required`.
///   - onForgotten: gets the address, as far as it is there.
function passwordForm({ email: address, told, wrong, onChallenge, onForgotten }) {
  const email = h("input", {
    id: "email", name: "email", type: "email", autocomplete: "username", required: true, maxlength: 254,
    autocapitalize: "none", spellcheck: "false", value: address,
  });
  const password = h("input", {
    id: "password", name: "password", type: "password", autocomplete: "current-password", required: true, maxlength: 512,
  });
  const message = h("p.form-message", { role: "alert" }, wrong ?? "");
  const button = h("button.button.primary", { type: "submit" }, "Sign in");
  const element = h("form.card.sign-in", { onsubmit: submit, "aria-labelledby": "sign-in-title" },
    h("img", { src: "/console/assets/icon.svg", alt: "", width: 40, height: 40 }),
    h("h1", { id: "sign-in-title" }, "Gravity console"),
    told ? h("p.muted", { role: "status" }, told) : h("p.muted", {}, "For administrators, and for what is your own."),
    h("label", { for: "email" }, "E-mail"), email,
    h("label", { for: "password" }, "Password"), password,
    message, button, passkeyButton((text) => fill(message, text)),
    h("button.button.quiet", { type: "button", onclick: () => onForgotten(email.value.trim()) }, "Forgot your password?"),
    waysElsewhere((text) => fill(message, text)));

  async function submit(event) {
    event.preventDefault();
    if (button.disabled) return;
    fill(message);
    button.disabled = true;
    button.textContent = "Signing in…";
    try {
      await session.signIn(email.value.trim(), password.value);
    } catch (problem) {
      if (problem.code === "mfa_required") return onChallenge(email.value.trim(), problem);
      fill(message, refusalInWords(problem));
      password.select();
      password.focus();
    } finally {
      button.disabled = false;
      button.textContent = "Sign in";
    }
  }

  return { element, focus: () => (email.value ? password : email).focus() };
}
