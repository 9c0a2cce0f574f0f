import { h } from "../element.js";
import { duration, plural } from "../format.js";
import { until } from "../components/time.js";

/// How the states of a saga and of its attempts read.

export const sagaStates = {
  running: { label: "Running", tone: "busy", icon: "run" },
  waiting: { label: "Waiting", tone: "wait", icon: "clock" },
  compensating: { label: "Compensating", tone: "warn", icon: "undo" },
  parked: { label: "Parked", tone: "bad", icon: "hand" },
  completed: { label: "Completed", tone: "good", icon: "check" },
  compensated: { label: "Compensated", tone: "neutral", icon: "undo" },
};

export const attemptStates = {
  running: { label: "Running", tone: "busy", icon: "run" },
  done: { label: "Done", tone: "good", icon: "check" },
  waiting: { label: "Waits", tone: "wait", icon: "clock" },
  refused: { label: "Refused", tone: "bad", icon: "cross" },
  failed: { label: "Failed", tone: "bad", icon: "alert" },
  timed_out: { label: "Timed out", tone: "bad", icon: "alert" },
  interrupted: { label: "Interrupted", tone: "warn", icon: "alert" },
};

/// A state that this build does not know is shown as it came.
export const wordsOf = (words, state) => words[state] ?? { label: state, tone: "neutral", icon: "run" };

export const isOver = (saga) => saga.ended_at !== null && saga.ended_at !== undefined;
export const isFault = (state) => ["refused", "failed", "timed_out", "interrupted"].includes(state);

export const reason = (saga) => [saga.reason_code, saga.reason_detail].filter(Boolean).join(": ");

/// Milliseconds, with the microseconds that the API gives as a fraction.
export function moment(text) {
  const fraction = /\.\d{3}(\d+)/.exec(text)?.[1];
  return Date.parse(text) + (fraction ? Number(`0.${fraction}`) : 0);
}

/// Where a saga is, in a few words for a list: [what, cause or null]
export function whereabouts(saga) {
  const step = saga.step ? h("b", {}, saga.step) : null;
  const tries = saga.attempt > 1 ? ` · attempt ${saga.attempt}` : "";
  switch (saga.state) {
    case "running": return [step ? [step, tries] : "beginning", saga.error];
    case "waiting": return [[step, " waits", saga.awaiting ? [" for ", h("code", {}, saga.awaiting)] : null], saga.error];
    case "compensating": return [step ? ["undoing ", step, tries] : "undoing", saga.error ?? reason(saga)];
    case "parked":
      return [step ? [saga.kind === "compensation" ? "undoing " : null, step, ` · ${plural(saga.attempt, "attempt")}`] : "stopped",
        saga.error];
    case "completed": return ["all steps done", null];
    case "compensated": return ["everything undone", reason(saga) || null];
    default: return [step, saga.error];
  }
}

/// What is going on and what comes next, in sentences for whoever has to decide: { tone, icon, heading, lines }
export function explanation(saga) {
  const step = h("b", {}, saga.step ?? "the next step");
  const doing = saga.kind === "compensation" ? ["Undoing ", step] : [step];
  const why = reason(saga);
  const next = saga.next_attempt_at ? new Date(saga.next_attempt_at) : null;
  const words = wordsOf(sagaStates, saga.state);
  const lines = [];
  const cause = (label = "Last error") => {
    if (saga.error) lines.push([h("span.label", {}, `${label}: `), h("span.cause", {}, saga.error)]);
  };
  const undoing = () => {
    if (why) lines.push([h("span.label", {}, "Reason: "), h("span.cause", {}, why)]);
    else if (saga.cancel_requested) lines.push("It was canceled.");
  };
  let heading;
  switch (saga.state) {
    case "running":
      heading = [doing, ` is ${next ? "due" : "under way"}`, saga.attempt > 1 ? `, attempt ${saga.attempt}` : "", "."];
      cause();
      if (next) lines.push(["It goes on by itself ", until(next), "."]);
      break;
    case "waiting":
      heading = [doing, " waits for the event ", h("code", {}, saga.awaiting ?? "unknown"), "."];
      cause();
      if (next) lines.push(["Without it, the step is looked at again ", until(next), "."]);
      break;
    case "compensating":
      heading = ["What was done is being undone", saga.step ? [": ", step] : "",
        saga.attempt > 1 ? `, attempt ${saga.attempt}` : "", "."];
      undoing();
      cause();
      if (next) lines.push(["It goes on by itself ", until(next), "."]);
      break;
    case "parked":
      heading = [doing, saga.attempt > 1 ? ` did not succeed in ${plural(saga.attempt, "attempt")}` : " was refused",
        ", and the saga stands still. Somebody has to look."];
      cause("Error");
      undoing();
      if (saga.past_pivot && saga.kind !== "compensation") {
        lines.push("It is past its pivot: it can only go forward, nothing is undone.");
      }
      lines.push(next ? ["It is tried again by itself ", until(next), "; or now, with the button."]
        : "It is not tried again by itself. Mend the cause, then try again.");
      break;
    case "completed":
      heading = `Every step is done, after ${duration(saga.duration_ms)}.`;
      break;
    case "compensated":
      heading = `What was done has been undone, after ${duration(saga.duration_ms)}.`;
      undoing();
      break;
    default:
      heading = `It is ${saga.state}.`;
      cause();
  }
  if (saga.cancel_requested && !isOver(saga) && saga.state !== "compensating") {
    lines.push("Its cancellation was asked for and is done as soon as it can be.");
  }
  return { tone: words.tone, icon: words.icon, heading, lines };
}
