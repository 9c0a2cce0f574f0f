import { h } from "../element.js";
import { icon } from "./icons.js";

/// What stands in the place of content that is not there: yet, at all, or because of an error.

export function loading(what) {
  return h("div.loading", { role: "status", "aria-label": `${what}: loading` },
    Array.from({ length: 6 }, () => h("div.bone")));
}

/// - Parameter body: elements; `action` is what can be done about it.
export function empty(iconName, heading, body = [], action = null) {
  return h("div.empty", {}, icon(iconName), h("h1.empty-title", { tabindex: "-1" }, heading), body, action);
}

export function failure(problem, retry) {
  const facts = [
    problem.status ? `Status ${problem.status}` : null, problem.code ? `code ${problem.code}` : null,
    problem.requestID ? `request ${problem.requestID}` : null,
  ].filter(Boolean).join(" · ");
  return h("div.failure", { role: "alert" }, icon("alert"),
    h("div", {},
      h("b", {}, problem.message || "Something went wrong"),
      problem.detail ? h("p", {}, problem.detail) : null,
      facts ? h("p.facts-line", {}, facts) : null,
      retry ? h("button.button", { onclick: () => retry() }, icon("refresh"), "Try again") : null));
}
