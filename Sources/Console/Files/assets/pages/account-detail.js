import { api, tagOf } from "../api.js";
import { facts } from "../components/facts.js";
import { icon } from "../components/icons.js";
import { pill } from "../components/pill.js";
import { section } from "../components/section.js";
import { sessionTable } from "../components/session-table.js";
import { empty, failure, loading } from "../components/states.js";
import { until, when } from "../components/time.js";
import { h, fill } from "../element.js";
import { clock, isUUID, plural } from "../format.js";
import { address } from "../router.js";
import { session } from "../session.js";
import { AccountActions } from "./account-actions.js";
import { rolesOf } from "./account-list.js";
import { accountStates, changeWords, titleOf, wordsOf } from "./account-words.js";

/// Sessions that are shown at once.
const shown = 20;

export async function openAccount(context, id) {
  const page = new AccountPage(context, id);
  fill(context.main, page.element);
  await page.load();
  context.arrived();
}

class AccountPage {
  #context;
  #id;
  #path;
  #account = null;
  #heading = h("h1", { tabindex: "-1" }, "Account");
  #state = h("span", { role: "status" });
  #tools = h("div.tools");
  #body = h("div");
  #actions;
  #count = shown;

  constructor(context, id) {
    this.#context = context;
    this.#id = id.toLowerCase();
    this.#path = `/api/v1/auth/accounts/${encodeURIComponent(this.#id)}`;
    this.#actions = new AccountActions(this.#path, () => this.load());
    this.element = [
      h("p.crumb", {}, h("a", { href: address(["accounts"]) }, icon("back"), "Accounts")),
      h("div.page-head", {}, this.#heading, this.#state, h("div.spring"), this.#tools),
      this.#body,
    ];
    fill(this.#body, loading("Account"));
  }

  async load() {
    const options = { signal: this.#context.signal };
    try {
      if (!isUUID(this.#id)) return this.#missing();
      const [account, security, sessions] = await Promise.all([
        api.get(this.#path, {}, options), api.get(`${this.#path}/security`, {}, options),
        api.get(`${this.#path}/sessions`, { limit: this.#count }, options),
      ]);
      this.#account = account;
      this.#draw(security, sessions);
    } catch (problem) {
      if (this.#context.signal.aborted) return;
      if (problem.status === 404) return this.#missing();
      fill(this.#body, failure(problem, () => this.load()));
    }
  }

  #missing() {
    fill(this.#tools);
    fill(this.#body, empty("search", "No such account", [
      h("p", {}, "There is none with the id ", h("code", {}, this.#id), "."),
    ], h("a.button", { href: address(["accounts"]) }, "All accounts")));
  }

  #draw(security, sessions) {
    const account = this.#account;
    this.#context.title(titleOf(account));
    fill(this.#heading, titleOf(account));
    fill(this.#state, pill(wordsOf(accountStates, account.status)));
    fill(this.#tools, this.#actions.buttons(account, tagOf(account), security),
      h("button.button", { onclick: () => this.load() }, icon("refresh"), "Refresh"));
    fill(this.#body, this.#summary(account, security), this.#facts(account, security),
      this.#sessions(account, sessions, security), this.#keys(security), this.#changes(security));
  }

  /// What has to be known before anything else: why nobody gets in.
  #summary(account, security) {
    const change = security.changes.find((entry) => entry.kind === "status" && entry.after === account.status);
    const since = change ? [" ", when(new Date(change.at)), " by ", who(change.by)] : "";
    const reason = change?.reason ? h("p", {}, h("span.label", {}, "Reason: "), change.reason) : null;
    const box = (tone, iconName, heading, ...lines) => h("section.summary", { class: tone, "aria-label": "What is going on" },
      icon(iconName), h("div", {}, h("p.summary-heading", {}, heading), lines));
    if (account.status === "suspended") {
      return box("bad", "hand", ["Suspended", since, ". Nobody gets in with this account."], reason,
        change && !change.reason ? h("p.muted", {}, "No reason was given.") : null);
    }
    if (account.status === "deleted") {
      return box("neutral", "cross", ["Deleted", since, "."],
        h("p", {}, "Its personal data are gone from here; the id is never used again."));
    }
    if (security.blocked_until) {
      return box("warn", "clock", [plural(security.failed_logins, "failed login"), ": new places are refused; they may try again ",
        until(new Date(security.blocked_until)), "."],
      h("p", {}, "Whoever logged in from their address before still gets in from there. It ends by itself; nothing has to be done."));
    }
    if (account.status === "unverified") {
      return box("wait", "clock", "The address was not proved yet, so nobody gets in.",
        h("p", {}, "A token was mailed to it. It can be mailed again, or the account be made active by your word."));
    }
    return null;
  }

  #facts(account, security) {
    return facts([
      ["E-mail", account.email, { copy: account.email }],
      ["Address proved", account.status === "deleted" ? null : security.email_verified ? "yes" : "no"],
      ["Roles", account.status === "deleted" ? null : h("span", {}, rolesOf(account))],
      ["Password", account.status === "deleted" ? null : security.has_password ? "set" : "none"],
      ["Second factor", account.status === "deleted" ? null : security.has_second_factor ? "on" : "off"],
      ["Passkeys", account.status === "deleted" ? null : security.passkeys > 0 ? String(security.passkeys) : "none"],
      ["Failed logins, last day", security.failed_logins > 0 ? String(security.failed_logins) : "none that count"],
      ["Apps let in", security.consents > 0 ? plural(security.consents, "OAuth client") : "none"],
      ["Created", when(new Date(account.created_at))],
      ["Changed", when(new Date(account.updated_at))],
      ["Account id", h("code", {}, account.id), { copy: account.id }],
      ["More", session.may("notifications:read") ? h("a", { href: address(["mail"], { user_id: account.id }) }, "mail to this account") : null],
    ]);
  }

  #sessions(account, page, security) {
    const may = session.may("accounts:write");
    const list = sessionTable({
      caption: `Open sessions of ${titleOf(account)}`, why: "Your roles do not grant accounts:write.",
      onEnd: may ? (one) => this.#actions.endSession(account, one) : null,
    });
    list.update(page.items);
    const more = page.next_cursor && this.#count < 100
      ? h("button.button", { onclick: () => { this.#count = 100; this.load(); } }, "Show more") : null;
    return section("Open sessions", plural(security.open_sessions, "session"),
      page.items.length > 0 ? h("button.button.small", { disabled: !may,
        title: may ? "" : "Your roles do not grant accounts:write.", onclick: () => this.#actions.endSessions(account) }, "End all") : null,
      page.items.length === 0 ? h("p.none", {}, "Nobody is signed in with this account.")
        : [h("div.content", {}, list.element), more ? h("p.hint", {}, more) : null]);
  }

  #keys(security) {
    if (security.api_keys.length === 0) return null;
    return section("API keys", plural(security.api_keys.length, "key"), null,
      h("ul.card.plain-list", {}, security.api_keys.map((key) => h("li", {}, h("b", {}, key.name),
        h("span.subject", {}, key.scopes.join(" ")),
        h("span.muted", {}, "made ", when(new Date(key.created_at)), ", ",
          key.last_used_at ? ["last used ", when(new Date(key.last_used_at))] : "never used", ", ",
          key.expires_at ? ["ends ", clock(new Date(key.expires_at)).slice(0, 16)] : "does not end")))));
  }

  #changes(security) {
    return section("What administrators did", security.changes.length >= 50 ? "the last 50" : "", null,
      security.changes.length === 0 ? h("p.none", {}, "Nothing yet.")
        : h("ol.card.plain-list", {}, security.changes.map((change) => h("li", {},
          h("span", {}, who(change.by), " ", changeWords(change), " ", h("span.muted", {}, when(new Date(change.at)))),
          change.reason ? h("span", {}, h("span.label", {}, "Reason: "), change.reason) : null))));
  }
}

/// An administrator is an account, too; a client has another page.
function who(id) {
  if (id === session.accountID) return h("b", {}, "you");
  return isUUID(id) ? h("a", { href: address(["accounts", id]), title: id }, "account ", h("code", {}, id.slice(-12))) : h("code", {}, id);
}
