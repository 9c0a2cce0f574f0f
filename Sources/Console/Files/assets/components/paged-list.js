import { api } from "../api.js";
import { h, fill } from "../element.js";
import { plural } from "../format.js";
import { address, go } from "../router.js";
import { icon } from "./icons.js";
import { failure, loading } from "./states.js";
import { table } from "./table.js";

/// How long a pointer that moved over the list is taken to be at work there; milliseconds.
const resting = 4_000;

/// A list of the API, a page at a time: the place in it is in the address, the way back in the history.
///
/// segments  where the list lives: ["accounts"]
/// path      where its pages come from; `query` is what is asked for besides `limit` and `cursor`
/// filter    as in the address, without the cursor
/// words     { title, one, many?, order, older, newer }
/// nothing   () → what stands there instead of no rows
/// onRows    (rows, page) → called with each page that came
export class PagedList {
  #options;
  #rows = [];
  #next = null;
  #isLoaded = false;
  #movedAt = -Infinity;
  #count = h("p.muted.count", { role: "status" });
  #content = h("div.content");
  #pager = h("nav.pager", { "aria-label": "Pages of the list" });
  #table;

  constructor(options) {
    this.#options = { limit: 50, onRows: () => {}, ...options };
    this.#table = table(options.table);
    this.#content.addEventListener("pointermove", () => { this.#movedAt = performance.now(); });
    this.element = [h("div.list-head", {}, this.#count), this.#content, this.#pager];
  }

  get rows() {
    return this.#rows;
  }

  async load({ quietly = false } = {}) {
    const { path, query, cursor, limit, signal, words } = this.#options;
    if (!this.#isLoaded && !quietly) fill(this.#content, loading(words.title));
    try {
      const page = await api.get(path, { ...query, limit, cursor }, { signal });
      const isFirst = !this.#isLoaded;
      this.#rows = quietly && !isFirst && this.#isUsed() ? this.#merged(page.items) : page.items;
      this.#next = page.next_cursor ?? null;
      this.#isLoaded = true;
      this.#draw({ highlight: quietly && !isFirst });
      this.#options.onRows(page.items, page);
    } catch (problem) {
      if (signal.aborted) return;
      // What is there stays; who looks again by itself says that it is old.
      if (quietly && this.#isLoaded) throw problem;
      this.#isLoaded = false;
      fill(this.#count);
      fill(this.#pager);
      fill(this.#content, failure(problem, () => this.load()));
    }
  }

  /// Whether a hand is at work in the list: the focus is there, or the pointer moved there a moment ago.
  #isUsed() {
    return this.#content.contains(document.activeElement) || performance.now() - this.#movedAt < resting;
  }

  /// What is there, as it is now: rows do not move away under a hand.
  #merged(items) {
    const { key } = this.#options.table;
    const fresh = new Map(items.map((row) => [key(row), row]));
    return this.#rows.map((row) => fresh.get(key(row)) ?? row);
  }

  #draw({ highlight }) {
    const { words, filter, cursor, nothing } = this.#options;
    const isFiltered = Object.values(filter).some(Boolean);
    fill(this.#count, this.#rows.length === 0 ? null : [
      plural(this.#rows.length, words.one, words.many), isFiltered ? " that fit the filter" : "",
      this.#next || cursor ? " on this page" : "", words.order ? `, ${words.order}` : "",
    ]);
    if (this.#rows.length === 0) {
      fill(this.#content, nothing());
    } else {
      this.#table.update(this.#rows, { highlight });
      if (this.#content.firstChild !== this.#table.element) fill(this.#content, this.#table.element);
    }
    this.#drawPager();
  }

  #drawPager() {
    const { segments, filter, cursor, words } = this.#options;
    const trail = Array.isArray(history.state?.trail) ? history.state.trail : [];
    const to = (next, nextTrail) => go(address(segments, { ...filter, cursor: next }), { state: { trail: nextTrail } });
    fill(this.#pager,
      cursor ? h("button.button", { onclick: () => to(trail.at(-1) ?? "", trail.slice(0, -1)) }, icon("back"),
        trail.length > 0 ? words.newer : "To the beginning") : null,
      this.#next ? h("button.button", { onclick: () => to(this.#next, cursor ? [...trail, cursor] : [""]) },
        words.older, icon("next")) : null);
  }
}
