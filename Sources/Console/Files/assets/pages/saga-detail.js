import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { facts } from "../components/facts.js";
import { icon } from "../components/icons.js";
import { liveBadge } from "../components/live-badge.js";
import { notify } from "../components/notice.js";
import { pill } from "../components/pill.js";
import { empty, failure, loading } from "../components/states.js";
import { growing, when } from "../components/time.js";
import { h, fill } from "../element.js";
import { clock, duration } from "../format.js";
import { LiveFeed } from "../live.js";
import { address } from "../router.js";
import { session } from "../session.js";
import { SagaTimeline } from "./saga-timeline.js";
import { explanation, isOver, sagaStates, wordsOf } from "./saga-words.js";

export async function openSaga(context, id) {
  const page = new SagaPage(context, id);
  fill(context.main, page.element);
  context.signal.addEventListener("abort", () => page.close());
  await page.load();
  context.arrived();
}

class SagaPage {
  #context;
  #path;
  #id;
  #saga = null;
  #loading = null;
  #isStale = false;
  #badge = liveBadge();
  #body = h("div");
  #heading = h("h1", { tabindex: "-1" }, "Saga");
  #state = h("span", { role: "status" });
  #retry = h("button.button.primary", { hidden: true, onclick: () => this.#ask() }, icon("refresh"), "Try again now");
  #summary = h("section.summary", { "aria-label": "What is going on" });
  #facts = h("div");
  #timeline = new SagaTimeline();
  #feed;

  constructor(context, id) {
    this.#context = context;
    this.#id = id.toLowerCase();
    this.#path = `/api/v1/sagas/${encodeURIComponent(id)}`;
    this.element = [
      h("p.crumb", {}, h("a", { href: address(["sagas"]), onclick: back }, icon("back"), "Sagas")),
      h("div.page-head", {}, this.#heading, this.#state, this.#badge.element, h("div.spring"), this.#retry),
      this.#body,
    ];
    fill(this.#body, loading("Saga"));
    this.#feed = new LiveFeed("/api/v1/sagas/events", {
      onEvent: (name, data) => { if (name === "saga" && this.#isMine(data)) this.load(); },
      onState: (state, seconds) => this.#badge.set(state, seconds),
      onOpen: () => this.load(),
    });
  }

  close() {
    this.#feed.close();
  }

  #isMine(data) {
    try {
      return JSON.parse(data).id.toLowerCase() === this.#id;
    } catch {
      return false;
    }
  }

  /// One request at a time; what changes meanwhile is asked for once more.
  async load() {
    if (this.#loading) {
      this.#isStale = true;
      return await this.#loading;
    }
    this.#loading = this.#fetch();
    await this.#loading;
    this.#loading = null;
    if (this.#isStale && !this.#context.signal.aborted) {
      this.#isStale = false;
      await this.load();
    }
  }

  async #fetch() {
    try {
      this.#saga = await api.get(this.#path, {}, { signal: this.#context.signal });
      this.#draw();
    } catch (problem) {
      if (this.#context.signal.aborted) return;
      if (problem.status === 404 || problem.status === 422) return this.#missing();
      // What is there stays, with a word on why it is old.
      if (this.#saga) return notify(`It could not be read again: ${problem.message}`);
      fill(this.#body, failure(problem, () => this.load()));
    }
  }

  #missing() {
    this.#retry.hidden = true;
    fill(this.#body, empty("search", "No such saga", [
      h("p", {}, "There is none with the id ", h("code", {}, this.#id), "; sagas that have ended are kept for a while only."),
    ], h("a.button", { href: address(["sagas"]) }, "All sagas")));
  }

  #draw() {
    const saga = this.#saga;
    this.#context.title(`${saga.name} ${saga.subject}`);
    fill(this.#heading, saga.name);
    if (this.#state.dataset.state !== saga.state) {
      this.#state.dataset.state = saga.state;
      fill(this.#state, pill(wordsOf(sagaStates, saga.state)));
    }
    this.#retry.hidden = saga.state !== "parked";
    this.#retry.disabled = !session.may("sagas:write");
    this.#retry.title = this.#retry.disabled ? "Your roles do not grant sagas:write." : "";
    const told = explanation(saga);
    this.#summary.className = `summary ${told.tone}`;
    fill(this.#summary, icon(told.icon), h("div", {}, h("p.summary-heading", {}, told.heading),
      told.lines.map((line) => h("p", {}, line))));
    fill(this.#facts, this.#factsOf(saga));
    this.#timeline.update(saga);
    if (!this.#body.contains(this.#summary)) fill(this.#body, this.#summary, this.#facts, this.#timeline.element);
  }

  #factsOf(saga) {
    const started = new Date(saga.started_at);
    return facts([
      ["Subject", h("span", {}, h("code", {}, saga.subject), " ",
        h("a.aside", { href: address(["sagas"], { subject: saga.subject }) }, "all sagas of it")), { copy: saga.subject }],
      ["Started", h("span", {}, clock(started), " ", h("span.muted", {}, "(", when(started), ")"))],
      ["Ended", saga.ended_at ? clock(new Date(saga.ended_at)) : null],
      ["Duration", isOver(saga) ? duration(saga.duration_ms) : growing(saga.duration_ms)],
      ["Pivot", saga.past_pivot ? "passed: it only goes forward" : null],
      ["Cancellation", saga.cancel_requested ? "asked for" : null],
      ["Runs on", saga.owner ? h("code", {}, saga.owner) : null],
      ["Trace", saga.trace_id ? h("code", {}, saga.trace_id) : null, { copy: saga.trace_id }],
      ["Saga id", h("code", {}, saga.id), { copy: saga.id }],
    ]);
  }

  #ask() {
    const saga = this.#saga;
    confirm({
      heading: saga.kind === "compensation" ? `Undo ${saga.step} again?` : `Try ${saga.step} again?`,
      body: [
        saga.error ? h("p", {}, h("span.label", {}, "It stopped with: "), h("span.cause", {}, saga.error)) : null,
        h("p.muted", {}, "The step may have had its effect already; it is made to be done twice without harm. ",
          "If the cause is not mended, the saga will be parked again."),
      ],
      label: "Try again now",
      act: async () => {
        try {
          this.#saga = await api.post(`${this.#path}/retry`);
        } catch (problem) {
          // Somebody else was faster, or it went on by itself.
          if (problem.status === 409) this.load();
          throw problem;
        }
        notify(`${saga.step} is tried again.`);
        this.#draw();
      },
    });
  }
}

/// To the list as it was left, with its filter and its page, where that is where the reader came from.
function back(event) {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  if (!cameFromList()) return;
  event.preventDefault();
  history.back();
}

function cameFromList() {
  return window.navigation?.canGoBack
    && new URL(window.navigation.entries()[window.navigation.currentEntry.index - 1]?.url ?? location.href).pathname
      === address(["sagas"]);
}
