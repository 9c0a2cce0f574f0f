import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { field } from "../components/form.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { section } from "../components/section.js";
import { until } from "../components/time.js";
import { h, fill } from "../element.js";
import { clock } from "../format.js";

const path = "/api/v1/users/me";

/// What whoever asked to be erased has to know before anything else; null otherwise.
export function erasureSummary(profile, changed) {
  if (profile.status !== "pending_deletion") return null;
  const due = new Date(profile.deletion_due_at);
  return h("section.summary.warn", { "aria-label": "What is going on" }, icon("alert"), h("div", {},
    h("p.summary-heading", {}, "You asked to be erased. It begins ", until(due), ", on ", clock(due).slice(0, 16), "."),
    h("p", {}, "Until then nothing is lost, and you can take it back. Afterwards nobody can."),
    h("div.tools", {}, h("button.button", { onclick: askRestore }, icon("undo"), "Take it back"))));

  function askRestore() {
    confirm({
      heading: "Keep your account?", label: "Keep it",
      body: [h("p.muted", {}, "Your wish to be erased is taken back, and all goes on as before.")],
      act: async () => {
        await api.post(`${path}/restore`);
        notify("Your account stays.");
        await changed();
      },
    });
  }
}

/// The way out for good.
///
/// - Parameter changed: called after something was done.
export function erasureSection(changed) {
  const place = h("div.card.panel");
  const element = section("Erasure", null, null, place);
  return {
    element,
    update(profile, tag) {
      element.hidden = profile.status === "pending_deletion";
      fill(place,
        h("p.muted", {}, "Every service erases what it has of you: name, addresses, messages, sign-ins, memberships. What the law demands stays ",
          "without your name: what was sold, and payments. It begins after a time of grace, in which you can take it back."),
        h("div.tools", {}, h("button.button", { onclick: () => ask(profile, tag) }, icon("trash"), "Erase my data")));
    },
  };

  function ask(profile, tag) {
    // Who has no address any more types a word.
    const expected = profile.email ?? "erase";
    const typed = h("input", { autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 254 });
    const name = field({ label: profile.email ? "Type your address to confirm" : "Type the word to confirm", name: "confirmation",
      input: typed, hint: expected });
    confirm({
      heading: "Erase all of your data?", isDangerous: true, label: "Erase my data",
      body: [h("p", {}, "When the time of grace is over, this cannot be taken back by anybody. Until then you may sign in and change your mind. ",
        "Do you want a copy? Ask for it above first."), name.element],
      act: async () => {
        if (typed.value.trim().toLowerCase() !== expected.toLowerCase()) {
          name.say(profile.email ? "It is not your address." : "It is not the word.");
          typed.focus();
          throw new Error("Nothing was erased");
        }
        await api.delete(path, { ifMatch: tag });
        notify("You asked to be erased.");
        await changed();
      },
    });
  }
}
