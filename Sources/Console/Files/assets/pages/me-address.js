import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { field } from "../components/form.js";
import { notify } from "../components/notice.js";
import { h } from "../element.js";
import { session } from "../session.js";

const path = "/api/v1/auth";

/// One's address, the way to another one and, where nobody proved yet that it is one's own, the way to do so: joining a team
/// takes it.
///
/// - Parameter changed: called after something was done.
export function addressOf(account, { has_password: hasPassword }, changed) {
  const button = (label, act) => h("button.button.small", { onclick: act }, label);
  return [
    account.email,
    // An earlier version of the platform does not say.
    account.email_verified === false ? [h("span.tag.wide.apart", {}, "not confirmed"), button("Confirm it", askMail), " "] : " ",
    // The platform asks for the password.
    hasPassword ? button("Change it", askAddress) : null,
  ];

  function askMail() {
    confirm({
      heading: "Confirm your address?", label: "Send the mail",
      body: [h("p.muted", {}, "A mail with a code goes to ", h("b.address", {}, account.email), ". Enter the code here.")],
      act: async () => {
        await api.post(`${path}/verify/resend`, { email: account.email });
        // After this dialog has gone.
        queueMicrotask(() => askToken("verify", async () => {
          notify("Your address is confirmed.");
          await changed();
        }));
      },
    });
  }

  function askAddress() {
    const email = h("input", { type: "email", autocomplete: "email", autocapitalize: "none", spellcheck: "false", maxlength: 254 });
    const password = h("input", { type: "password", autocomplete: "current-password", maxlength: 512 });
    confirm({
      heading: "Another address", label: "Send the mail",
      body: [h("p.muted", {}, "A mail with a code goes to the new address. Until you enter the code here, ", h("b.address", {}, account.email),
        " stays; both are told."),
      field({ label: "New address", name: "new_email", input: email }).element,
      field({ label: "Current password", name: "current_password", input: password }).element],
      act: async () => {
        await api.post(`${path}/email`, { new_email: email.value.trim(), current_password: password.value });
        queueMicrotask(() => askToken("email/confirm", async () => {
          notify("Your address is another one now.");
          // It stands beside the pages, too.
          await session.reload();
        }));
      },
    });
  }
}

/// - Parameters:
///   - where: where the code goes. It is sent while signed in: whoever shows both keeps all that is in the account.
///   - done: called when it was taken.
function askToken(where, done) {
  const input = h("input", { autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 200 });
  const token = field({ label: "Code of the mail", name: "token", input, hint: "The mail may take a minute." });
  confirm({
    heading: "Enter the code", label: "Confirm", body: [token.element],
    act: async () => {
      await api.post(`${path}/${where}`, { token: input.value.trim() });
      await done();
    },
  });
}
