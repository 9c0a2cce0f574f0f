import { h, fill } from "../element.js";

/// Asks before something is done. `act` does it and may throw a `Problem`, which is shown here; the dialog stays open
/// until it is done or given up. The browser keeps the focus inside and gives it back.
export function confirm({ heading, body, label, act }) {
  const message = h("p.form-message", { role: "alert" });
  const accept = h("button.button.primary", { type: "submit" }, label);
  const cancel = h("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const dialog = h("dialog.card.dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() },
    h("form", { method: "dialog", onsubmit: submit },
      h("h2", { id: "dialog-title" }, heading), body, message, h("div.actions", {}, cancel, accept)));

  async function submit(event) {
    event.preventDefault();
    if (accept.disabled) return;
    accept.disabled = true;
    fill(message);
    try {
      await act();
      dialog.close();
    } catch (problem) {
      fill(message, problem.message, problem.detail ? `: ${problem.detail}` : ".");
      accept.disabled = false;
    }
  }

  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
