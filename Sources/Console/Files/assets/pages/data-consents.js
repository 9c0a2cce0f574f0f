import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { notify } from "../components/notice.js";
import { pill } from "../components/pill.js";
import { section } from "../components/section.js";
import { when } from "../components/time.js";
import { h, fill } from "../element.js";
import { address } from "../router.js";

/// Where it was said, as the records call it.
const source = "console";

/// What the reader agreed to, and can take back as easily (GDPR 7(3)); nothing where the platform asks for no consent.
///
/// - Parameter changed: called after something was done.
export function consentSection(changed) {
  const list = h("ul.card.plain-list");
  const element = section("What you agreed to", null, h("a.button.small", { href: address(["data", "history"]) }, "What you said when"), list);
  return {
    element,
    update(documents, states) {
      const known = new Map(states.map((state) => [state.record.purpose, state]));
      element.hidden = documents.length === 0;
      fill(list, documents.map((text) => line(text, known.get(text.purpose))));
    },
  };

  function line(text, state) {
    return h("li.with-tool", {},
      h("div", {}, h("b", {}, text.title), " ", pill(stateOf(state)),
        h("span.muted.line", {}, `version ${text.version}`, state
          ? [", ", state.given ? "given " : "withdrawn ", when(new Date(state.record.at)),
            state.given && !state.current ? [` to version ${state.record.version}`] : ""]
          : ", not answered")),
      h("div.tools", {},
        state?.current ? null : h("button.button.small", { "aria-label": `Read ${text.title}`, onclick: () => askGive(text) }, "Read and agree"),
        state?.given ? h("button.button.small", { "aria-label": `Withdraw consent to ${text.title}`, onclick: () => askWithdraw(text) },
          "Withdraw") : null));
  }

  function askGive(text) {
    confirm({
      heading: text.title, label: "I agree",
      body: [h("p.muted", {}, `Version ${text.version}, of ${text.published_at.slice(0, 10)}.`),
        h("div.document", { tabindex: "0", role: "document", "aria-label": text.title }, text.text)],
      act: async () => {
        await say({ purpose: text.purpose, decision: "given", version: text.version, source });
        notify(`You agreed to ${text.title}.`);
      },
    });
  }

  function askWithdraw(text) {
    confirm({
      heading: `Withdraw your consent to ${text.title}?`, label: "Withdraw",
      body: [h("p.muted", {}, "It counts from now on. You can agree again at any time.")],
      act: async () => {
        await say({ purpose: text.purpose, decision: "withdrawn", source });
        notify(`Your consent to ${text.title} is withdrawn.`);
      },
    });
  }

  async function say(change) {
    try {
      await api.post("/api/v1/users/me/consents", change);
    } catch (problem) {
      // The list behind the dialog shows the newer version.
      if (problem.code === "document_outdated") await changed();
      throw problem;
    }
    await changed();
  }
}

function stateOf(state) {
  if (!state) return { label: "Not answered", tone: "neutral", icon: "clock" };
  if (!state.given) return { label: "Withdrawn", tone: "neutral", icon: "cross" };
  return state.current ? { label: "Given", tone: "good", icon: "check" } : { label: "Given to an earlier version", tone: "warn", icon: "alert" };
}
