import { api } from "../api.js";
import { h, fill } from "../element.js";
import { inWords } from "./form.js";
import { table } from "./table.js";

/// A list of the API that is one of several on a page: its place is not in the address, and more of it is shown on demand.
///
/// nothing  () → what stands there instead of no rows
export class GrowingList {
  #options;
  #table;
  #pages = 1;
  #content = h("div.content");
  #more = h("p.hint");

  constructor(options) {
    this.#options = { limit: 50, ...options };
    this.#table = table(options.table);
    this.element = [this.#content, this.#more];
  }

  /// Reads as much of it as is shown.
  async load() {
    const { path, limit, signal, nothing } = this.#options;
    const rows = [];
    let cursor = null;
    for (let count = 0; count < this.#pages && cursor !== undefined; count += 1) {
      const page = await api.get(path, { limit, cursor }, { signal });
      rows.push(...page.items);
      cursor = page.next_cursor;
    }
    this.#table.update(rows);
    fill(this.#content, rows.length > 0 ? this.#table.element : nothing());
    fill(this.#more, cursor ? h("button.button", { onclick: () => this.#grow() }, "Show more") : null);
  }

  async #grow() {
    this.#pages += 1;
    try {
      await this.load();
    } catch (problem) {
      this.#pages -= 1;
      this.#more.append(h("span", { role: "alert" }, " ", inWords(problem)));
    }
  }
}
