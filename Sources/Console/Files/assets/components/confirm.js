import { h, fill } from "../element.js";
import { inWords, showErrors } from "./form.js";

/// One may be on top of another.
let count = 0;

/// Asks before something is done. `act` does it and may throw a `Problem`, which is shown here; the dialog stays open
/// until it is done or given up. The browser keeps the focus inside and gives it back.
///
/// - Parameter isDangerous: What cannot be taken back is a button of another colour.
export function confirm({ heading, body, label, act, isDangerous = false }) {
  const message = h("p.form-message", { role: "alert" });
  const title = `dialog-title-${(count += 1)}`;
  const accept = h("button.button", { type: "submit", class: isDangerous ? "danger" : "primary" }, label);
  const cancel = h("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const dialog = h("dialog.card.dialog.question", { "aria-labelledby": title, onclose: leave },
    h("form", { method: "dialog", onsubmit: submit },
      h("h2", { id: title }, heading), body, message, h("div.actions", {}, cancel, accept)));

  async function submit(event) {
    event.preventDefault();
    if (accept.disabled) return;
    showErrors(dialog, []);
    accept.disabled = true;
    fill(message);
    try {
      await act();
      dialog.close();
    } catch (problem) {
      // What `act` has said itself at a field stays.
      const rest = problem.errors?.length > 0 ? showErrors(dialog, problem.errors) : [];
      fill(message, inWords(problem, rest));
      accept.disabled = false;
    }
  }

  function leave() {
    dialog.remove();
    // What opened it may be drawn anew: a keyboard or a screen reader goes on from the page's heading.
    if (document.activeElement === document.body) document.querySelector("main h1")?.focus({ preventScroll: true });
  }

  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/// When whoever was asked is not signed in any more.
export function closeQuestions() {
  for (const dialog of document.querySelectorAll("dialog.question")) dialog.close();
}
