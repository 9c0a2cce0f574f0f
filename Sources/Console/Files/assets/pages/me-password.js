import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { field } from "../components/form.js";
import { newPassword } from "../components/new-password.js";
import { notify } from "../components/notice.js";
import { h, fill } from "../element.js";
import { session } from "../session.js";

/// The other sessions end with a new password; this one renews its token and goes on. Where there is no password, there is
/// none to change.
export function passwordSection(done) {
  const current = field({ label: "Current password", name: "current_password",
    input: h("input", { type: "password", autocomplete: "current-password", maxlength: 512, required: true }) });
  const next = newPassword();
  const username = h("input.hidden", { type: "email", autocomplete: "username", value: session.email, tabindex: "-1", "aria-hidden": "true", "aria-label": "E-mail", readonly: true });
  const form = h("form.card.editor.narrow", { novalidate: true, "aria-labelledby": "password-title", onsubmit: (event) => {
    event.preventDefault();
    const wrong = next.wrong();
    if (!current.input.value) current.say("It is needed, so that a device left open is not enough.");
    if (wrong || !current.input.value) return (current.input.value ? wrong : current.input).focus();
    confirm({
      heading: "Change your password?", label: "Change it",
      body: [h("p.muted", {}, "Every other device is signed out at once and has to log in with the new password. API keys stay.")],
      act: async () => {
        try {
          await api.post("/api/v1/auth/password", { current_password: current.input.value, new_password: next.value });
        } catch (problem) {
          for (const error of problem.errors ?? []) {
            ({ current_password: current, new_password: next })[error.field]?.say(`It ${error.message}.`);
          }
          throw problem;
        }
        form.reset();
        notify("The password is changed.");
        await done();
      },
    });
  } }, username, current.element, next.elements,
  h("div.actions", {}, h("button.button.primary", { type: "submit" }, "Change password")));
  const place = h("div");
  return {
    element: h("section.section", { "aria-labelledby": "password-title" },
      h("div.section-head", {}, h("h2", { id: "password-title" }, "Password")), place),
    update: ({ has_password }) => fill(place, has_password ? form : h("p.none", {},
      "None. You sign in without one. ", h("i", {}, "Forgot your password?"), " on the sign-in page sets one, by a mail.")),
  };
}
