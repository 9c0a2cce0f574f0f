import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { choices, field } from "../components/form.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { deviceName } from "../device.js";
import { h } from "../element.js";
import { session } from "../session.js";
import { titleOf } from "./account-words.js";

/// What an administrator can do with an account. Each says before what follows, and is refused by the server where the
/// account was changed since it was shown.
export class AccountActions {
  #path;
  #changed;

  constructor(path, changed) {
    this.#path = path;
    this.#changed = changed;
  }

  buttons(account, tag, security) {
    if (account.status === "deleted") return null;
    const may = session.may("accounts:write");
    const button = (label, iconName, act, kind = "") => h("button.button", {
      class: kind, disabled: !may, title: may ? "" : "Your roles do not grant accounts:write.", onclick: act,
    }, icon(iconName), label);
    return [
      account.status === "unverified" ? [
        h("button.button", { onclick: () => this.#resend(account) }, icon("mail"), "Mail the token again"),
        button("Make active", "check", () => this.#activate(account, tag)),
      ] : null,
      button("Change roles", "shield", () => this.#changeRoles(account, tag)),
      account.status === "suspended" ? button("Reinstate", "undo", () => this.#reinstate(account, tag), "primary")
        : button("Suspend", "hand", () => this.#suspend(account, tag, security)),
      security.has_second_factor || security.passkeys > 0
        ? button(`Reset ${factorOf(security)}`, "lock", () => this.#resetSecondFactor(account, security)) : null,
      button("Delete", "trash", () => this.#delete(account, tag)),
    ];
  }

  #own(account) {
    return account.id === session.accountID
      ? h("p.warning", {}, icon("alert"), h("span", {}, "This is your own account: you will be signed out, too.")) : null;
  }

  async #update(change, tag, word) {
    await api.patch(this.#path, change, { ifMatch: tag });
    notify(word);
    await this.#changed();
  }

  #suspend(account, tag, security) {
    const reason = reasonField("Why, for other administrators; the person is not shown it.");
    confirm({
      heading: `Suspend ${titleOf(account)}?`, isDangerous: true, label: "Suspend",
      body: [this.#own(account), h("p.muted", {}, "At once, nobody gets in: ",
        security.open_sessions === 1 ? "its one session ends" : `its ${security.open_sessions} sessions end`,
        ", access tokens and API keys are refused, logins too. Nothing is deleted: it can be reinstated, and then logs in anew."),
      reason.element],
      act: () => this.#update({ status: "suspended", ...reason.value() }, tag, `${titleOf(account)} is suspended.`),
    });
  }

  #reinstate(account, tag) {
    const reason = reasonField("Why, for other administrators.");
    confirm({
      heading: `Reinstate ${titleOf(account)}?`, label: "Reinstate",
      body: [h("p.muted", {}, "It can log in again at once, and its API keys work again. Sessions that ended stay ended."), reason.element],
      act: () => this.#update({ status: "active", ...reason.value() }, tag, `${titleOf(account)} is active again.`),
    });
  }

  #activate(account, tag) {
    const reason = reasonField("How you know that the address is theirs.");
    confirm({
      heading: `Make ${titleOf(account)} active?`, label: "Make active",
      body: [h("p.muted", {}, "It can log in although nobody proved that ", h("b", {}, account.email), " is theirs. Do it when you know it otherwise."),
        reason.element],
      act: () => this.#update({ status: "active", ...reason.value() }, tag, `${titleOf(account)} is active.`),
    });
  }

  #resend(account) {
    confirm({
      heading: `Mail the token to ${account.email} again?`, label: "Mail it",
      body: [h("p.muted", {}, "The former token is good until it ends. The mail appears on the page Mail once it is written.")],
      act: async () => {
        await api.post("/api/v1/auth/verify/resend", { email: account.email });
        notify("The mail is on its way.");
      },
    });
  }

  #delete(account, tag) {
    const typed = h("input", { autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 254 });
    const name = field({ label: "Type the address to confirm", name: "confirmation", input: typed, hint: account.email });
    confirm({
      heading: `Delete ${titleOf(account)} for good?`, isDangerous: true, label: "Delete for good",
      body: [this.#own(account), h("p", {}, "This cannot be taken back. Its sessions and API keys end at once; its name, address and ",
        "password are deleted, other services delete what they have of the person, and the address can be registered anew. ",
        "Orders stay, without a name."), name.element],
      act: async () => {
        if (typed.value.trim().toLowerCase() !== account.email) {
          name.say("It is not the address.");
          typed.focus();
          throw new Error("Nothing was deleted");
        }
        await this.#update({ status: "deleted" }, tag, "The account is deleted.");
      },
    });
  }

