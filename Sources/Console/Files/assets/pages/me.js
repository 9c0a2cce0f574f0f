import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { facts } from "../components/facts.js";
import { field } from "../components/form.js";
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

/// Sessions that are shown at once.
const shown = 100;

/// /console/me: who is signed in, with their own sessions and their password.
export async function open(context) {
  const { main, signal } = context;
  const body = h("div");
  const list = sessionTable({ caption: "Your open sessions", onEnd: (one) => (one.current ? session.signOut() : askEnd(one)) });
  const count = h("span.muted");
  const others = h("button.button.small", { onclick: askOthers }, "End all others");
  const sessions = h("section.section", { "aria-labelledby": "sessions-title" },
    h("div.section-head", {}, h("h2", { id: "sessions-title" }, "Where you are signed in"), count, h("div.spring"), others),
    h("div.content", {}, list.element));
  const password = passwordForm(load);

  fill(main, h("div.page-head", {}, h("h1", { tabindex: "-1" }, "Your account"), h("div.spring"),
    h("button.button", { onclick: load }, icon("refresh"), "Refresh")), body);
  fill(body, loading("Your account"));
  context.arrived();
  let isDrawn = false;
  await load();

  async function load() {
    try {
      const [account, page] = await Promise.all([
        api.get("/api/v1/auth/me", {}, { signal }), api.get("/api/v1/auth/sessions", { limit: shown }, { signal }),
      ]);
      list.update([...page.items].sort((one, other) => Number(other.current) - Number(one.current)));
      fill(count, plural(page.items.length, "session"), page.next_cursor ? " and more" : "");
      others.hidden = page.items.length < 2;
      const about = aboutOf(account);
      if (isDrawn) body.firstChild.replaceWith(about);
      else fill(body, about, sessions, password);
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

function aboutOf(account) {
  return facts([
    ["Name", account.name],
    ["E-mail", account.email],
    ["Roles", h("span", {}, account.roles.length === 0 ? "none" : account.roles.map((role) => h("span.tag", {}, role)))],
    ["You may", h("span", {}, session.permissions.length === 0 ? "what everybody may with what is their own"
      : session.permissions.map((name) => h("span.tag", { class: name.includes("*") ? "wide" : "" }, h("code", {}, name))))],
    ["Created", when(new Date(account.created_at))],
    ["API keys", h("a", { href: address(["keys"]) }, "your keys")],
    ["Passkeys", h("a", { href: "/oauth/passkeys" }, "your passkeys")],
    ["Account id", h("code", {}, account.id), { copy: account.id }],
  ]);
}

/// The other sessions end with a new password; this one renews its token and goes on.
function passwordForm(done) {
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
  return h("section.section", { "aria-labelledby": "password-title" },
    h("div.section-head", {}, h("h2", { id: "password-title" }, "Password")), form);
}
