import { icon } from "../components/icons.js";
import { PagedList } from "../components/paged-list.js";
import { pill } from "../components/pill.js";
import { empty } from "../components/states.js";
import { when } from "../components/time.js";
import { h, fill } from "../element.js";
import { address } from "../router.js";

/// /console/data/history: everything that the reader said about consent.
export async function openHistory(context) {
  const { main, query, signal } = context;
  context.title("What you said about consent");
  const list = new PagedList({
    segments: ["data", "history"], path: "/api/v1/users/me/consents/history", query: {}, filter: {}, cursor: query.get("cursor") ?? "", signal,
    words: { title: "What you said", one: "record", order: "the newest first", older: "Older", newer: "Newer" },
    table: {
      caption: "What you said about consent, the newest first",
      columns: [
        { label: "For", class: "lead", cell: (record) => [h("b", {}, record.purpose), h("span.muted", {}, ` version ${record.version}`)] },
        { label: "Said", cell: (record) => (record.decision === "given"
          ? pill({ label: "Given", tone: "good", icon: "check" }) : pill({ label: "Withdrawn", tone: "neutral", icon: "cross" })) },
        { label: "Where", cell: (record) => record.source },
        { label: "When", cell: (record) => when(new Date(record.at)) },
      ],
      key: (record) => record.id, mark: (record) => JSON.stringify(record),
    },
    nothing: () => empty("file", "You said nothing yet", [h("p", {}, "What you agree to, and what you take back, stays here.")]),
  });
  fill(main, h("p.crumb", {}, h("a", { href: address(["data"]) }, icon("back"), "Your data")),
    h("div.page-head", {}, h("h1", { tabindex: "-1" }, "What you said about consent")), list.element);
  context.arrived();
  await list.load();
}
