import { api, tagOf } from "../api.js";
import { icon } from "../components/icons.js";
import { section } from "../components/section.js";
import { empty, failure, loading } from "../components/states.js";
import { h, fill } from "../element.js";
import { isUUID, plural } from "../format.js";
import { address } from "../router.js";
import { TeamActions } from "./team-actions.js";
import { inviteList, memberList } from "./team-tables.js";
import { manages, rolePill } from "./team-words.js";

export async function openTeam(context, id) {
  const page = new TeamPage(context, id);
  fill(context.main, page.element);
  await page.load();
  context.arrived();
}

class TeamPage {
  #context;
  #id;
  #path;
  #team = null;
  #heading = h("h1", { tabindex: "-1" }, "Team");
  #role = h("span", { role: "status" });
  #tools = h("div.tools");
  #body = h("div");
  #count = h("span");
  #actions;
  #members;
  #invites;
  #sections;
  #isDrawn = false;

  constructor(context, id) {
    this.#context = context;
    this.#id = id.toLowerCase();
    this.#path = `/api/v1/teams/${encodeURIComponent(this.#id)}`;
    this.#actions = new TeamActions(this.#path, () => this.load());
    const options = { actions: this.#actions, team: () => this.#team, signal: context.signal };
    this.#members = memberList(`${this.#path}/members`, options);
    this.#invites = inviteList(`${this.#path}/invites`, options);
    this.#sections = {
      members: section("Members", this.#count, null, this.#members.element),
      invites: section("Invitations", null,
        h("button.button.small", { onclick: () => this.#actions.invite(this.#team) }, icon("plus"), "Invite"), this.#invites.element),
    };
    this.element = [
      h("p.crumb", {}, h("a", { href: address(["teams"]) }, icon("back"), "Teams")),
      h("div.page-head", {}, this.#heading, this.#role, h("div.spring"), this.#tools),
      this.#body,
    ];
    fill(this.#body, loading("Team"));
  }

  async load() {
    try {
      if (!isUUID(this.#id)) return this.#missing();
      const team = await api.get(this.#path, {}, { signal: this.#context.signal });
      this.#team = team;
      const mayInvite = manages(team.role, "member");
      await Promise.all([this.#members.load(), mayInvite ? this.#invites.load() : null]);
      this.#sections.invites.hidden = !mayInvite;
      this.#draw();
    } catch (problem) {
      if (this.#context.signal.aborted) return;
      this.#isDrawn = false;
      if (problem.status === 404) return this.#missing();
      fill(this.#body, failure(problem, () => this.load()));
    }
  }

  #missing() {
    fill(this.#tools);
    fill(this.#role);
    fill(this.#body, empty("search", "No such team", [h("p", {}, "There is none, or you are not in it.")],
      h("a.button", { href: address(["teams"]) }, "Your teams")));
  }

  #draw() {
    const team = this.#team;
    this.#context.title(team.name);
    fill(this.#heading, team.name);
    fill(this.#role, rolePill(team.role));
    fill(this.#tools, this.#actions.buttons(team, tagOf(team)), h("button.button", { onclick: () => this.load() }, icon("refresh"), "Refresh"));
    fill(this.#count, plural(team.member_count, "member"));
    if (!this.#isDrawn) fill(this.#body, this.#sections.members, this.#sections.invites);
    this.#isDrawn = true;
  }
}
