import { field, nameField } from "../components/form.js";
import { pill } from "../components/pill.js";
import { h } from "../element.js";

/// In the order of what they may.
const roles = [["member", "Member"], ["admin", "Admin"], ["owner", "Owner"]];
const tones = { owner: "good", admin: "busy", member: "neutral" };
const icons = { owner: "key", admin: "shield", member: "person" };

export const wordOf = (role) => roles.find(([name]) => name === role)?.[1] ?? role;

export function rolePill(role) {
  return pill({ label: wordOf(role), tone: tones[role] ?? "neutral", icon: icons[role] ?? "person" });
}

/// Whether somebody with `role` decides over somebody with the `other` role; the server judges in the end.
export function manages(role, other) {
  return role === "owner" || (role === "admin" && other !== "owner");
}

/// A choice of the roles that somebody with `role` may give.
export function roleField(role, chosen) {
  const input = h("select", {}, roles.filter(([name]) => manages(role, name)).map(([name, label]) => h("option", { value: name }, label)));
  input.value = chosen;
  return field({ label: "Role", name: "role", input, hint: "A member sees the team and who is in it. An admin renames it, too, invites, "
    + "and manages admins and members. An owner decides over everything." });
}

export const teamName = (text) => nameField({ text, maxlength: 60, hint: "Its members see it, and whoever is invited." });
