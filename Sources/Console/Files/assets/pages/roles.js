import { api, tagOf } from "../api.js";
import { confirm } from "../components/confirm.js";
import { facts } from "../components/facts.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { empty, failure, loading } from "../components/states.js";
import { table } from "../components/table.js";
import { when } from "../components/time.js";
import { h, fill } from "../element.js";
import { plural } from "../format.js";
import { inWords, permissionCatalogue } from "../permissions.js";
import { address, go } from "../router.js";
import { session } from "../session.js";
import { openRoleEditor } from "./role-editor.js";

/// /console/roles, /console/roles/new, /console/roles/NAME and /console/roles/NAME/edit
export async function open(context) {
  const [name, rest] = context.segments;
  if (!name) return openRoles(context);
  // No role can be called so: `new` could, so it lives behind a `+`, which no name has.
  if (name === "+new") return openRoleEditor(context, null);
  if (rest === "edit") return openRoleEditor(context, name);
  await openRole(context, name);
}

const mayWrite = () => session.may("roles:write");
const whyNot = () => (mayWrite() ? "" : "Your roles do not grant roles:write.");

async function openRoles(context) {
  const { main, signal } = context;
  const content = h("div.content");
  const list = table({
    caption: "Roles by name",
    columns: [
      { label: "Role", class: "lead", cell: (role) => [h("a.row-link", { href: address(["roles", role.name]) }, role.name),
        role.built_in ? h("span.tag", { title: "It came with the platform and cannot be deleted." }, "built in") : null,
        h("span.muted.line", {}, role.description)] },
      { label: "Grants", cell: (role) => permissionTags(role.permissions) },
      { label: "Held by", class: "number", cell: (role) => held(role) },
    ],
    key: (role) => role.name, mark: (role) => JSON.stringify(role),
  });
  const count = h("p.muted.count", { role: "status" });
  async function load() {
    fill(content, loading("Roles"));
    try {
      const [roles, holders] = await Promise.all([
        api.get("/api/v1/auth/roles", {}, { signal }), api.get("/api/v1/auth/role-holders", {}, { signal }),
      ]);
      const counts = new Map(holders.items.map((item) => [item.role, item]));
      list.update(roles.items.map((role) => ({ ...role, holders: counts.get(role.name) })));
      fill(count, plural(roles.items.length, "role"));
      fill(content, list.element);
    } catch (problem) {
      if (!signal.aborted) fill(content, failure(problem, load));
    }
  }
  fill(main,
    h("div.page-head", {}, h("h1", { tabindex: "-1" }, "Roles"), h("div.spring"),
      mayWrite() ? h("a.button.primary", { href: address(["roles", "+new"]) }, icon("plus"), "New role") : null),
    h("p.lead-text.muted", {}, "A role is a set of permissions ", h("code", {}, "resource:action"), "; an account may do what any of its roles grants. ",
      "A ", h("code", {}, "*"), " stands for every resource or every action, also those that are added later."),
    h("div.list-head", {}, count), content);
  context.arrived();
  await load();
}

function permissionTags(permissions) {
  if (permissions.length === 0) return h("span.muted", {}, "nothing beyond one's own");
  const most = 6;
  return [permissions.slice(0, most).map((name) => h("span.tag", { class: name.includes("*") ? "wide" : "" }, h("code", {}, name))),
    permissions.length > most ? h("span.muted", {}, ` and ${permissions.length - most} more`) : null];
}

function held(role) {
  if (!role.holders) return "–";
  const { count, has_more: hasMore } = role.holders;
  const text = `${count.toLocaleString("en")}${hasMore ? " and more" : ""}`;
  return count > 0 && session.may("accounts:read")
    ? h("a", { href: address(["accounts"], { role: role.name }), "aria-label": `${text} accounts hold ${role.name}` }, text) : text;
}

async function openRole(context, name) {
  const { main, signal } = context;
  const body = h("div");
  const tools = h("div.tools");
  fill(main, h("p.crumb", {}, h("a", { href: address(["roles"]) }, icon("back"), "Roles")),
    h("div.page-head", {}, h("h1", { tabindex: "-1" }, name), h("div.spring"), tools), body);
  context.title(name);
  async function load() {
    fill(body, loading("Role"));
    try {
      const [role, holders, catalogue] = await Promise.all([
        api.get(`/api/v1/auth/roles/${encodeURIComponent(name)}`, {}, { signal }),
        api.get("/api/v1/auth/role-holders", {}, { signal }), permissionCatalogue(),
      ]);
      const count = holders.items.find((item) => item.role === role.name);
      draw(role, { ...role, holders: count }, catalogue);
    } catch (problem) {
      if (signal.aborted) return;
      fill(body, problem.status === 404
        ? empty("search", "No such role", [h("p", {}, "There is none of the name ", h("code", {}, name), ".")],
          h("a.button", { href: address(["roles"]) }, "All roles"))
        : failure(problem, load));
    }
  }
  function draw(role, told, catalogue) {
    fill(tools,
      h("a.button", { href: mayWrite() ? address(["roles", role.name, "edit"]) : null, "aria-disabled": mayWrite() ? null : "true",
        title: whyNot() }, icon("shield"), "Edit"),
      h("button.button", { disabled: !mayWrite() || role.built_in, title: role.built_in ? "It came with the platform and cannot be deleted." : whyNot(),
        onclick: () => askDelete(role, told) }, icon("trash"), "Delete"));
    fill(body,
      facts([
        ["Description", role.description || null],
        ["Held by", h("span", {}, held(told), " ", count(told) === 1 ? "account" : "accounts")],
        ["Comes from", role.built_in ? "the platform" : "administrators of this platform"],
        ["Changed", when(new Date(role.updated_at))],
      ]),
      h("section.section", { "aria-labelledby": "grants" },
        h("div.section-head", {}, h("h2", { id: "grants" }, "What it grants")),
        role.permissions.length === 0 ? h("p.none", {}, "Nothing beyond what everybody may do with what is their own.")
          : h("ul.card.plain-list", {}, role.permissions.map((permission) => h("li", {}, h("code", {}, permission),
            permission.includes("*") ? h("span.tag.wide", {}, "wildcard") : null,
            h("span.muted.line", {}, inWords(permission, catalogue)))))));
  }
  await load();
  context.arrived();
}

const count = (role) => role.holders?.count ?? 0;

function askDelete(role, told) {
  confirm({
    heading: `Delete the role ${role.name}?`, isDangerous: true, label: "Delete",
    body: [h("p", {}, count(told) === 0 ? "No account holds it." : `It is taken from ${plural(count(told), "account")}${told.holders.has_more ? " and more" : ""}, at once: `
      + "the tokens that they have now are refused, and the next ones grant less."),
    h("p.muted", {}, "A role of the same name that is made later is another one; nobody holds it.")],
    act: async () => {
      await api.delete(`/api/v1/auth/roles/${encodeURIComponent(role.name)}`, { ifMatch: tagOf(role) });
      notify(`The role ${role.name} is deleted.`);
      go(address(["roles"]));
    },
  });
}
