import { waiting } from "./format.js";

/// Why somebody was not let in, with what they can do about it.
export function refusalInWords(problem) {
  // What the browser says, whose words are for programmers.
  if (problem instanceof DOMException) return "The passkey was not used: it was canceled, or took too long.";
  const wait = problem.retryAfter ? ` Try again in ${waiting(problem.retryAfter)}.` : "";
  switch (problem.code) {
    case "invalid_credentials": return "E-mail address or password is wrong.";
    case "invalid_passkey": return "That passkey opens no account here. Sign in in another way.";
    case "too_many_attempts":
    case "rate_limited": return `Too many attempts.${wait}`;
    case "unreachable": return "The platform cannot be reached. Is it running?";
    default: return `${problem.message}.${problem.detail ? ` ${problem.detail}` : ""}${wait}`;
  }
}
