import { h, fill } from "./element.js";
import { codeField } from "./components/code-field.js";
import { session } from "./session.js";
import { passkeyButton } from "./sign-in-passkey.js";
import { refusalInWords } from "./sign-in-words.js";

/// The second step of a sign-in whose password was right.
///
/// - Parameters:
///   - challenge: the problem `mfa_required`, which says what to send with the code and for how long it is good.
///   - onBack: gets why the password is needed again, or nothing where the reader wants it so.
export function codeForm({ email, challenge, onBack }) {
  const code = codeField();
  const message = h("p.form-message", { role: "alert" });
  const button = h("button.button.primary", { type: "submit" }, "Go on");
  const element = h("form.card.sign-in", { novalidate: true, onsubmit: submit, "aria-labelledby": "sign-in-title" },
    h("img", { src: "/console/assets/icon.svg", alt: "", width: 40, height: 40 }),
    h("h1", { id: "sign-in-title" }, "One more step"),
    h("p.muted", {}, "The password of ", h("b.address", {}, email), " is right. The account has a second factor, too."),
    code.element, message, button, passkeyButton((text) => fill(message, text)),
    h("button.button.quiet", { type: "button", onclick: () => leave() }, "Back to the password"));
  const timer = setTimeout(() => leave("That took too long. Enter your password again."), challenge.fields.expires_in * 1000);

  function leave(why) {
    clearTimeout(timer);
    if (element.isConnected) onBack(why);
  }

  async function submit(event) {
    event.preventDefault();
    if (button.disabled) return;
    fill(message);
    button.disabled = true;
    try {
      await code.with((text) => session.signInWithCode(email, challenge.fields.challenge, text));
      clearTimeout(timer);
    } catch (problem) {
      if (problem.code === "invalid_challenge") {
        return leave("That took too long, or the code was wrong too often. Enter your password again.");
      }
      // What is wrong with the code stands at it.
      if (problem.isTold) return;
      fill(message, refusalInWords(problem));
      code.focus();
    } finally {
      button.disabled = false;
    }
  }

  return { element, focus: code.focus };
}
