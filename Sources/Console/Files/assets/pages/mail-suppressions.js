import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { field } from "../components/form.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { PagedList } from "../components/paged-list.js";
import { empty } from "../components/states.js";
import { when } from "../components/time.js";
import { h, fill } from "../element.js";
import { address } from "../router.js";
import { session } from "../session.js";
import { suppressionReasons } from "./mail-words.js";

export async function openSuppressions(context) {
  const { main, query, signal } = context;
  const may = session.may("notifications:write");
  const why = may ? "" : "Your roles do not grant notifications:write.";
  const list = new PagedList({
    segments: ["mail", "suppressions"], path: "/api/v1/notification-suppressions", query: {}, filter: {},
    cursor: query.get("cursor") ?? "", signal,
    words: { title: "Suppressed addresses", one: "address", many: "addresses", order: "in their order", older: "Next", newer: "Before" },
    table: {
      caption: "Addresses to which nothing is sent",
      columns: [
        { label: "Address", class: "lead", cell: (row) => [h("b.address", {}, row.address), " ",
          h("a.aside", { href: address(["mail"], { recipient: row.address }), "aria-label": `Mail to ${row.address}` }, "its mail")] },
        { label: "Why", cell: (row) => suppressionReasons[row.reason] ?? row.reason },
        { label: "Since", cell: (row) => when(new Date(row.created_at)) },
        { label: "Action", class: "act", cell: (row) => h("button.button.small", { disabled: !may, title: why,
          "aria-label": `Send to ${row.address} again`, onclick: () => askRemove(row) }, "Remove") },
      ],
      key: (row) => row.address, mark: (row) => JSON.stringify(row),
    },
    nothing: () => empty("mail", "No address is suppressed", [
      h("p", {}, "An address whose server says that there is no such mailbox is put here by itself: writing to it again harms the sender's name."),
    ]),
  });

  function askRemove(row) {
    confirm({
      heading: `Send to ${row.address} again?`, label: "Remove from the list",
      body: [h("p", {}, h("span.label", {}, "Why it is here: "), suppressionReasons[row.reason] ?? row.reason, "."),
        h("p.muted", {}, row.reason === "complaint" || row.reason === "request"
          ? "The person did not want mail: be sure that they do now. " : "If the mailbox is still not there, the next mail bounces and the address comes back here. ",
        "What was not sent meanwhile is not sent by itself.")],
      act: async () => {
        await api.delete(`/api/v1/notification-suppressions/${encodeURIComponent(row.address)}`);
        notify(`${row.address} is written to again.`);
        await list.load();
      },
    });
  }

  function askAdd() {
    const input = h("input", { type: "email", maxlength: 254, required: true, autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
    const place = field({ label: "Address", name: "address", input });
    const reason = h("select", {}, h("option", { value: "request" }, "somebody asked for it"), h("option", { value: "complaint" }, "the recipient complained"));
    confirm({
      heading: "Send nothing to an address", label: "Suppress",
      body: [place.element, field({ label: "Why", name: "reason", input: reason }).element,
        h("p.muted", {}, "Nothing at all is sent there any more, not even about security, until it is removed.")],
      act: async () => {
        await api.post("/api/v1/notification-suppressions", { address: input.value.trim(), reason: reason.value });
        notify(`${input.value.trim()} is written to no more.`);
        await list.load();
      },
    });
  }

  fill(main, h("p.crumb", {}, h("a", { href: address(["mail"]) }, icon("back"), "Mail")),
    h("div.page-head", {}, h("h1", { tabindex: "-1" }, "Suppressed addresses"), h("div.spring"),
      h("button.button", { disabled: !may, title: why, onclick: askAdd }, icon("plus"), "Suppress an address"),
      h("button.button", { onclick: () => list.load() }, icon("refresh"), "Refresh")),
    list.element);
  context.title("Suppressed addresses");
  context.arrived();
  await list.load();
}
