import { api } from "../api.js";
import { icon } from "../components/icons.js";
import { liveBadge } from "../components/live-badge.js";
import { pill } from "../components/pill.js";
import { empty, failure, loading } from "../components/states.js";
import { table } from "../components/table.js";
import { growing, when } from "../components/time.js";
import { h, fill } from "../element.js";
import { duration, isUUID, plural } from "../format.js";
import { LiveFeed } from "../live.js";
import { address, go } from "../router.js";
import { sagaFilters } from "./saga-filters.js";
import { isOver, sagaStates, whereabouts, wordsOf } from "./saga-words.js";

const limit = 50;
/// How long a pointer that moved over the list is taken to be at work there; milliseconds.
const resting = 4_000;

export async function openSagas(context) {
  const { main, query, signal } = context;
  const filter = Object.fromEntries(["state", "name", "subject", "cursor"].map((name) => [name, query.get(name) ?? ""]));
  const page = new SagaList(context, filter);
  fill(main, page.element);
  context.arrived();
  signal.addEventListener("abort", () => page.close());
  await page.load();
}

/// The pages that lie before this one, so that "Newer" knows where it leads: the newest first.
const trail = () => (Array.isArray(history.state?.trail) ? history.state.trail : []);

class SagaList {
  #filter;
  #signal;
  #rows = [];
  #nextCursor = null;
  /// New ones that wait until the reader's hand is off the list.
  #held = new Map();
  #pending = new Map();
  #timer = null;
  #isUsed = false;
  #rest = null;
  #isLoaded = false;
  /// How many loads began, and the number of the one that is shown.
  #loads = 0;
  #shown = 0;
  #parked = new Set();