  #resetSecondFactor(account, security) {
    const factor = factorOf(security);
    confirm({
      heading: `Take the ${factor} of ${titleOf(account)} away?`, label: "Take away", isDangerous: true,
      body: [this.#own(account), h("p.muted", {}, security.has_second_factor
        ? `For somebody who lost their authenticator app and their recovery codes. ${security.passkeys > 0 ? "Their passkeys go with it, every" : "Every"}`
        : "For somebody who lost the device with them. Every", " device is signed out, and they are told by mail. Be sure that it is they who ask",
      security.has_password ? ": from then on the password alone lets in." : ".")],
      act: async () => {
        await api.delete(`${this.#path}/second-factor`);
        notify(`The ${factor} ${security.has_second_factor ? "is" : "are"} taken away.`);
        await this.#changed();
      },
    });
  }

  async #changeRoles(account, tag) {
    let names = account.roles;
    let hints = new Map();
    try {
      const roles = (await api.get("/api/v1/auth/roles")).items;
      names = [...new Set([...roles.map((role) => role.name), ...account.roles])];
      hints = new Map(roles.map((role) => [role.name, role.description || role.permissions.join(" ") || "grants nothing"]));
    } catch (problem) {
      notify(`The roles cannot be read: ${problem.message}`);
      if (problem.status === 403) notify("Your roles do not grant roles:read, so only roles can be taken away.");
      else return;
    }
    const boxes = choices({ legend: "Roles", name: "roles", chosen: account.roles, options: names.map((name) => [name, name, hints.get(name)]) });
    const reason = reasonField("Why, for other administrators.");
    confirm({
      heading: `Roles of ${titleOf(account)}`, label: "Save",
      body: [this.#own(account), boxes.element, h("p.muted", {}, "It counts at once: the tokens that the account has now are refused, ",
        "and the next ones say the new roles. Open sessions go on."), reason.element],
      act: async () => {
        const roles = boxes.values;
        if ([...roles].sort().join() === [...account.roles].sort().join()) throw new Error("These are the roles that it has already");
        await this.#update({ roles, ...reason.value() }, tag, "The roles are changed.");
      },
    });
  }

  endSession(account, one) {
    confirm({
      heading: "End this session?", label: "End it", isDangerous: true,
      body: [h("p", {}, h("b", {}, deviceName(one.user_agent)), " at ", h("code", {}, one.address)),
        h("p.muted", {}, "The device is signed out at once and has to log in anew. Somebody who knows the password can; ",
          "if it was stolen, the person has to change it.")],
      act: async () => {
        await api.delete(`${this.#path}/sessions/${one.id}`);
        notify("The session is ended.");
        await this.#changed();
      },
    });
  }

  endSessions(account) {
    confirm({
      heading: `End all sessions of ${titleOf(account)}?`, label: "End all", isDangerous: true,
      body: [this.#own(account), h("p.muted", {}, "Every device is signed out at once, and every token that the account got until now is refused. ",
        "API keys stay: only a suspension stops them, or their owner.")],
      act: async () => {
        await api.delete(`${this.#path}/sessions`);
        notify("All sessions are ended.");
        await this.#changed();
      },
    });
  }
}

/// What an administrator takes away where it was lost.
const factorOf = (security) => (security.has_second_factor ? "second factor" : "passkeys");

/// - Returns: `value()` gives `{ reason }`, or nothing where none was written.
function reasonField(hint) {
  const input = h("input", { maxlength: 500, autocomplete: "off" });
  const { element } = field({ label: "Reason", name: "reason", input, hint: `${hint} May be left out.` });
  return { element, value: () => (input.value.trim() ? { reason: input.value.trim() } : {}) };
}
