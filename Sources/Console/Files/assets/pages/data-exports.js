import { api, send } from "../api.js";
import { inWords } from "../components/form.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { pill } from "../components/pill.js";
import { section } from "../components/section.js";
import { until, when } from "../components/time.js";
import { h, fill } from "../element.js";
import { bytes, plural } from "../format.js";
import { save } from "../save.js";

const path = "/api/v1/users/me/exports";
const states = {
  queued: { label: "Waiting", tone: "wait", icon: "clock" },
  collecting: { label: "Being collected", tone: "busy", icon: "refresh" },
  ready: { label: "Ready", tone: "good", icon: "check" },
  expired: { label: "Deleted", tone: "neutral", icon: "cross" },
  failed: { label: "Failed", tone: "bad", icon: "alert" },
};
const failures = {
  not_in_time: "A service gave no answer for a day. Ask for another copy.",
  too_large: "It is more than an archive may have. Ask the people who run the platform.",
};

/// Copies of what the platform knows of the reader: asked for, on their way, to be downloaded.
///
/// - Parameter changed: called after something was done.
export function exportSection({ changed, signal }) {
  const ask = h("button.button.small", { onclick: request }, icon("plus"), "Ask for a copy");
  const message = h("p.form-message", { role: "alert" });
  const list = h("ul.card.plain-list", { "aria-live": "polite" });
  const place = h("div");
  let shown = "";
  let isUnderWay = false;
  return {
    element: section("A copy of your data", null, ask,
      h("p.section-note", {}, "Everything that the platform's services know of you, as one ZIP archive. You get a mail when it is ready; ",
        "it is there for seven days, or until the next one is ready. Three a day."), message, place),
    get isUnderWay() {
      return isUnderWay;
    },
    update(items) {
      isUnderWay = items.some(({ state }) => state === "queued" || state === "collecting");
      ask.disabled = isUnderWay;
      ask.title = isUnderWay ? "One is under way." : "";
      // What did not change keeps the focus.
      if (shown === JSON.stringify(items)) return;
      shown = JSON.stringify(items);
      fill(list, items.map(line));
      fill(place, items.length === 0 ? h("p.none", {}, "You asked for none in the last 30 days.") : list);
    },
  };

  async function request() {
    fill(message);
    ask.disabled = true;
    try {
      await api.post(path);
      notify("Your data are being collected.");
    } catch (problem) {
      fill(message, inWords(problem));
    }
    ask.disabled = false;
    await changed();
  }

  function line(copy) {
    return h("li.with-tool", {},
      h("div", {}, pill(states[copy.state] ?? { label: copy.state, tone: "neutral", icon: "clock" }), " asked for ",
        when(new Date(copy.requested_at)), h("span.muted.line", {}, about(copy))),
      copy.state === "ready" ? downloadButton(copy) : null);
  }

  function downloadButton(copy) {
    const button = h("button.button.small", { onclick: download }, icon("download"), "Download");
    async function download() {
      fill(message);
      button.disabled = true;
      try {
        const response = await send("GET", `${path}/${copy.id}/archive`, { accept: "application/zip", isLong: true, signal });
        save(await response.blob(), `export-${copy.requested_at.slice(0, 10)}.zip`);
      } catch (problem) {
        if (!signal.aborted) fill(message, inWords(problem));
      } finally {
        button.disabled = false;
      }
    }
    return button;
  }
}

function about(copy) {
  switch (copy.state) {
    case "queued":
    case "collecting": {
      const done = copy.parts.filter(({ kinds }) => kinds);
      const next = copy.parts.find(({ kinds }) => !kinds);
      return [`${done.length} of ${plural(copy.parts.length, "service")} asked`, next ? `; ${next.service} is next` : ""];
    }
    case "ready":
      return [bytes(copy.size), "; deleted ", until(new Date(copy.expires_at)),
        copy.has_link ? ". The mail has a link that works once, without a sign-in." : ""];
    case "failed":
      return failures[copy.failure] ?? copy.failure;
    default:
      return "The archive is not there any more.";
  }
}
