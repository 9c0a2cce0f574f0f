import { h, fill } from "../element.js";

const words = {
  connecting: ["Connecting…", "The first events are awaited."],
  live: ["Live", "What changes is shown at once."],
  reconnecting: ["Reconnecting…", "What is shown may be old. The connection is tried again by itself."],
  refused: ["Not live", "The server gives no events. Use Refresh."],
};

/// Whether what is shown is fresh. A screen reader hears of losing it, not of every try.
export function liveBadge() {
  const badge = h("span.live", { role: "status" });
  let shown = null;
  return {
    element: badge,
    set(state, seconds) {
      badge.dataset.state = state;
      badge.title = words[state][1] + (seconds ? ` Next try in about ${seconds} s.` : "");
      if (shown === state) return;
      shown = state;
      fill(badge, h("span.live-dot", { "aria-hidden": "true" }), words[state][0]);
    },
  };
}
