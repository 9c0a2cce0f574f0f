import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { field } from "../components/form.js";
import { notify } from "../components/notice.js";
import { h, fill } from "../element.js";
import { session } from "../session.js";

/// The other sessions end with a new password; this one renews its token and goes on. Where there is no password, there is
/// none to change.
export function passwordSection(done) {
  const input = (autocomplete) => h("input", { type: "password", autocomplete, maxlength: 512, required: true });
  const current = field({ label: "Current password", name: "current_password", input: input("current-password") });
  const next = field({ label: "New password", name: "new_password", input: input("new-password"),
    hint: "At least 8 characters; long is better than complicated. It may not be one that is guessed first, nor have your name in it.",
    check: (value) => ([...value].length >= 8 ? null : "It must have at least 8 characters.") });
  const again = field({ label: "New password again", name: "again", input: input("new-password"),
    check: (value) => (value === next.input.value ? null : "It is not the same.") });
  const username = h("input.hidden", { type: "email", autocomplete: "username", value: session.email, tabindex: "-1", "aria-hidden": "true", "aria-label": "E-mail", readonly: true });
  const form = h("form.card.editor.narrow", { novalidate: true, "aria-labelledby": "password-title", onsubmit: (event) => {
    event.preventDefault();
    const wrong = [next, again].filter((one) => !one.test());
    if (!current.input.value) current.say("It is needed, so that a device left open is not enough.");
    if (wrong.length > 0 || !current.input.value) return (current.input.value ? wrong[0] : current).input.focus();
    confirm({
      heading: "Change your password?", label: "Change it",
      body: [h("p.muted", {}, "Every other device is signed out at once and has to log in with the new password. API keys stay.")],
      act: async () => {
        try {
          await api.post("/api/v1/auth/password", { current_password: current.input.value, new_password: next.input.value });
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
  } }, username, current.element, next.element, again.element,
  h("div.actions", {}, h("button.button.primary", { type: "submit" }, "Change password")));
  const place = h("div");
  return {
    element: h("section.section", { "aria-labelledby": "password-title" },
      h("div.section-head", {}, h("h2", { id: "password-title" }, "Password")), place),
    update: ({ has_password }) => fill(place, has_password ? form : h("p.none", {}, "None. You sign in without one.")),
  };
}
