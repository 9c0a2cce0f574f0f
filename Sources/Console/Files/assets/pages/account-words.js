/// How the states of an account and what was done to it read.

export const accountStates = {
  active: { label: "Active", tone: "good", icon: "check" },
  unverified: { label: "Unverified", tone: "wait", icon: "clock" },
  suspended: { label: "Suspended", tone: "bad", icon: "hand" },
  deleted: { label: "Deleted", tone: "neutral", icon: "cross" },
};

export const wordsOf = (words, state) => words[state] ?? { label: state, tone: "neutral", icon: "clock" };

export const titleOf = (account) => account.name || account.email || (account.status === "deleted" ? "Deleted account" : account.id);

const stateWord = (state) => wordsOf(accountStates, state).label.toLowerCase();

/// What an administrator did, as a sentence.
export function changeWords(change) {
  switch (change.kind) {
    case "status":
      if (change.after === "suspended") return "suspended it";
      if (change.after === "deleted") return "deleted it";
      if (change.after === "active") return change.before === "suspended" ? "reinstated it" : "made it active";
      return `${stateWord(change.before)} → ${stateWord(change.after)}`;
    case "roles": {
      const [before, after] = [change.before ?? "", change.after].map((text) => text.split(" ").filter(Boolean));
      const given = after.filter((role) => !before.includes(role));
      const taken = before.filter((role) => !after.includes(role));
      return [given.length > 0 ? `gave ${given.join(", ")}` : "", taken.length > 0 ? `took ${taken.join(", ")}` : ""]
        .filter(Boolean).join(", ");
    }
    case "sessions_revoked":
      return change.after === "1" ? "ended a session" : `ended ${change.after} sessions`;
    default:
      return `${change.kind}: ${change.after}`;
  }
}
