import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { field } from "../components/form.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { PagedList } from "../components/paged-list.js";
import { empty } from "../components/states.js";
import { when } from "../components/time.js";
import { h, fill } from "../element.js";
import { address, go } from "../router.js";
import { rolePill, teamName } from "./team-words.js";

/// /console/teams: the teams that the reader is in.
export async function openTeams(context) {
  const { main, query, signal } = context;
  const list = new PagedList({
    segments: ["teams"], path: "/api/v1/teams", query: {}, filter: {}, cursor: query.get("cursor") ?? "", signal,
    words: { title: "Teams", one: "team", order: "the oldest first", older: "Next", newer: "Previous" },
    table: {
      caption: "Your teams, the oldest first",
      columns: [
        { label: "Team", class: "lead", cell: (team) => h("a.row-link", { href: address(["teams", team.id]) }, team.name) },
        { label: "You are", cell: (team) => rolePill(team.role) },
        { label: "Members", class: "number", cell: (team) => String(team.member_count) },
        { label: "Made", cell: (team) => when(new Date(team.created_at)) },
      ],
      key: (team) => team.id, mark: (team) => JSON.stringify(team),
    },
    nothing: () => empty("team", "You are in no team", [
      h("p", {}, "Make one and invite people by mail, or answer an invitation with the code of its mail."),
    ], h("button.button.primary", { onclick: askNew }, icon("plus"), "New team")),
  });
  fill(main, h("div.page-head", {}, h("h1", { tabindex: "-1" }, "Teams"), h("div.spring"),
    h("button.button", { onclick: () => list.load() }, icon("refresh"), "Refresh"),
    h("button.button", { onclick: askAnswer }, icon("mail"), "Answer an invitation"),
    h("button.button.primary", { onclick: askNew }, icon("plus"), "New team")), list.element);
  context.arrived();
  await list.load();

  function askAnswer() {
    const token = field({ label: "Code of the mail", name: "token",
      input: h("input", { autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 100 }),
      check: (value) => (/^[A-Za-z0-9_-]{43}$/.test(value.trim()) ? null : "It has 43 letters, digits, - and _.") });
    const choice = h("select", {}, h("option", { value: "accept" }, "Join the team"), h("option", { value: "decline" }, "Decline"));
    confirm({
      heading: "Answer an invitation", label: "Answer",
      body: [token.element, field({ label: "Answer", name: "answer", input: choice }).element],
      act: async () => {
        if (!token.test()) {
          token.input.focus();
          throw new Error("Nothing was answered");
        }
        const team = await api.post(`/api/v1/team-invites/${choice.value}`, { token: token.input.value.trim() });
        if (!team) return notify("The invitation is declined.");
        notify(`You are in ${team.name}.`);
        go(address(["teams", team.id]));
      },
    });
  }
}

function askNew() {
  const name = teamName("");
  confirm({
    heading: "New team", label: "Make it",
    body: [h("p.muted", {}, "You are its owner; others come by invitation."), name.element],
    act: async () => {
      const team = await api.post("/api/v1/teams", { name: name.value() });
      notify(`${team.name} is made.`);
      go(address(["teams", team.id]));
    },
  });
}
