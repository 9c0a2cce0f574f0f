import { api, tagOf } from "../api.js";
import { confirm } from "../components/confirm.js";
import { field, inWords as problemWords, showErrors } from "../components/form.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { empty, failure, loading } from "../components/states.js";
import { h, fill } from "../element.js";
import { plural } from "../format.js";
import { permissionCatalogue } from "../permissions.js";
import { address, go } from "../router.js";
import { session } from "../session.js";
import { permissionPicker } from "./permission-picker.js";

const nameRule = /^[a-z][a-z0-9_-]{0,63}$/;

/// A new role, or the one of that name.
export async function openRoleEditor(context, name) {
  const { main, signal } = context;
  const body = h("div");
  fill(main, h("p.crumb", {}, h("a", { href: address(name ? ["roles", name] : ["roles"]) }, icon("back"), name ?? "Roles")),
    h("div.page-head", {}, h("h1", { tabindex: "-1" }, name ? `Edit ${name}` : "New role")), body);
  context.title(name ? `Edit ${name}` : "New role");
  context.arrived();
  if (!session.may("roles:write")) {
    return fill(body, empty("lock", "Not for this account", [h("p", {}, "Your roles do not grant ", h("code", {}, "roles:write"), ".")],
      h("a.button", { href: address(["roles"]) }, "All roles")));
  }
  async function load() {
    fill(body, loading("Role"));
    try {
      const role = name ? await api.get(`/api/v1/auth/roles/${encodeURIComponent(name)}`, {}, { signal }) : null;
      const holders = name ? await api.get("/api/v1/auth/role-holders", {}, { signal }) : null;
      fill(body, editor(role, holders?.items.find((item) => item.role === name)?.count ?? 0, await permissionCatalogue()));
    } catch (problem) {
      if (!signal.aborted) fill(body, failure(problem, load));
    }
  }
  await load();
}

function editor(role, holders, catalogue) {
  const name = field({
    label: "Name", name: "name", hint: "1 to 64 of a–z 0–9 _ -, beginning with a letter. It cannot be changed later.",
    input: h("input", { maxlength: 64, required: true, autocomplete: "off", autocapitalize: "none", spellcheck: "false" }),
    check: (value) => (nameRule.test(value.trim()) ? null : "It must have 1 to 64 of a–z 0–9 _ -, beginning with a letter."),
  });
  const description = field({
    label: "Description", name: "description", hint: "What somebody who holds it does: for whoever gives it to others.",
    input: h("input", { maxlength: 500, value: role?.description ?? "" }),
  });
  const isFixed = role?.name === "admin";
  const picker = permissionPicker({ chosen: role?.permissions ?? [], catalogue, name: "permissions" });
  const message = h("p.form-message", { role: "alert" });
  const save = h("button.button.primary", { type: "submit" }, role ? "Save" : "Make the role");
  const form = h("form.card.editor", { novalidate: true, onsubmit: submit },
    role ? null : name.element, description.element,
    isFixed ? h("p.muted", {}, "What admin grants cannot be changed: somebody has to be able to do everything.") : picker.element,
    message, h("div.actions", {}, h("a.button", { href: address(role ? ["roles", role.name] : ["roles"]) }, "Cancel"), save));

  async function submit(event) {
    event.preventDefault();
    fill(message);
    showErrors(form, []);
    if (!role && !name.test()) return name.input.focus();
    const change = { description: description.input.value.trim(), ...(isFixed ? {} : { permissions: picker.values }) };
    const isRegranted = role && !isFixed && [...picker.values].sort().join() !== [...role.permissions].sort().join();
    if (isRegranted && holders > 0) return ask(change);
    save.disabled = true;
    try {
      await store(change);
    } catch (problem) {
      fill(message, problemWords(problem, showErrors(form, problem.errors ?? [])));
    } finally {
      save.disabled = false;
    }
  }

  async function store(change) {
    if (role) await api.patch(`/api/v1/auth/roles/${encodeURIComponent(role.name)}`, change, { ifMatch: tagOf(role) });
    else await api.post("/api/v1/auth/roles", { name: name.input.value.trim(), ...change });
    notify(role ? "The role is changed." : "The role is made. Give it to accounts on their pages.");
    go(address(["roles", role?.name ?? name.input.value.trim()]));
  }

  function ask(change) {
    const added = change.permissions.filter((permission) => !role.permissions.includes(permission));
    const taken = role.permissions.filter((permission) => !change.permissions.includes(permission));
    const list = (word, permissions) => (permissions.length === 0 ? null
      : h("p", {}, h("span.label", {}, `${word}: `), permissions.map((permission) => h("span.tag", {}, h("code", {}, permission)))));
    confirm({
      heading: `Change what ${role.name} grants?`, label: "Save", isDangerous: taken.length > 0,
      body: [list("Gives", added), list("Takes", taken),
        h("p.muted", {}, `It counts at once for ${plural(holders, "account")}: the tokens that they have now are refused, and the next ones grant the new set.`)],
      act: () => store(change),
    });
  }

  return form;
}
