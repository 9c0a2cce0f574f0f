import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { section } from "../components/section.js";
import { when } from "../components/time.js";
import { h, fill } from "../element.js";

const path = "/api/v1/auth/identities";

/// The providers with which one signs in; nothing where the platform has none.
///
/// - Parameter changed: called after something was done.
export function identitySection(changed) {
  const list = h("ul.card.plain-list");
  const element = section("Other ways to sign in", null, null, list);
  return {
    element,
    update({ items, providers }) {
      element.hidden = items.length === 0 && providers.length === 0;
      const others = providers.filter(({ name }) => !items.some((identity) => identity.provider === name));
      fill(list, items.map(connected), others.map(offered));
    },
  };

  function connected(identity) {
    return h("li.with-tool", {},
      h("div", {}, h("b", {}, identity.display_name), identity.email ? h("span.muted", {}, " ", identity.email) : null,
        h("span.muted.line", {}, "connected ", when(new Date(identity.linked_at)), ", ",
          identity.last_used_at ? ["last used ", when(new Date(identity.last_used_at))] : "not used yet",
          identity.provider ? "" : ". The platform does not have this provider any more: nobody gets in by it.")),
      h("button.button.small", { "aria-label": `Disconnect ${identity.display_name}`, onclick: () => askUnlink(identity) }, "Disconnect"));
  }

  function offered(provider) {
    return h("li.with-tool", {}, h("div", {}, h("b", {}, provider.display_name), h("span.muted.line", {}, "not connected")),
      h("button.button.small", { "aria-label": `Connect ${provider.display_name}`, onclick: () => askLink(provider) }, icon("plus"), "Connect"));
  }

  function askUnlink(identity) {
    confirm({
      heading: `Disconnect ${identity.display_name}?`, label: "Disconnect", isDangerous: true,
      body: [h("p.muted", {}, "You do not sign in with it any more. Your account there stays as it is, and it can be connected again.")],
      act: async () => {
        await api.delete(`${path}/${identity.id}`);
        notify(`${identity.display_name} is disconnected.`);
        await changed();
      },
    });
  }

  function askLink(provider) {
    confirm({
      heading: `Connect ${provider.display_name}?`, label: "Go there",
      body: [h("p.muted", {}, "You leave the console and sign in there. Whoever gets in there gets in here from then on.")],
      act: async () => {
        const { uri } = await api.post(path, { provider: provider.name });
        const target = new URL(uri, location.href);
        if (!["http:", "https:"].includes(target.protocol)) throw new Error("The platform named an address that is none.");
        location.assign(target);
      },
    });
  }
}
