import { api } from "../api.js";
import { filters } from "../components/filters.js";
import { icon } from "../components/icons.js";
import { PagedList } from "../components/paged-list.js";
import { pill } from "../components/pill.js";
import { empty } from "../components/states.js";
import { when } from "../components/time.js";
import { h, fill } from "../element.js";
import { isUUID, plural } from "../format.js";
import { address, go } from "../router.js";
import { session } from "../session.js";
import { accountStates, titleOf, wordsOf } from "./account-words.js";

export async function openAccounts(context) {
  const { main, query, signal } = context;
  const filter = Object.fromEntries(["status", "q", "role"].map((name) => [name, query.get(name) ?? ""]));
  if (isUUID(filter.q)) return go(address(["accounts", filter.q.toLowerCase()]), { replace: true });
  const others = h("div");
  const form = filters({
    chips: { name: "status", legend: "State", options: [["", "All"],
      ...["active", "unverified", "suspended", "deleted"].map((state) => [state, accountStates[state].label])] },
    fields: [
      { name: "q", label: "Search", type: "search", placeholder: "how an address begins, a name, or an id", isGrowing: true },
      { name: "role", label: "Role", placeholder: "admin", options: [] },
    ],
    filter, onChange: (changed) => go(address(["accounts"], changed)),
  });
  const list = new PagedList({
    segments: ["accounts"], path: "/api/v1/auth/accounts", query: { ...filter, sort: "-created_at" }, filter,
    cursor: query.get("cursor") ?? "", signal,
    words: { title: "Accounts", one: "account", order: "the newest first", older: "Older", newer: "Newer" },
    table: {
      caption: "Accounts, the newest first",
      columns: [
        { label: "Account", class: "lead", cell: (account) => [
          h("a.row-link", { href: address(["accounts", account.id]) }, titleOf(account)),
          h("span.subject", {}, account.email ?? account.id)] },
        { label: "State", class: "state", cell: (account) => pill(wordsOf(accountStates, account.status)) },
        { label: "Roles", cell: (account) => rolesOf(account) },
        { label: "Created", class: "started", cell: (account) => when(new Date(account.created_at)) },
      ],
      key: (account) => account.id, mark: (account) => String(account.version),
      tone: (account) => (account.status === "suspended" ? "attention" : null),
    },
    nothing: () => nothing(filter),
    onRows: () => searchByName(filter, others, signal),
  });
  fill(main, [
    h("div.page-head", {}, h("h1", { tabindex: "-1" }, "Accounts"), h("div.spring"),
      h("button.button", { onclick: () => list.load() }, icon("refresh"), "Refresh")),
    form.element, list.element, others,
  ]);
  context.arrived();
  if (session.may("roles:read")) knowRoles(form, signal);
  await list.load();
}

async function knowRoles(form, signal) {
  try {
    form.know("role", (await api.get("/api/v1/auth/roles", {}, { signal })).items.map((role) => role.name));
  } catch {
    // Without them the field takes what is typed.
  }
}

export const rolesOf = (account) =>
  account.roles.length === 0 ? h("span.muted", {}, "none") : account.roles.map((role) => h("span.tag", {}, role));

function nothing(filter) {
  if (!filter.q && !filter.status && !filter.role) {
    return empty("people", "No account yet", [h("p", {}, "Accounts appear here once somebody registers.")]);
  }
  return empty("search", "No account fits the filter", [
    h("p", {}, "An address is compared from its beginning: ", h("code", {}, "ann"), " finds ", h("code", {}, "anna@example.org"),
      ". A role is compared as a whole."),
  ], h("a.button", { href: address(["accounts"]) }, "Clear the filter"));
}

/// Names are with the user service, which finds them by how any of their words begins.
async function searchByName(filter, place, signal) {
  fill(place);
  if (!filter.q || filter.q.includes("@") || !session.may("users:read")) return;
  try {
    const page = await api.get("/api/v1/users", { q: filter.q, limit: 10 }, { signal });
    if (page.items.length === 0) return;
    fill(place, h("section.section", { "aria-labelledby": "by-name" },
      h("div.section-head", {}, h("h2", { id: "by-name" }, "Found by name"),
        h("span.muted", {}, plural(page.items.length, "person", "people"), page.next_cursor ? " and more: say more of the name" : "")),
      h("ul.card.plain-list", {}, page.items.map((user) => h("li", {},
        h("a.row-link", { href: address(["accounts", user.id]) }, user.display_name || user.email || user.id),
        h("span.subject", {}, user.email ?? ""))))));
  } catch {
    // The list above has answered; names are a help beside it.
  }
}
