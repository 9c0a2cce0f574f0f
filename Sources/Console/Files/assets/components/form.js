import { h, fill } from "../element.js";
import { waiting } from "../format.js";

/// Fields with a name, a word on what belongs there, and a place for what is wrong with it.

let count = 0;

/// - Parameters:
///   - name: as the API calls it, so that its errors find the field.
///   - check: gives what is wrong with a value, or null; asked when the field is left, and while it is mended.
export function field({ label, name, input, hint = null, check = null, isGrowing = false }) {
  const id = input.id || `field-${(count += 1)}`;
  const error = h("p.field-error", { id: `${id}-error`, role: "alert" });
  const hintElement = hint ? h("p.field-hint", { id: `${id}-hint` }, hint) : null;
  input.id = id;
  input.setAttribute("aria-describedby", [hint ? `${id}-hint` : "", `${id}-error`].filter(Boolean).join(" "));
  const element = h("div.field", { class: isGrowing ? "grow" : "", "data-field": name },
    h("label", { for: id }, label), hintElement, input, error);
  const say = (text) => {
    fill(error, text);
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  const test = () => {
    const wrong = check?.(input.value) ?? null;
    say(wrong);
    return wrong === null;
  };
  if (check) {
    input.addEventListener("change", test);
    input.addEventListener("input", () => { if (input.hasAttribute("aria-invalid")) test(); });
  } else {
    input.addEventListener("input", () => say(null));
  }
  element.say = say;
  return { element, input, say, test };
}

/// What something is to be called.
///
/// - Returns: `value()` gives it; where there is none, it says so and throws.
export function nameField({ hint, maxlength, text = "", placeholder = null }) {
  const input = h("input", { maxlength, value: text, placeholder, autocomplete: "off" });
  const name = field({ label: "Name", name: "name", hint, input, check: (value) => (value.trim() ? null : "It must have a name.") });
  return {
    element: name.element,
    value() {
      if (name.test()) return input.value.trim();
      input.focus();
      throw new Error("Say how it is called");
    },
  };
}

/// Several of a list as checkboxes.
///
/// options  [[value, label, hint?]]
export function choices({ legend, name, options, chosen = [], onChange = () => {} }) {
  const set = new Set(chosen);
  const error = h("p.field-error", { role: "alert" });
  const boxes = options.map(([value, label, hint]) => h("label.choice", {},
    h("input", { type: "checkbox", value, checked: set.has(value), onchange: (event) => {
      if (event.target.checked) set.add(value);
      else set.delete(value);
      fill(error);
      onChange([...set]);
    } }), h("span", {}, h("span.choice-label", {}, label), hint ? h("span.muted.choice-hint", {}, hint) : null)));
  const element = h("fieldset.choices", { "data-field": name }, h("legend", {}, legend), boxes, error);
  element.say = (text) => fill(error, text);
  return { element, get values() { return options.map(([value]) => value).filter((value) => set.has(value)); } };
}

/// Puts the API's errors at the fields that they name: `redirect_uris.1` at `redirect_uris.1`, else at `redirect_uris`.
/// - Returns: those that have no field here.
export function showErrors(form, errors) {
  const places = new Map([...form.querySelectorAll("[data-field]")].map((place) => [place.dataset.field, place]));
  for (const place of places.values()) place.say?.(null);
  const rest = [];
  const told = new Map();
  for (const error of errors) {
    const place = places.get(error.field) ?? places.get(error.field.split(".")[0]);
    if (!place?.say) rest.push(error);
    else told.set(place, [...(told.get(place) ?? []), `It ${error.message}.`]);
  }
  for (const [place, texts] of told) place.say([...new Set(texts)].join(" "));
  [...told.keys()][0]?.querySelector("input, textarea, select")?.focus();
  return rest;
}

/// In the place of what the API says to programs.
const instead = {
  last_administrator: "Give another account the role admin first.",
  last_way_in: "Set a password, or add a passkey or connect a provider, first.",
  deletion_pending: "Take that back on the page Your data first.",
  document_outdated: "Close this and read that one.",
  email_unverified: "Confirm it on the page Your account.",
  export_under_way: "Wait until it is ready.",
  not_enrolling: "The key is too old, or another one was asked for. Close this and begin anew.",
};

/// What stands beside a form whose request came to nothing, with what can be done about it.
export function inWords(problem, rest = problem.errors ?? []) {
  if (!(problem.status >= 0)) return String(problem.message ?? problem);
  const advice = {
    exceeds_own_permissions: "Somebody who holds these permissions has to do it.",
    team_role_required: "Your role may be another one by now: look at the team again.",
    role_protected: "Make a role of your own instead.",
    login_required: "Sign in again with e-mail and password.",
  }[problem.code] ?? (problem.status === 412
    ? "Somebody else has changed it meanwhile. Close this, look at it again, and repeat what is still right."
    : problem.status === 429 && problem.retryAfter ? `Try again in ${waiting(problem.retryAfter)}.` : null);
  const fields = rest.map((error) => `${error.field} ${error.message}`).join("; ");
  const detail = instead[problem.code] ?? problem.detail;
  const isTold = (problem.errors ?? []).length > 0 && rest.length === 0;
  return [
    isTold ? "See the fields above." : `${problem.message}${fields ? `: ${fields}` : ""}.`,
    !isTold && detail && !fields ? ` ${detail}` : "", advice ? ` ${advice}` : "",
    problem.requestID ? h("span.facts-line.muted", {}, ` request ${problem.requestID}`) : null,
  ];
}
