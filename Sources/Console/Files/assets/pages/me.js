import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { facts } from "../components/facts.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { sessionTable } from "../components/session-table.js";
import { failure, loading } from "../components/states.js";
import { when } from "../components/time.js";
import { h, fill } from "../element.js";
import { plural } from "../format.js";
import { deviceName } from "../device.js";
import { address } from "../router.js";
import { session } from "../session.js";
import { addressOf } from "./me-address.js";
import { identitySection } from "./me-identities.js";
import { passkeySection } from "./me-passkeys.js";
import { passwordSection } from "./me-password.js";
import { secondFactorSection } from "./me-second-factor.js";

/// Sessions that are shown at once.
const shown = 100;

/// /console/me: who is signed in, with their own sessions and how they get in.
export async function open(context) {
  const { main, signal } = context;
  const body = h("div");
  const list = sessionTable({ caption: "Your open sessions", onEnd: (one) => (one.current ? session.signOut() : askEnd(one)) });
  const count = h("span.muted");
  const others = h("button.button.small", { onclick: askOthers }, "End all others");
  const sessions = h("section.section", { "aria-labelledby": "sessions-title" },
    h("div.section-head", {}, h("h2", { id: "sessions-title" }, "Where you are signed in"), count, h("div.spring"), others),
    h("div.content", {}, list.element));
  const factor = secondFactorSection(load);
  const passkeys = passkeySection(load);
  const identities = identitySection(load);
  const password = passwordSection(load);

  fill(main, h("div.page-head", {}, h("h1", { tabindex: "-1" }, "Your account"), h("div.spring"),
    h("button.button", { onclick: load }, icon("refresh"), "Refresh")), body);
  fill(body, loading("Your account"));
  context.arrived();
  let isDrawn = false;
  await load();

  async function load() {
    try {
      const get = (path, query = {}) => api.get(`/api/v1/auth/${path}`, query, { signal });
      const [account, security, page, status, keys, linked] = await Promise.all([
        get("me"), get("me/security"), get("sessions", { limit: shown }), get("second-factor"), get("passkeys"), get("identities"),
      ]);
      factor.update(status);
      passkeys.update(keys);
      identities.update(linked);
      password.update(security);
      list.update([...page.items].sort((one, other) => Number(other.current) - Number(one.current)));
      fill(count, plural(page.items.length, "session"), page.next_cursor ? " and more" : "");
      others.hidden = page.items.length < 2;
      const about = aboutOf(account, security, load);
      if (isDrawn) body.firstChild.replaceWith(about);
      else fill(body, about, factor.element, passkeys.element, identities.element, password.element, sessions);
      isDrawn = true;
    } catch (problem) {
      if (signal.aborted) return;
      isDrawn = false;
      fill(body, failure(problem, load));
    }
  }

  function askEnd(one) {
    confirm({
      heading: "End this session?", label: "End it", isDangerous: true,
      body: [h("p", {}, h("b", {}, deviceName(one.user_agent)), " at ", h("code", {}, one.address)),
        h("p.muted", {}, "The device is signed out at once. If it was not you, change your password, too.")],
      act: async () => {
        await api.delete(`/api/v1/auth/sessions/${one.id}`);
        notify("The session is ended.");
        await load();
      },
    });
  }

  function askOthers() {
    confirm({
      heading: "End all other sessions?", label: "End them", isDangerous: true,
      body: [h("p.muted", {}, "Every device but this one is signed out at once. API keys stay.")],
      act: async () => {
        await api.delete("/api/v1/auth/sessions");
        notify("The other sessions are ended.");
        await load();
      },
    });
  }
}

function aboutOf(account, security, changed) {
  return facts([
    ["Name", account.name],
    ["E-mail", h("span", {}, addressOf(account, security, changed))],
    ["Roles", h("span", {}, account.roles.length === 0 ? "none" : account.roles.map((role) => h("span.tag", {}, role)))],
    ["You may", h("span", {}, session.permissions.length === 0 ? "what everybody may with what is their own"
      : session.permissions.map((name) => h("span.tag", { class: name.includes("*") ? "wide" : "" }, h("code", {}, name))))],
    ["Created", when(new Date(account.created_at))],
    ["API keys", h("a", { href: address(["keys"]) }, "your keys")],
    ["Account id", h("code", {}, account.id), { copy: account.id }],
  ]);
}
