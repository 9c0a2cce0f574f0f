import { h } from "../element.js";
import { clock } from "../format.js";
import { deviceName } from "../device.js";
import { icon } from "./icons.js";
import { pill } from "./pill.js";
import { table } from "./table.js";
import { when } from "./time.js";

/// Open sessions: which device, from where, when it was seen last.
///
/// - Parameter onEnd: ends one; null where the reader may not, then `why` says so.
export function sessionTable({ caption, onEnd, why = "" }) {
  return table({
    caption,
    columns: [
      { label: "Device", class: "lead", cell: (session) => [
        h("span.device", { title: session.user_agent ?? "It did not say what it is" }, icon("device"),
          h("b", {}, deviceName(session.user_agent))), session.current
          ? pill({ label: "This one", tone: "busy", icon: "check" }) : null,
        session.client_id ? h("span.subject", { title: "The OAuth client that the person let in" }, "through client ", session.client_id) : null] },
      { label: "Address", cell: (session) => h("code", {}, session.address) },
      { label: "Last seen", cell: (session) => when(new Date(session.last_seen_at)) },
      { label: "Signed in", cell: (session) => when(new Date(session.created_at)) },
      { label: "Ends", cell: (session) => h("span.muted", { title: clock(new Date(session.expires_at)) },
        clock(new Date(session.expires_at)).slice(0, 10)) },
      { label: "Action", class: "act", cell: (session) => h("button.button.small", {
        "aria-label": `End the session of ${deviceName(session.user_agent)} at ${session.address}`, disabled: !onEnd, title: onEnd ? "" : why,
        onclick: () => onEnd(session),
      }, session.current ? "Sign out" : "End") },
    ],
    key: (session) => session.id, mark: (session) => JSON.stringify(session),
  });
}
