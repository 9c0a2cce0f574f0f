import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { filters } from "../components/filters.js";
import { icon } from "../components/icons.js";
import { liveBadge } from "../components/live-badge.js";
import { notify } from "../components/notice.js";
import { PagedList } from "../components/paged-list.js";
import { pill } from "../components/pill.js";
import { empty } from "../components/states.js";
import { until, when } from "../components/time.js";
import { h, fill } from "../element.js";
import { isUUID, plural } from "../format.js";
import { address, go } from "../router.js";
import { session } from "../session.js";
import { deliveryStates, reasonOf, wordsOf } from "./mail-words.js";

/// Between two looks; milliseconds.
const interval = 5_000;
const states = ["dead_lettered", "queued", "sending", "sent", "bounced", "suppressed"];

export async function openMailList(context) {
  const { main, query, signal } = context;
  const filter = Object.fromEntries(["state", "recipient", "user_id", "about", "template"].map((name) => [name, query.get(name) ?? ""]));
  const page = new MailList(context, filter, query.get("cursor") ?? "");
  fill(main, page.element);
  context.arrived();
  signal.addEventListener("abort", () => page.close());
  await page.load();
}

class MailList {
  #signal;
  #timer = null;
  #badge = liveBadge();
  #form;
  #list;
  #retry = h("button.button", { hidden: true, onclick: () => this.#askRetry() }, icon("refresh"), "Try those given up again");
  #dead = 0;
  #suppressed = h("div");

  constructor(context, filter, cursor) {
    this.#signal = context.signal;
    this.#form = filters({
      chips: { name: "state", legend: "State", options: [["", "All"], ...states.map((state) => [state, deliveryStates[state].label])] },
      fields: [
        { name: "recipient", label: "Recipient", type: "search", placeholder: "the whole address", isGrowing: true },
        { name: "about", label: "About", placeholder: "an order's id" },
        { name: "user_id", label: "Account", placeholder: "an account's id" },
      ],
      filter, onChange: (changed) => go(address(["mail"], changed)),
    });
    this.#list = new PagedList({
      segments: ["mail"], path: "/api/v1/notifications/deliveries", query: filter, filter, cursor, signal: this.#signal,
      words: { title: "Mail", one: "message", order: "the newest first", older: "Older", newer: "Newer" },
      table: {
        caption: "Messages, the newest first",
        columns: [
          { label: "Message", class: "lead", cell: (row) => [
            h("a.row-link", { href: address(["mail", row.notification_id]) }, row.subject ?? row.template),
            h("span.subject", {}, row.recipient ?? (row.user_id ? `account ${row.user_id}` : "nobody any more"))] },
          { label: "State", class: "state", cell: (row) => pill(wordsOf(deliveryStates, row.state)) },
          { label: "Where it is", class: "where", cell: (row) => where(row) },
          { label: "Made", class: "started", cell: (row) => when(new Date(row.created_at)) },
        ],
        key: (row) => row.id, mark: (row) => JSON.stringify(row),
        tone: (row) => (row.state === "dead_lettered" ? "attention" : null),
      },
      nothing: () => this.#nothing(filter),
    });
    this.element = [
      h("div.page-head", {}, h("h1", { tabindex: "-1" }, "Mail"), this.#badge.element, h("div.spring"), this.#retry,
        h("a.button", { href: address(["mail", "suppressions"]) }, icon("hand"), "Suppressed addresses"),
        h("button.button", { onclick: () => this.load() }, icon("refresh"), "Refresh")),
      this.#form.element, this.#suppressed, this.#list.element,
    ];
    this.#badge.set("connecting");
    if (filter.recipient) this.#lookUp(filter.recipient);
  }

  close() {
    clearTimeout(this.#timer);
  }

  /// One look; the next one follows by itself while somebody can see it.
  async load() {
    clearTimeout(this.#timer);
    await this.#list.load();
    await this.#count();
    this.#plan();
  }

  #plan() {
    if (this.#signal.aborted) return;
    this.#timer = setTimeout(async () => {
      try {
        if (!document.hidden) {
          await this.#list.load({ quietly: true });
          await this.#count();
        }
      } catch {
        this.#badge.set("reconnecting", Math.ceil(interval / 1000));
      }
      this.#plan();
    }, interval);
  }

  async #count() {
    try {
      const statistics = await api.get("/api/v1/notifications/statistics", {}, { signal: this.#signal });
      const counts = new Map();
      for (const { state, count } of statistics.states) counts.set(state, (counts.get(state) ?? 0) + count);
      for (const state of ["dead_lettered", "queued", "sending", "bounced"]) this.#form.count(state, counts.get(state) ?? 0);
      this.#dead = counts.get("dead_lettered") ?? 0;
      this.#retry.hidden = this.#dead === 0;
      this.#retry.disabled = !session.may("notifications:write");
      this.#retry.title = this.#retry.disabled ? "Your roles do not grant notifications:write." : "";
      this.#badge.set("live");
    } catch (problem) {
      if (!this.#signal.aborted) this.#badge.set(problem.status === 403 ? "refused" : "reconnecting", Math.ceil(interval / 1000));
    }
  }

  #askRetry() {
    confirm({
      heading: `Try ${plural(this.#dead, "message")} again?`, label: "Try again",
      body: [h("p.muted", {}, "Those whose every attempt failed begin anew with their first one, the oldest first, at most 1 000 at a time. ",
        "Do it once the cause is mended: else they fail for another half hour.")],
      act: async () => {
        const result = await api.post("/api/v1/notifications/dead-letters/retry");
        notify(`${plural(result.retried, "message")} queued again${result.has_more ? "; there are more" : ""}.`);
        await this.load();
      },
    });
  }

  /// Why nothing arrives there, before anybody looks for it in the list.
  async #lookUp(recipient) {
    try {
      const found = await api.get(`/api/v1/notification-suppressions/${encodeURIComponent(recipient)}`, {}, { signal: this.#signal });
      fill(this.#suppressed, h("p.warning.spaced", {}, icon("hand"), h("span", {}, "Nothing is sent to ", h("b", {}, found.address),
        " any more, since ", when(new Date(found.created_at)), ". ", h("a", { href: address(["mail", "suppressions"]) }, "Suppressed addresses"))));
    } catch {
      // Nearly always it is not on the list.
    }
  }

  #nothing(filter) {
    if (!this.#form.isFiltered) {
      return empty("mail", "No message yet", [h("p", {}, "Messages to people appear here as they are written: a welcome, an order's confirmation.")]);
    }
    const id = filter.about || filter.user_id;
    return empty("search", "No message fits the filter", [
      h("p", {}, "Addresses and ids are compared as a whole. An account's messages that were not sent yet have no address: look for its id.",
        id && !isUUID(id) ? [" ", h("b", {}, id), " is no id."] : ""),
    ], h("a.button", { href: address(["mail"]) }, "Clear the filter"));
  }
}

function where(row) {
  const tries = row.attempts > 1 ? ` · attempt ${row.attempts}` : "";
  const next = row.next_attempt_at && new Date(row.next_attempt_at) > new Date() ? until(new Date(row.next_attempt_at)) : null;
  const line = {
    queued: () => (row.attempts > 0 ? ["tried again ", next ?? "now", tries] : next ? ["is sent ", next] : "waits for its first attempt"),
    sending: () => ["under way", tries],
    sent: () => ["handed over ", row.sent_at ? when(new Date(row.sent_at)) : "", tries],
  }[row.state]?.() ?? [reasonOf(row) ?? "", tries];
  return [h("span", {}, line), row.error && row.state !== "sent" ? h("span.clamp.cause", { title: row.error }, row.error) : null];
}
