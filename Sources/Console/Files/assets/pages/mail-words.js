/// How the states of a delivery read, and why it is in them.

export const deliveryStates = {
  queued: { label: "Queued", tone: "wait", icon: "clock" },
  sending: { label: "Sending", tone: "busy", icon: "run" },
  sent: { label: "Sent", tone: "good", icon: "check" },
  delivered: { label: "Delivered", tone: "good", icon: "check" },
  undelivered: { label: "Undelivered", tone: "bad", icon: "alert" },
  bounced: { label: "Bounced", tone: "bad", icon: "undo" },
  suppressed: { label: "Not sent", tone: "neutral", icon: "hand" },
  dead_lettered: { label: "Given up", tone: "bad", icon: "alert" },
};

export const wordsOf = (words, state) => words[state] ?? { label: state, tone: "neutral", icon: "clock" };

const reasons = {
  recipient_gone: "the account is gone", no_address: "the account has no address", invalid_address: "it is no e-mail address",
  erased: "the person was erased", canceled: "it was canceled", address_suppressed: "nothing is sent to this address any more",
  retries_exhausted: "every attempt failed", template_missing: "its template is gone", template_failed: "its template cannot be written",
  rejected: "the mail server refused it for good",
};

export const reasonOf = (delivery) => (delivery.reason ? reasons[delivery.reason] ?? delivery.reason : null);

/// Which suppression says what.
export const suppressionReasons = {
  hard_bounce: "its server said that there is no such mailbox",
  complaint: "the recipient complained",
  request: "somebody asked for it",
};

/// What can be done about one that did not go out.
export function adviceFor(delivery) {
  switch (delivery.reason) {
    case "retries_exhausted": return "Mend what the error says, then try it again: it begins with its first attempt.";
    case "template_missing":
    case "template_failed": return "Publish a template that works, then try it again.";
    case "address_suppressed": return "If the mailbox is there after all, take the address off the list of suppressed ones and have it sent anew.";
    case "rejected": return "It is not tried again: the server's answer says why. Another mail to the address is tried.";
    default: return null;
  }
}
