import { api, tagOf } from "../api.js";
import { icon } from "../components/icons.js";
import { failure, loading } from "../components/states.js";
import { h, fill } from "../element.js";
import { consentSection } from "./data-consents.js";
import { openHistory } from "./data-history.js";
import { erasureSection, erasureSummary } from "./data-erasure.js";
import { exportSection } from "./data-exports.js";

const path = "/api/v1/users/me";
/// How often an export that is under way is looked at; milliseconds.
const interval = 3_000;
/// More than the exports of 30 days at three a day, and than there are purposes of consent.
const all = 100;

/// /console/data: a copy of what the platform knows of the reader, what they agreed to, and their erasure; and
/// /console/data/history
export async function open(context) {
  if (context.segments[0] === "history") return openHistory(context);
  const { main, signal } = context;
  const body = h("div");
  const summary = h("div");
  const exports = exportSection({ changed: load, signal });
  const consents = consentSection(load);
  const erasure = erasureSection(load);
  let isDrawn = false;
  let timer = null;
  signal.addEventListener("abort", () => clearTimeout(timer));

  fill(main, h("div.page-head", {}, h("h1", { tabindex: "-1" }, "Your data"), h("div.spring"),
    h("button.button", { onclick: load }, icon("refresh"), "Refresh")), body);
  fill(body, loading("Your data"));
  context.arrived();
  await load();

  async function load() {
    try {
      const [profile, copies, documents, states] = await Promise.all([
        api.get(path, {}, { signal }), api.get(`${path}/exports`, { limit: all }, { signal }),
        api.get("/api/v1/consent-documents", { limit: all }, { signal }), api.get(`${path}/consents`, {}, { signal }),
      ]);
      fill(summary, erasureSummary(profile, load));
      exports.update(copies.items);
      consents.update(documents.items, states.items);
      erasure.update(profile, tagOf(profile));
      if (!isDrawn) fill(body, summary, exports.element, consents.element, erasure.element);
      isDrawn = true;
      plan();
    } catch (problem) {
      if (signal.aborted) return;
      isDrawn = false;
      fill(body, failure(problem, load));
    }
  }

  /// Looks again while something is under way and somebody can see it.
  function plan() {
    clearTimeout(timer);
    if (signal.aborted || !exports.isUnderWay) return;
    timer = setTimeout(async () => {
      try {
        if (!document.hidden) exports.update((await api.get(`${path}/exports`, { limit: all }, { signal })).items);
      } catch {
        // What is there stays; the next look may have more luck.
      }
      plan();
    }, interval);
  }
}
