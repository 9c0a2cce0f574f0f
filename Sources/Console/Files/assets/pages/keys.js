import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { field, nameField } from "../components/form.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { PagedList } from "../components/paged-list.js";
import { pill } from "../components/pill.js";
import { showSecret } from "../components/secret.js";
import { empty } from "../components/states.js";
import { until, when } from "../components/time.js";
import { h, fill } from "../element.js";
import { clock } from "../format.js";
import { permissionCatalogue } from "../permissions.js";
import { session } from "../session.js";
import { permissionPicker } from "./permission-picker.js";

/// /console/keys: the API keys of whoever is signed in.
export async function open(context) {
  const { main, query, signal } = context;
  const list = new PagedList({
    segments: ["keys"], path: "/api/v1/auth/api-keys", query: {}, filter: {}, cursor: query.get("cursor") ?? "", signal,
    words: { title: "API keys", one: "key", order: "the newest first", older: "Older", newer: "Newer" },
    table: {
      caption: "Your API keys, the newest first",
      columns: [
        { label: "Key", class: "lead", cell: (key) => [h("b", {}, key.name), h("span.subject", { title: "Keys begin with gk_ and this id" }, key.id)] },
        { label: "May", cell: (key) => key.scopes.map((scope) => h("span.tag", { class: scope.includes("*") ? "wide" : "" }, h("code", {}, scope))) },
        { label: "Last used", cell: (key) => (key.last_used_at ? when(new Date(key.last_used_at)) : h("span.muted", {}, "never")) },
        { label: "Made", cell: (key) => when(new Date(key.created_at)) },
        { label: "Ends", cell: endCell },
        { label: "Action", class: "act", cell: (key) => h("button.button.small", { "aria-label": `Revoke ${key.name}`, onclick: () => ask(key) }, "Revoke") },
      ],
      key: (key) => key.id, mark: (key) => JSON.stringify(key),
    },
    nothing: () => empty("key", "You have no API key", [
      h("p", {}, "A key lets a device or a script act for you, limited to what you choose. Whatever takes it exchanges it for ",
        "access tokens of a quarter of an hour."),
    ], h("button.button.primary", { onclick: make }, icon("plus"), "New key")),
  });

  function ask(key) {
    confirm({
      heading: `Revoke ${key.name}?`, label: "Revoke", isDangerous: true,
      body: [h("p.muted", {}, "Whatever uses it is refused at once. This cannot be taken back; another key can be made.",
        key.last_used_at ? "" : " It was never used."),
      key.last_used_at ? h("p", {}, "It was last used ", when(new Date(key.last_used_at)), ".") : null],
      act: async () => {
        await api.delete(`/api/v1/auth/api-keys/${key.id}`);
        notify(`${key.name} is revoked.`);
        await list.load();
      },
    });
  }

  async function make() {
    newKey(await permissionCatalogue(), () => list.load());
  }

  fill(main, h("div.page-head", {}, h("h1", { tabindex: "-1" }, "API keys"), h("div.spring"),
    h("button.button", { onclick: () => list.load() }, icon("refresh"), "Refresh"),
    h("button.button.primary", { onclick: make }, icon("plus"), "New key")),
  h("p.lead-text.muted", {}, "Keys of your own account. A key may do what it was given ", h("em", {}, "and"), " what you may do: it loses what you lose."),
  list.element);
  context.arrived();
  await list.load();
}

function endCell(key) {
  if (!key.expires_at) return h("span.muted", {}, "never");
  const end = new Date(key.expires_at);
  if (end <= new Date()) return pill({ label: "Ended", tone: "neutral", icon: "cross" });
  return end - Date.now() < 7 * 86_400_000 ? until(end) : h("span", { title: clock(end) }, clock(end).slice(0, 10));
}

const lifetimes = [["30", "in 30 days"], ["90", "in 90 days"], ["365", "in a year"], ["", "never"]];

function newKey(catalogue, done) {
  const name = nameField({ hint: "Where it is used: so that you know it again.", maxlength: 200, placeholder: "backup on host 7" });
  const lifetime = h("select", {}, lifetimes.map(([value, label]) => h("option", { value }, label)));
  lifetime.value = "90";
  const ends = field({ label: "Ends", name: "expires_at", input: lifetime });
  const picker = permissionPicker({
    legend: "What it may do", name: "scopes", chosen: [], catalogue, only: (permission) => session.may(permission),
    others: [["account", h("code", {}, "account"), "what everybody may who is signed in: one's own profile, orders, messages"]],
  });
  confirm({
    heading: "New API key", label: "Make the key",
    body: [name.element, picker.element, ends.element],
    act: async () => {
      const body = { name: name.value(), scopes: picker.values };
      if (picker.values.length === 0) throw new Error("Choose at least one thing that it may do");
      if (lifetime.value) body.expires_at = new Date(Date.now() + Number(lifetime.value) * 86_400_000).toISOString();
      const made = await api.post("/api/v1/auth/api-keys", body);
      // After this dialog has gone: two at once would hide the secret behind the form.
      queueMicrotask(async () => {
        await showSecret({ heading: `The key ${made.key.name}`, values: [["API key", made.secret]],
          lines: [
            "It may do what you chose, for as long as you may do it yourself, until it ends or you revoke it here.",
            "Send it with each request, as Authorization: Bearer and the key.",
          ] });
        await done();
      });
    },
  });
}
