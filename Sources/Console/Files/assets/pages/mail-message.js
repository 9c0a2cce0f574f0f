import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { facts } from "../components/facts.js";
import { icon } from "../components/icons.js";
import { mailFrame } from "../components/mail-frame.js";
import { notify } from "../components/notice.js";
import { pill } from "../components/pill.js";
import { empty, failure, loading } from "../components/states.js";
import { until, when } from "../components/time.js";
import { h, fill } from "../element.js";
import { clock, isUUID, plural } from "../format.js";
import { address } from "../router.js";
import { session } from "../session.js";
import { adviceFor, deliveryStates, reasonOf, wordsOf } from "./mail-words.js";

/// While something is under way; milliseconds between two looks.
const interval = 3_000;

export async function openMessage(context, id) {
  const page = new MessagePage(context, id);
  fill(context.main, page.element);
  context.signal.addEventListener("abort", () => page.close());
  await page.load();
  context.arrived();
}

class MessagePage {
  #context;
  #id;
  #path;
  #timer = null;
  #shown = "";
  #heading = h("h1", { tabindex: "-1" }, "Message");
  #state = h("span", { role: "status" });
  #tools = h("div.tools");
  #body = h("div");
  #status = h("div");
  #message = h("div");

  constructor(context, id) {
    this.#context = context;
    this.#id = id.toLowerCase();
    this.#path = `/api/v1/notifications/${encodeURIComponent(this.#id)}`;
    this.element = [
      h("p.crumb", {}, h("a", { href: address(["mail"]) }, icon("back"), "Mail")),
      h("div.page-head", {}, this.#heading, this.#state, h("div.spring"), this.#tools), this.#body,
    ];
    fill(this.#body, loading("Message"));
  }

  close() {
    clearTimeout(this.#timer);
  }

  async load() {
    clearTimeout(this.#timer);
    const options = { signal: this.#context.signal };
    try {
      if (!isUUID(this.#id)) return this.#missing();
      const [notification, messages, listed] = await Promise.all([
        api.get(this.#path, {}, options), api.get(`${this.#path}/messages`, {}, options),
        api.get("/api/v1/notifications/deliveries", { notification_id: this.#id }, options),
      ]);
      this.#draw(notification, messages.items, listed.items[0]?.recipient ?? null);
      const isOver = notification.deliveries.every((delivery) => !["queued", "sending"].includes(delivery.state));
      if (!isOver) this.#timer = setTimeout(() => this.load(), interval);
    } catch (problem) {
      if (this.#context.signal.aborted) return;
      if (problem.status === 404) return this.#missing();
      fill(this.#body, failure(problem, () => this.load()));
    }
  }

  #missing() {
    fill(this.#tools);
    fill(this.#body, empty("search", "No such message", [h("p", {}, "There is none with the id ", h("code", {}, this.#id), ".")],
      h("a.button", { href: address(["mail"]) }, "All mail")));
  }

  #draw(notification, messages, recipient) {
    // What is being read is not drawn again for nothing.
    const text = JSON.stringify([notification, messages, recipient]);
    if (text === this.#shown && this.#body.contains(this.#status)) return;
    this.#shown = text;
    const first = notification.deliveries[0];
    const title = messages[0]?.subject ?? notification.template;
    this.#context.title(title);
    fill(this.#heading, title);
    fill(this.#state, first ? pill(wordsOf(deliveryStates, first.state)) : null);
    const states = notification.deliveries.map((delivery) => delivery.state);
    const may = session.may("notifications:write");
    const button = (label, iconName, act, kind = "") => h("button.button", { class: kind, disabled: !may,
      title: may ? "" : "Your roles do not grant notifications:write.", onclick: act }, icon(iconName), label);
    fill(this.#tools,
      states.includes("dead_lettered") ? button("Try again now", "refresh", () => this.#retry(first), "primary") : null,
      states.includes("queued") ? button("Cancel", "hand", () => this.#cancel()) : null);
    fill(this.#status, notification.deliveries.map((delivery) => summary(delivery)), this.#facts(notification, messages, recipient),
      notification.deliveries.map((delivery) => attempts(delivery, notification.deliveries.length > 1)));
    fill(this.#message, messages.length > 0 ? messages.map((message) => this.#content(message)) : section("Message",
      h("p.none", {}, states.some((state) => ["sent", "delivered", "bounced", "undelivered"].includes(state))
        ? "Its text is gone: it is kept only as long as the personal data in it may be." : "It is written when it is sent.")));
    if (!this.#body.contains(this.#status)) fill(this.#body, this.#status, this.#message);
  }

  #facts(notification, messages, recipient) {
    const message = messages[0];
    const account = notification.user_id;
    return facts([
      ["To", recipient ? h("span", {}, recipient, " ", h("a.aside", { href: address(["mail"], { recipient }) }, "all mail to it")) : null,
        { copy: recipient }],
      ["Account", account ? session.may("accounts:read")
        ? h("a", { href: address(["accounts", account]) }, h("code", {}, account)) : h("code", {}, account) : null],
      ["Template", h("span", {}, h("code", {}, notification.template), message
        ? h("span.muted", {}, message.template_version === 0 ? " built in" : ` version ${message.template_version}`, `, in ${message.locale}`) : null)],
      ["About", notification.about ? h("span", {}, h("code", {}, notification.about), " ",
        h("a.aside", { href: address(["mail"], { about: notification.about }) }, "all mail about it")) : null, { copy: notification.about }],
      ["Made", h("span", {}, clock(new Date(notification.created_at)), " ", h("span.muted", {}, "(", when(new Date(notification.created_at)), ")"))],
      ["To be sent", notification.send_at ? h("span", {}, clock(new Date(notification.send_at)), " (", until(new Date(notification.send_at)), ")") : null],
      ["Notification id", h("code", {}, notification.id), { copy: notification.id }],
    ]);
  }

  #content(message) {
    const head = h("dl.mail-head", {}, [
      ["To", message.recipient], ["Subject", message.subject], ["Message-ID", `<${message.message_id}>`],
      ["Content-Language", message.locale], ["Date", message.sent_at ? clock(new Date(message.sent_at)).slice(0, 19) : null],
    ].filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
    const plain = h("pre.mail-text", { tabindex: "0", "aria-label": "The message as text" }, message.body);
    if (!message.html) return section("Message", h("div.card.mail", {}, head, plain));
    const html = h("div", {}, mailFrame(message.html, `The message ${message.subject} as HTML`),
      h("p.mail-note.muted", {}, "Shown without scripts; pictures and styles from elsewhere are not loaded, and links lead nowhere."));
    plain.hidden = true;
    const radio = (value, label, isChosen) => h("label.chip", {},
      h("input", { type: "radio", name: `view-${message.id}`, checked: isChosen, onchange: () => {
        plain.hidden = value !== "text";
        html.hidden = value !== "html";
      } }), h("span", {}, label));
    return section("Message", h("div.card.mail", {}, head,
      h("fieldset.chips.mail-view", {}, h("legend.hidden", {}, "Shown as"), radio("html", "HTML", true), radio("text", "Text", false)), html, plain));
  }

  #retry(delivery) {
    confirm({
      heading: "Try to send it again?", label: "Try again",
      body: [delivery.error ? h("p", {}, h("span.label", {}, "It ended with: "), h("span.cause", {}, delivery.error)) : null,
        h("p.muted", {}, "It begins anew with its first attempt. A mail that broke off half way may have arrived; it has the same Message-ID, so mail programs know it for the same.")],
      act: async () => {
        try {
          await api.post(`${this.#path}/retry`);
        } catch (problem) {
          if (problem.status === 409) this.load();
          throw problem;
        }
        notify("It is queued again.");
        await this.load();
      },
    });
  }

  #cancel() {
    confirm({
      heading: "Do not send it?", label: "Do not send it", isDangerous: true,
      body: [h("p.muted", {}, "What waits is not sent, for good. What is under way at this moment may have gone out already.")],
      act: async () => {
        await api.post(`${this.#path}/cancel`);
        notify("It is canceled.");
        await this.load();
      },
    });
  }
}

function section(heading, ...content) {
  const id = `section-${heading.toLowerCase().replaceAll(" ", "-")}`;
  return h("section.section", { "aria-labelledby": id }, h("div.section-head", {}, h("h2", { id }, heading)), content);
}

function summary(delivery) {
  const advice = adviceFor(delivery);
  const reason = reasonOf(delivery);
  if (!reason && !delivery.error) return null;
  if (delivery.state === "sent" || delivery.state === "delivered") return null;
  const words = wordsOf(deliveryStates, delivery.state);
  return h("section.summary", { class: words.tone, "aria-label": "What is going on" }, icon(words.icon), h("div", {},
    h("p.summary-heading", {}, words.label, reason ? `: ${reason}.` : delivery.next_attempt_at
      ? ["; tried again ", until(new Date(delivery.next_attempt_at)), "."] : "."),
    delivery.error ? h("p", {}, h("span.label", {}, "The last answer: "), h("span.cause", {}, delivery.error)) : null,
    advice ? h("p", {}, advice) : null));
}

function attempts(delivery, isOneOfMany) {
  return section(isOneOfMany ? `What happened by ${delivery.channel}` : "What happened",
    h("p.section-note", {}, plural(delivery.attempts, "attempt")),
    h("ol.card.plain-list", {}, (delivery.history ?? []).map((step) => h("li.event", {},
      h("span.number.muted", { title: step.at }, clock(new Date(step.at))), pill(wordsOf(deliveryStates, step.state)),
      h("span.event-words", {}, step.reason ? reasonOf(step) : "", step.reason && step.detail ? ": " : "",
        step.detail ? h("span", { class: step.detail === "asked for again" ? "" : "cause" }, step.detail) : null)))));
}
