import { openMailList } from "./mail-list.js";
import { openMessage } from "./mail-message.js";
import { openSuppressions } from "./mail-suppressions.js";

/// /console/mail, /console/mail/NOTIFICATION and /console/mail/suppressions
export async function open(context) {
  const [id] = context.segments;
  if (!id) return openMailList(context);
  if (id === "suppressions") return openSuppressions(context);
  await openMessage(context, id);
}
