import { h, fill } from "./element.js";
import { session } from "./session.js";
import { themeSwitch } from "./theme.js";

/// The page of whoever is not signed in. The address stays, and with it where they wanted to go.
export function signIn(notice) {
  const email = h("input", {
    id: "email", name: "email", type: "email", autocomplete: "username", required: true, maxlength: 254,
    autocapitalize: "none", spellcheck: "false", value: session.email,
  });
  const password = h("input", {
    id: "password", name: "password", type: "password", autocomplete: "current-password", required: true, maxlength: 512,
  });
  const message = h("p.form-message", { role: "alert" });
  const button = h("button.button.primary", { type: "submit" }, "Sign in");
  const passkey = h("button.button", { type: "button", onclick: usePasskey }, "Use a passkey");
  const form = h("form.card.sign-in", { onsubmit: submit, "aria-labelledby": "sign-in-title" },
    h("img", { src: "/console/assets/icon.svg", alt: "", width: 40, height: 40 }),
    h("h1", { id: "sign-in-title" }, "Gravity console"),
    notice ? h("p.muted", { role: "status" }, notice) : h("p.muted", {}, "For the administrators of this platform."),
    h("label", { for: "email" }, "E-mail"), email,
    h("label", { for: "password" }, "Password"), password,
    message, button, session.canUsePasskeys ? passkey : null);

  async function submit(event) {
    event.preventDefault();
    if (button.disabled) return;
    fill(message);
    button.disabled = true;
    button.textContent = "Signing in…";
    try {
      await session.signIn(email.value.trim(), password.value);
    } catch (problem) {
      fill(message, explain(problem));
      password.select();
      password.focus();
    } finally {
      button.disabled = false;
      button.textContent = "Sign in";
    }
  }

  async function usePasskey() {
    if (passkey.disabled) return;
    fill(message);
    passkey.disabled = true;
    try {
      await session.signInWithPasskey();
    } catch (problem) {
      fill(message, explain(problem));
    } finally {
      passkey.disabled = false;
    }
  }

  // Not on the first paint of a phone, whose keyboard would cover the page.
  if (matchMedia("(hover: hover)").matches) queueMicrotask(() => (email.value ? password : email).focus());
  return h("main.alone", {}, form, h("div.alone-tools", {}, themeSwitch()));
}

function explain(problem) {
  // What the browser says, whose words are for programmers.
  if (problem instanceof DOMException) return "The passkey was not used: it was canceled, or took too long.";
  const wait = problem.retryAfter ? ` Try again in ${problem.retryAfter} s.` : "";
  switch (problem.code) {
    case "invalid_credentials": return "E-mail address or password is wrong.";
    case "too_many_attempts":
    case "rate_limited": return `Too many attempts.${wait}`;
    case "unreachable": return "The platform cannot be reached. Is it running?";
    default: return `${problem.message}.${problem.detail ? ` ${problem.detail}` : ""}${wait}`;
  }
}
