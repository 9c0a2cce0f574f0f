import { field } from "./components/form.js";
import { newPassword } from "./components/new-password.js";
import { h, fill } from "./element.js";
import { session } from "./session.js";
import { refusalInWords } from "./sign-in-words.js";

/// For whoever forgot their password: a code goes to their address, and with it they set another one. What the page says does
/// not tell whether there is an account.
///
/// - Parameter onBack: gets the address, and what was done, or nothing where the reader wants to go back.
export function recoveryForm({ email: address, onBack }) {
  const email = h("input", { type: "email", autocomplete: "username", maxlength: 254, autocapitalize: "none", spellcheck: "false", value: address });
  const where = field({ label: "E-mail", name: "email", input: email });
  const input = h("input", { autocomplete: "one-time-code", autocapitalize: "none", spellcheck: "false", maxlength: 200 });
  const token = field({ label: "Code of the mail", name: "token", input, hint: "The mail may take a minute; the code is good for ten." });
  const next = newPassword();
  const message = h("p.form-message", { role: "alert" });
  const button = h("button.button.primary", { type: "submit" });
  const told = h("p.muted", { role: "status" });
  const place = h("div");
  const element = h("form.card.sign-in", { novalidate: true, onsubmit: submit, "aria-labelledby": "sign-in-title" },
    h("img", { src: "/console/assets/icon.svg", alt: "", width: 40, height: 40 }),
    h("h1", { id: "sign-in-title" }, "A new password"), told, place, message, button,
    h("button.button.quiet", { type: "button", onclick: () => onBack(email.value.trim()) }, "Back to the sign-in"));
  let step = null;
  go({ say: ["A code goes to your address. With it you set another password."], fields: [where.element], label: "Mail me a code", act: ask, first: email });

  function go(to) {
    step = to;
    fill(told, to.say);
    fill(place, to.fields);
    button.textContent = to.label;
    to.first.focus();
  }

  async function ask() {
    const to = email.value.trim();
    if (!to) return refuse(where, "It is needed.");
    await session.recover(to);
    go({ say: ["If there is an account of ", h("b.address", {}, to), ", a mail with a code is on its way."],
      fields: [token.element, next.elements], label: "Set the password", act: set, first: input });
  }

  async function set() {
    const code = input.value.trim();
    if (!code) return refuse(token, "It is needed.");
    const wrong = next.wrong();
    if (wrong) return wrong.focus();
    try {
      await session.setPassword(code, next.value);
    } catch (problem) {
      if (problem.code === "invalid_token") return refuse(token, "It is wrong, too old, or was used before.");
      const error = problem.errors?.find((one) => one.field === "new_password");
      if (!error) throw problem;
      return next.say(`It ${error.message}.`);
    }
    onBack(email.value.trim(), "Your new password is set. Every device was signed out: sign in with it.");
  }

  function refuse(one, why) {
    one.say(why);
    one.input.focus();
  }

  async function submit(event) {
    event.preventDefault();
    if (button.disabled) return;
    fill(message);
    button.disabled = true;
    try {
      await step.act();
    } catch (problem) {
      fill(message, refusalInWords(problem));
    } finally {
      button.disabled = false;
    }
  }

  return { element, focus: () => step.first.focus() };
}
