import { api, tagOfItem } from "../api.js";
import { confirm } from "../components/confirm.js";
import { field } from "../components/form.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { h } from "../element.js";
import { plural } from "../format.js";
import { address, go } from "../router.js";
import { manages, roleField, teamName, wordOf } from "./team-words.js";

/// What can be done with a team, its members and its invitations. Each says before what follows.
export class TeamActions {
  #path;
  #changed;

  constructor(path, changed) {
    this.#path = path;
    this.#changed = changed;
  }

  buttons(team, tag) {
    const button = (label, iconName, act, why) => h("button.button", { disabled: why !== "", title: why, onclick: act }, icon(iconName), label);
    return [
      button("Rename", "pen", () => this.#rename(team, tag), manages(team.role, "member") ? "" : "It takes an owner or an admin."),
      button("Leave", "leave", () => this.#leave(team), ""),
      button("Delete", "trash", () => this.#delete(team, tag), team.role === "owner" ? "" : "It takes an owner."),
    ];
  }

  async #done(word) {
    notify(word);
    await this.#changed();
  }

  #rename(team, tag) {
    const name = teamName(team.name);
    confirm({
      heading: `Rename ${team.name}`, label: "Save", body: [name.element],
      act: async () => {
        await api.patch(this.#path, { name: name.value() }, { ifMatch: tag });
        await this.#done("The team has another name.");
      },
    });
  }

  #leave(team) {
    confirm({
      heading: `Leave ${team.name}?`, label: "Leave", isDangerous: true,
      body: [h("p.muted", {}, "You do not see the team any more. To come back takes an invitation.")],
      act: async () => {
        await api.post(`${this.#path}/leave`);
        notify(`You left ${team.name}.`);
        go(address(["teams"]));
      },
    });
  }

  #delete(team, tag) {
    confirm({
      heading: `Delete ${team.name} for good?`, label: "Delete for good", isDangerous: true,
      body: [h("p.muted", {}, "This cannot be taken back. ", plural(team.member_count, "member"), " and the invitations go with it; the people ",
        "and their accounts stay.")],
      act: async () => {
        await api.delete(this.#path, { ifMatch: tag });
        notify(`${team.name} is deleted.`);
        go(address(["teams"]));
      },
    });
  }

  changeRole(team, member) {
    const role = roleField(team.role, member.role);
    confirm({
      heading: `What is ${member.display_name} to be?`, label: "Save",
      body: [role.element],
      act: async () => {
        const chosen = role.input.value;
        if (chosen === member.role) throw new Error("That is the role that they have");
        await api.patch(`${this.#path}/members/${member.user_id}`, { role: chosen }, { ifMatch: tagOfItem(member) });
        await this.#done(`${member.display_name}: ${wordOf(chosen)}.`);
      },
    });
  }

  takeOut(team, member) {
    confirm({
      heading: `Take ${member.display_name} out?`, label: "Take out", isDangerous: true,
      body: [h("p.muted", {}, "They do not see ", h("b", {}, team.name), " any more. To come back takes an invitation.")],
      act: async () => {
        await api.delete(`${this.#path}/members/${member.user_id}`);
        await this.#done(`${member.display_name} is out.`);
      },
    });
  }

  invite(team) {
    const email = field({ label: "E-mail", name: "email", input: h("input", { type: "email", autocomplete: "off", maxlength: 254 }),
      check: (value) => (/^\S+@\S+$/.test(value.trim()) ? null : "It must be an address.") });
    const role = roleField(team.role, "member");
    const days = h("input", { type: "number", min: 1, max: 30, value: "7" });
    confirm({
      heading: `Invite to ${team.name}`, label: "Send the invitation",
      body: [email.element, role.element,
        field({ label: "Good for, in days", name: "expires_in_days", input: days }).element],
      act: async () => {
        if (!email.test()) {
          email.input.focus();
          throw new Error("Nothing was sent");
        }
        const body = { email: email.input.value.trim(), role: role.input.value, expires_in_days: Number(days.value) };
        await api.post(`${this.#path}/invites`, body);
        await this.#done(`The invitation to ${body.email} is on its way.`);
      },
    });
  }

  resend(invite) {
    confirm({
      heading: `Invite ${invite.email} again?`, label: "Send again",
      body: [h("p.muted", {}, "The mail has another code, with all the time again. The earlier one is of no use any more.")],
      act: async () => {
        await api.post(`${this.#path}/invites/${invite.id}/resend`);
        await this.#done(`The invitation to ${invite.email} is on its way again.`);
      },
    });
  }

  revoke(invite) {
    confirm({
      heading: `Revoke the invitation of ${invite.email}?`, label: "Revoke", isDangerous: true,
      body: [h("p.muted", {}, "The code of the mail is of no use any more. They can be invited again.")],
      act: async () => {
        await api.delete(`${this.#path}/invites/${invite.id}`);
        await this.#done("The invitation is revoked.");
      },
    });
  }
}
