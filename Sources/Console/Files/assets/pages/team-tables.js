import { GrowingList } from "../components/growing-list.js";
import { pill } from "../components/pill.js";
import { until, when } from "../components/time.js";
import { h } from "../element.js";
import { session } from "../session.js";
import { manages, rolePill } from "./team-words.js";

/// Who is in a team.
///
/// - Parameters:
///   - actions: what can be done.
///   - team: gives the team as it is now.
export function memberList(path, { actions, team, signal }) {
  return new GrowingList({
    path, signal, nothing: () => null,
    table: {
      caption: "Members by age",
      columns: [
        { label: "Member", class: "lead", cell: (member) => [h("b", {}, member.display_name),
          member.user_id === session.accountID ? h("span.tag", {}, "you") : null] },
        { label: "Role", cell: (member) => rolePill(member.role) },
        { label: "Joined", cell: (member) => when(new Date(member.joined_at)) },
        { label: "Action", class: "act", cell: (member) => memberTools(member, actions, team()) },
      ],
      key: (member) => member.user_id,
      // What may be done depends on the reader's role, too.
      mark: (member) => JSON.stringify([member, team().role]),
    },
  });
}

function memberTools(member, actions, team) {
  const isAllowed = manages(team.role, member.role);
  const why = isAllowed ? "" : member.role === "owner" ? "Only an owner decides over owners." : "It takes an owner or an admin.";
  const isMe = member.user_id === session.accountID;
  return h("div.tools", {},
    h("button.button.small", { "aria-label": `Change the role of ${member.display_name}`, disabled: !isAllowed, title: why,
      onclick: () => actions.changeRole(team, member) }, "Change role"),
    isMe ? null : h("button.button.small", { "aria-label": `Take ${member.display_name} out`, disabled: !isAllowed, title: why,
      onclick: () => actions.takeOut(team, member) }, "Take out"));
}

/// Who was asked to join it and has not answered.
export function inviteList(path, { actions, team, signal }) {
  return new GrowingList({
    path, signal, nothing: () => h("p.none", {}, "No invitation waits for an answer."),
    table: {
      caption: "Invitations that wait for an answer, or waited in vain",
      columns: [
        { label: "Address", class: "lead", cell: (invite) => h("b.address", {}, invite.email) },
        { label: "As", cell: (invite) => rolePill(invite.role) },
        { label: "State", cell: (invite) => (invite.state === "pending" ? pill({ label: "Pending", tone: "wait", icon: "clock" })
          : pill({ label: "Expired", tone: "neutral", icon: "cross" })) },
        { label: "Sent", cell: (invite) => when(new Date(invite.sent_at)) },
        { label: "Ends", cell: (invite) => (invite.state === "pending" ? until(new Date(invite.expires_at)) : h("span.muted", {}, "over")) },
        { label: "Action", class: "act", cell: (invite) => inviteTools(invite, actions, team()) },
      ],
      key: (invite) => invite.id, mark: (invite) => JSON.stringify([invite, team().role]),
    },
  });
}

function inviteTools(invite, actions, team) {
  const isAllowed = manages(team.role, invite.role);
  const why = isAllowed ? "" : "Only an owner invites owners.";
  return h("div.tools", {},
    h("button.button.small", { "aria-label": `Send the invitation of ${invite.email} again`, disabled: !isAllowed, title: why,
      onclick: () => actions.resend(invite) }, "Send again"),
    h("button.button.small", { "aria-label": `Revoke the invitation of ${invite.email}`, disabled: !isAllowed, title: why,
      onclick: () => actions.revoke(invite) }, "Revoke"));
}
