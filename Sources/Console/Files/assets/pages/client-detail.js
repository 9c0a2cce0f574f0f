import { api, tagOf } from "../api.js";
import { confirm } from "../components/confirm.js";
import { facts } from "../components/facts.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { pill } from "../components/pill.js";
import { showSecret } from "../components/secret.js";
import { section } from "../components/section.js";
import { empty, failure, loading } from "../components/states.js";
import { when } from "../components/time.js";
import { h, fill } from "../element.js";
import { clock, isUUID, plural } from "../format.js";
import { permissionCatalogue, inWords } from "../permissions.js";
import { address, go } from "../router.js";
import { session } from "../session.js";
import { authentications, clientState, grantLabel, hasSecrets, kindOf } from "./client-words.js";

const builtIn = "It came with the platform and stays as it is; it can be switched off.";

export async function openClient(context, id) {
  const page = new ClientPage(context, id);
  fill(context.main, page.element);
  await page.load();
  context.arrived();
}

class ClientPage {
  #context;
  #path;
  #id;
  #client = null;
  #catalogue = new Map();
  #heading = h("h1", { tabindex: "-1" }, "Client");
  #state = h("span", { role: "status" });
  #tools = h("div.tools");
  #body = h("div");

  constructor(context, id) {
    this.#context = context;
    this.#id = id.toLowerCase();
    this.#path = `/api/v1/auth/clients/${encodeURIComponent(this.#id)}`;
    this.element = [
      h("p.crumb", {}, h("a", { href: address(["clients"]) }, icon("back"), "Clients")),
      h("div.page-head", {}, this.#heading, this.#state, h("div.spring"), this.#tools), this.#body,
    ];
    fill(this.#body, loading("Client"));
  }

  async load() {
    try {
      if (!isUUID(this.#id)) return this.#missing();
      this.#catalogue = await permissionCatalogue();
      this.#client = await api.get(this.#path, {}, { signal: this.#context.signal });
      this.#draw();
    } catch (problem) {
      if (this.#context.signal.aborted) return;
      if (problem.status === 404) return this.#missing();
      fill(this.#body, failure(problem, () => this.load()));
    }
  }

  #missing() {
    fill(this.#tools);
    fill(this.#body, empty("search", "No such client", [h("p", {}, "There is none with the id ", h("code", {}, this.#id), ".")],
      h("a.button", { href: address(["clients"]) }, "All clients")));
  }

  #draw() {
    const client = this.#client;
    this.#context.title(client.name);
    fill(this.#heading, client.name);
    fill(this.#state, pill(clientState(client)), " ", client.built_in ? h("span.tag", { title: builtIn }, "built in") : null);
    const may = session.may("clients:write");
    const why = may ? "" : "Your roles do not grant clients:write.";
    const button = (label, iconName, act, kind = "", isFixed = false) => h("button.button", {
      class: kind, disabled: !may || isFixed, title: may && isFixed ? builtIn : why, onclick: act,
    }, icon(iconName), label);
    fill(this.#tools,
      button("Edit", "window", () => go(address(["clients", client.id, "edit"])), "", client.built_in),
      client.enabled ? button("Switch off", "hand", () => this.#switch(false)) : button("Switch on", "run", () => this.#switch(true), "primary"),
      button("Delete", "trash", () => this.#delete(), "", client.built_in));
    fill(this.#body,
      client.enabled ? null : h("section.summary.bad", { "aria-label": "What is going on" }, icon("hand"),
        h("div", {}, h("p.summary-heading", {}, client.built_in ? "Switched off: nobody signs in to the console with another provider."
          : "Switched off: it gets no tokens, and those that it had are refused."))),
      facts([
        ["Client id", h("code", {}, client.id), { copy: client.id }],
        ["Kind", kindOf(client)],
        ["Comes from", client.built_in ? "the platform: by it people sign in to this console with other providers" : null],
        ["Proves who it is by", authentications[client.authentication] ?? client.authentication],
        ["Grants", client.grants.map(grantLabel).join(", ")],
        ["Consent", client.first_party ? "nobody is asked: it is the platform's own" : "whoever signs in is asked"],
        ["Made", when(new Date(client.created_at))],
        ["Changed", when(new Date(client.updated_at))],
      ]),
      hasSecrets(client) ? this.#secrets(may, why) : null,
      list("Redirect URIs", client.redirect_uris, "None: it has no grant that needs one."),
      client.post_logout_redirect_uris.length > 0 ? list("After a logout", client.post_logout_redirect_uris, "") : null,
      this.#scopes());
  }

  #scopes() {
    const { scopes } = this.#client;
    const standard = { openid: "an ID token: who somebody is", profile: "the name", email: "the address",
      offline_access: "a refresh token", account: "what everybody may who is signed in" };
    return section("May ask for", plural(scopes.length, "scope"), null,
      scopes.length === 0 ? h("p.none", {}, "Nothing: its tokens let it do nothing.")
        : h("ul.card.plain-list", {}, scopes.map((scope) => h("li", {}, h("code", {}, scope),
          scope.includes("*") ? h("span.tag.wide", {}, "wildcard") : null,
          h("span.muted.line", {}, standard[scope] ?? inWords(scope, this.#catalogue))))));
  }

  // MARK: Secrets

  #secrets(may, why) {
    const { secrets } = this.#client;
    const sorted = [...secrets].sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
    const isFull = secrets.length >= 2;
    return section("Secrets", "", h("button.button.small", {
      disabled: !may || isFull, title: may ? isFull ? "There are two already: delete the former one first." : "" : why,
      onclick: () => this.#rotate(),
    }, "Rotate"),
    isFull ? h("p.section-note", {}, "Both secrets work. Once everything uses the new one, delete the former one.") : null,
    h("ul.card.plain-list", {}, sorted.map((secret, index) => h("li.with-tool", {},
      h("span", {}, h("b", {}, isFull ? (index === 0 ? "New secret" : "Former secret") : "Secret"), " ",
        h("span.muted", {}, "made ", when(new Date(secret.created_at))), h("span.subject", {}, secret.id)),
      h("button.button.small", { disabled: !may || !isFull, "aria-label": `Delete the secret made ${clock(new Date(secret.created_at)).slice(0, 16)}`,
        title: may ? isFull ? "" : "It is the last one: rotate first." : why, onclick: () => this.#deleteSecret(secret, index > 0) }, "Delete")))));
  }

  #rotate() {
    const client = this.#client;
    confirm({
      heading: `Make a second secret for ${client.name}?`, label: "Make it",
      body: [h("ol.steps-list", {}, h("li", {}, "The new secret is shown once. The present one goes on working."),
        h("li", {}, "Put the new one wherever the client runs."), h("li", {}, "Come back and delete the former one: it ends at once."))],
      act: async () => {
        const made = await api.post(`${this.#path}/secrets`);
        queueMicrotask(async () => {
          await showSecret({ heading: `The new secret of ${client.name}`, values: [["Client id", client.id], ["Client secret", made.client_secret]],
            lines: ["The former secret works until you delete it."] });
          await this.load();
        });
      },
    });
  }

  #deleteSecret(secret, isFormer) {
    confirm({
      heading: isFormer ? "Delete the former secret?" : "Delete the NEW secret?", label: "Delete", isDangerous: true,
      body: [h("p", {}, "Made ", when(new Date(secret.created_at)), "."),
        h("p.muted", {}, "Whatever still uses it is refused at once. Tokens that were issued stay good until they end.",
          isFormer ? "" : " The former one then stays the only one.")],
      act: async () => {
        await api.delete(`${this.#path}/secrets/${secret.id}`);
        notify("The secret is deleted.");
        await this.load();
      },
    });
  }

  // MARK: The whole

  #switch(enabled) {
    const client = this.#client;
    confirm({
      heading: `Switch ${client.name} ${enabled ? "on" : "off"}?`, label: enabled ? "Switch on" : "Switch off", isDangerous: !enabled,
      body: [h("p.muted", {}, client.built_in ? enabled ? "People can sign in to the console with other providers again."
        : "At once nobody signs in to the console with another provider. Whoever did stays signed in. It can be switched on again."
        : enabled ? "It gets tokens again, with the secrets that it has. People whose sessions ended have to let it in anew."
        : "At once it gets no tokens, and every token and session that it has is refused: people who use it are signed out of it. It can be switched on again.")],
      act: async () => {
        await api.patch(this.#path, { enabled }, { ifMatch: tagOf(client) });
        notify(`${client.name} is ${enabled ? "on" : "off"}.`);
        await this.load();
      },
    });
  }

  #delete() {
    const client = this.#client;
    confirm({
      heading: `Delete ${client.name} for good?`, label: "Delete for good", isDangerous: true,
      body: [h("p", {}, "This cannot be taken back. Its tokens, sessions and secrets end at once, and whoever let it in is asked anew by whatever comes after it."),
        h("p.muted", {}, "To stop it for a while, switch it off instead.")],
      act: async () => {
        await api.delete(this.#path, { ifMatch: tagOf(client) });
        notify(`${client.name} is deleted.`);
        go(address(["clients"]));
      },
    });
  }
}

function list(heading, uris, none) {
  return section(heading, "", null, uris.length === 0 ? h("p.none", {}, none)
    : h("ul.card.plain-list", {}, uris.map((uri) => h("li", {}, h("code", {}, uri)))));
}