  #badge = liveBadge();
  #count = h("p.muted.count", { role: "status" });
  #more = h("button.button.held", { hidden: true, onclick: () => this.#showHeld() });
  #content = h("div.content");
  #pager = h("nav.pager", { "aria-label": "Pages of the list" });
  #table = table({
    caption: "Sagas, the newest first",
    columns: [
      { label: "Saga", class: "saga", cell: (saga) => this.#nameCell(saga) },
      { label: "State", class: "state", cell: (saga) => pill(wordsOf(sagaStates, saga.state)) },
      { label: "Where it is", class: "where", cell: (saga) => this.#whereCell(saga) },
      { label: "Started", class: "started", cell: (saga) => when(new Date(saga.started_at)) },
      { label: "Duration", class: "number", cell: (saga) =>
        isOver(saga) ? duration(saga.duration_ms) : growing(saga.duration_ms) },
    ],
    key: (saga) => saga.id,
    mark: (saga) => `${saga.updated_at} ${saga.state} ${saga.attempt} ${saga.step}`,
    tone: (saga) => [saga.state === "parked" ? "attention" : "", this.#fits(saga) ? "" : "left"].filter(Boolean).join(" "),
  });
  #filters;
  #feed;

  constructor(context, filter) {
    this.#filter = filter;
    this.#signal = context.signal;
    this.#filters = sagaFilters(filter, (changed) => go(address(["sagas"], changed)));
    const refresh = h("button.button", { onclick: () => this.load() }, icon("refresh"), "Refresh");
    this.element = [
      h("div.page-head", {}, h("h1", { tabindex: "-1" }, "Sagas"), this.#badge.element, h("div.spring"), refresh),
      this.#filters.element,
      h("div.list-head", {}, this.#count, this.#more),
      this.#content, this.#pager,
    ];
    this.#watchHand();
    this.#feed = new LiveFeed("/api/v1/sagas/events", {
      onEvent: (name, data) => { if (name === "saga") this.#take(data); },
      onState: (state, seconds) => this.#badge.set(state, seconds),
      onOpen: () => this.load({ quietly: true }),
    });
  }

  close() {
    this.#feed.close();
    clearTimeout(this.#timer);
    clearTimeout(this.#rest);
  }

  async load({ quietly = false } = {}) {
    if (!this.#isLoaded && !quietly) fill(this.#content, loading("Sagas"));
    this.#countParked();
    const number = ++this.#loads;
    try {
      const page = await api.get("/api/v1/sagas", { ...this.#filter, limit }, { signal: this.#signal });
      // Overtaken by a later one, which knew more.
      if (number < this.#shown) return;
      this.#shown = number;
      // Rows do not move away under a hand, for this reason neither.
      if (quietly && this.#isLoaded && this.#isUsed) return this.#merge(page.items);
      this.#rows = page.items;
      this.#nextCursor = page.next_cursor ?? null;
      this.#held.clear();
      this.#isLoaded = true;
      this.#filters.know(page.items.map((saga) => saga.name));
      this.#draw();
      if (page.items.length === 0) await this.#lookById();
    } catch (problem) {
      if (this.#signal.aborted || number < this.#shown) return;
      this.#isLoaded = false;
      fill(this.#count);
      fill(this.#pager);
      fill(this.#content, failure(problem, () => this.load()));
    }
  }

  // MARK: What is shown

  #draw({ highlight = false } = {}) {
    this.#more.hidden = this.#held.size === 0;
    this.#more.textContent = `Show ${plural(this.#held.size, "new saga")}`;
    const isFiltered = Boolean(this.#filter.state || this.#filter.name || this.#filter.subject);
    fill(this.#count, this.#rows.length === 0 ? null : [
      plural(this.#rows.length, "saga"), isFiltered ? " that fit the filter" : "",
      this.#nextCursor || this.#filter.cursor ? " on this page" : "", ", the newest first",
    ]);
    if (this.#rows.length === 0) {
      fill(this.#content, this.#nothing(isFiltered));
    } else {
      this.#table.update(this.#rows, { highlight });
      if (this.#content.firstChild !== this.#table.element) fill(this.#content, this.#table.element);
    }
    this.#drawPager();
  }

  #nothing(isFiltered) {
    if (!isFiltered) {
      return empty("steps", "No saga yet", [
        h("p", {}, "A saga is made for every order. They appear here as they happen; nothing has to be reloaded."),
      ]);
    }
    return empty("search", "No saga fits the filter", [
      h("p", {}, "Subjects and kinds are compared as a whole: an order's id, ", h("code", {}, "order.placement"), "."),
    ], h("a.button", { href: address(["sagas"]) }, "Clear the filter"));
  }

  /// What was pasted as a subject may be the saga's own id.
  async #lookById() {
    const id = this.#filter.subject;
    if (!isUUID(id)) return;
    try {
      const saga = await api.get(`/api/v1/sagas/${encodeURIComponent(id)}`, {}, { signal: this.#signal });
      this.#content.append(h("p.hint", {}, "It is the id of a saga: ",
        h("a", { href: address(["sagas", saga.id]) }, `${saga.name} of ${saga.subject}`)));
    } catch {
      // It was a guess.
    }
  }

  #nameCell(saga) {
    return [
      h("a.row-link", { href: address(["sagas", saga.id]) }, saga.name),
      h("span.subject", { title: "Subject" }, saga.subject),
    ];
  }

  #whereCell(saga) {
    const [what, cause] = whereabouts(saga);
    return [h("span", {}, what), cause ? h("span.clamp", { class: saga.state === "compensated" ? "muted" : "cause", title: cause }, cause) : null];
  }

  #drawPager() {
    const before = trail();
    const { state, name, subject, cursor } = this.#filter;
    const to = (next, nextTrail) => go(address(["sagas"], { state, name, subject, cursor: next }), {
      state: { trail: nextTrail },
    });
    fill(this.#pager,
      cursor ? h("button.button", { onclick: () => to(before.at(-1) ?? "", before.slice(0, -1)) }, icon("back"),
        before.length > 0 ? "Newer" : "Newest") : null,
      this.#nextCursor ? h("button.button", { onclick: () => to(this.#nextCursor, cursor ? [...before, cursor] : [""]) },
        "Older", icon("next")) : null);
  }

  // MARK: What changes

  #fits(saga) {
    const { state, name, subject } = this.#filter;
    return (!state || saga.state === state) && (!name || saga.name === name) && (!subject || saga.subject === subject);
  }

  #merge(sagas) {
    for (const saga of sagas) this.#pending.set(saga.id, saga);
    this.#apply();
  }

  #take(data) {
    let saga;
    try {
      saga = JSON.parse(data);
    } catch {
      return;
    }
    this.#pending.set(saga.id, saga);
    // Many at once are drawn at once.
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#apply();
    }, 200);
  }

  #apply() {
    const changes = [...this.#pending.values()];
    this.#pending.clear();
    for (const saga of changes) this.#noteParked(saga);
    this.#filters.countParked(this.#parked.size);
    if (!this.#isLoaded) return;
    let isChanged = false;
    const known = new Map(this.#rows.map((saga, index) => [saga.id, index]));
    for (const saga of changes) {
      if (known.has(saga.id)) {
        this.#rows[known.get(saga.id)] = saga;
        isChanged = true;
      } else if (this.#fits(saga) && !this.#filter.cursor) {
        this.#held.set(saga.id, saga);
        isChanged = true;
      } else if (this.#held.delete(saga.id)) {
        isChanged = true;
      }
    }
    if (!isChanged) return;
    if (this.#isUsed) this.#draw({ highlight: true });
    else this.#showHeld();
  }

  /// Takes in what was held, and lets go of what fits the filter no more.
  #showHeld() {
    const isFull = this.#nextCursor !== null;
    const rows = [...this.#held.values(), ...this.#rows].filter((saga) => this.#fits(saga))
      .sort((one, other) => (one.id < other.id ? 1 : -1));
    this.#held.clear();
    // What falls off the end is found on the next page, which then begins where this one ends.
    if (rows.length > limit) this.#nextCursor ??= "";
    this.#rows = rows.slice(0, isFull || rows.length > limit ? limit : rows.length);
    if (this.#nextCursor === "") return void this.load({ quietly: true });
    this.#draw({ highlight: true });
  }

  /// Rows do not move away under a hand: while the focus is in the list, and a little after the pointer last moved there.
  #watchHand() {
    const free = () => {
      if (!this.#isUsed || this.#content.contains(document.activeElement)) return;
      this.#isUsed = false;
      if (this.#isLoaded) this.#showHeld();
    };
    const use = () => {
      this.#isUsed = true;
      clearTimeout(this.#rest);
      this.#rest = setTimeout(free, resting);
    };
    for (const name of ["pointermove", "pointerdown", "focusin"]) this.#content.addEventListener(name, use);
    this.#content.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") free(); });
    this.#content.addEventListener("focusout", () => setTimeout(free));
  }

  // MARK: Those that somebody has to look at

  async #countParked() {
    try {
      const page = await api.get("/api/v1/sagas", { state: "parked", limit: 100 }, { signal: this.#signal });
      this.#parked = new Set(page.items.map((saga) => saga.id));
      this.#filters.countParked(this.#parked.size);
    } catch {
      // The list says what is wrong.
    }
  }

  #noteParked(saga) {
    if (saga.state === "parked") this.#parked.add(saga.id);
    else this.#parked.delete(saga.id);
  }
}
