import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { field } from "../components/form.js";
import { notify } from "../components/notice.js";
import { h } from "../element.js";

/// One's address and, where nobody proved yet that it is one's own, the way to do so: joining a team takes it.
///
/// - Parameter changed: called after something was done.
export function addressOf(account, changed) {
  // An earlier version of the platform does not say.
  if (account.email_verified !== false) return account.email;
  return [account.email, h("span.tag.wide.apart", {}, "not confirmed"), h("button.button.small", { onclick: askMail }, "Confirm it")];

  function askMail() {
    confirm({
      heading: "Confirm your address?", label: "Send the mail",
      body: [h("p.muted", {}, "A mail with a code goes to ", h("b.address", {}, account.email), ". Enter the code here.")],
      act: async () => {
        await api.post("/api/v1/auth/verify/resend", { email: account.email });
        // After this dialog has gone.
        queueMicrotask(askToken);
      },
    });
  }

  function askToken() {
    const input = h("input", { autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 200 });
    const token = field({ label: "Code of the mail", name: "token", input, hint: "The mail may take a minute." });
    confirm({
      heading: "Enter the code", label: "Confirm", body: [token.element],
      act: async () => {
        // Sent while signed in: whoever shows both keeps all that is in the account.
        await api.post("/api/v1/auth/verify", { token: input.value.trim() });
        notify("Your address is confirmed.");
        await changed();
      },
    });
  }
}
