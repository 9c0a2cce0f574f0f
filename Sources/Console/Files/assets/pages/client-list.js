import { icon } from "../components/icons.js";
import { PagedList } from "../components/paged-list.js";
import { pill } from "../components/pill.js";
import { empty } from "../components/states.js";
import { when } from "../components/time.js";
import { h, fill } from "../element.js";
import { plural } from "../format.js";
import { address } from "../router.js";
import { session } from "../session.js";
import { clientState, grantLabel, hasSecrets, kindOf } from "./client-words.js";

export async function openClients(context) {
  const { main, query, signal } = context;
  const create = session.may("clients:write")
    ? h("a.button.primary", { href: address(["clients", "new"]) }, icon("plus"), "New client") : null;
  const list = new PagedList({
    segments: ["clients"], path: "/api/v1/auth/clients", query: {}, filter: {}, cursor: query.get("cursor") ?? "", signal,
    words: { title: "Clients", one: "client", order: "the oldest first", older: "Next", newer: "Before" },
    table: {
      caption: "Clients, the oldest first",
      columns: [
        { label: "Client", class: "lead", cell: (client) => [h("a.row-link", { href: address(["clients", client.id]) }, client.name),
          client.built_in ? h("span.tag", { title: "It came with the platform." }, "built in") : null,
          h("span.subject", { title: "client_id" }, client.id)] },
        { label: "State", class: "state", cell: (client) => pill(clientState(client)) },
        { label: "Kind", cell: (client) => [kindOf(client), h("span.muted.line", {}, client.grants.map(grantLabel).join(", "))] },
        { label: "Secrets", cell: (client) => (!hasSecrets(client) ? h("span.muted", {}, "none")
          : client.secrets.length > 1 ? h("span", { title: "The former one is to be deleted once nothing uses it." }, `${client.secrets.length}: rotating`)
            : plural(client.secrets.length, "secret")) },
        { label: "Made", class: "started", cell: (client) => when(new Date(client.created_at)) },
      ],
      key: (client) => client.id, mark: (client) => `${client.version} ${client.secrets.length}`,
      tone: (client) => (client.enabled ? null : "left"),
    },
    nothing: () => empty("window", "No client yet", [
      h("p", {}, "A client is an application or a server that gets tokens here: by OAuth, for itself or for people who let it in."),
    ], create?.cloneNode(true)),
  });
  fill(main, h("div.page-head", {}, h("h1", { tabindex: "-1" }, "Clients"), h("div.spring"),
    h("button.button", { onclick: () => list.load() }, icon("refresh"), "Refresh"), create),
  h("p.lead-text.muted", {}, "Applications and servers that get tokens here (OAuth 2.1, OpenID Connect). Keys for your own scripts are under ",
    h("a", { href: address(["keys"]) }, "API keys"), "."),
  list.element);
  context.arrived();
  await list.load();
}
