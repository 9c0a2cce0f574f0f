import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { nameField } from "../components/form.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { section } from "../components/section.js";
import { when } from "../components/time.js";
import { deviceName } from "../device.js";
import { h, fill } from "../element.js";
import { session } from "../session.js";
import { refusalInWords } from "../sign-in-words.js";

const path = "/api/v1/auth/passkeys";

/// One's passkeys: those there are, another one, other names.
///
/// - Parameter changed: called after something was done.
export function passkeySection(changed) {
  const add = session.canUsePasskeys ? h("button.button.small", { onclick: askName }, icon("plus"), "Add a passkey") : null;
  const place = h("div");
  return {
    element: section("Passkeys", null, add, place),
    update: ({ items }) => fill(place, items.length === 0
      ? h("p.none", {}, "None. With a passkey you sign in by your device's own lock, without a password.",
        session.canUsePasskeys ? "" : " This browser has none.")
      : h("ul.card.plain-list", {}, items.map(line))),
  };

  function line(passkey) {
    return h("li.with-tool", {},
      h("div", {}, h("b", {}, passkey.name), h("span.muted.line", {}, "made ", when(new Date(passkey.created_at)), ", ",
        passkey.last_used_at ? ["last used ", when(new Date(passkey.last_used_at))] : "not used yet",
        passkey.backed_up ? ", kept elsewhere, too" : ", on one device only")),
      h("div.tools", {},
        h("button.button.small", { "aria-label": `Rename ${passkey.name}`, onclick: () => askRename(passkey) }, "Rename"),
        h("button.button.small", { "aria-label": `Remove ${passkey.name}`, onclick: () => askRemove(passkey) }, "Remove")));
  }

  function askName() {
    const name = named(deviceName(navigator.userAgent));
    confirm({
      heading: "Add a passkey", label: "Go on",
      body: [h("p.muted", {}, "The browser then asks which device or password manager is to keep it."), name.element],
      act: async () => {
        const options = await api.post(`${path}/options`);
        const credential = await made(options);
        await api.post(path, { name: name.value(), credential });
        notify("The passkey is added.");
        await changed();
      },
    });
  }

  async function made(options) {
    try {
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
      return (await navigator.credentials.create({ publicKey })).toJSON();
    } catch (error) {
      throw new Error(error.name === "InvalidStateError" ? "That device has a passkey of this account already."
        : error instanceof DOMException ? "The passkey was not made: it was canceled, or took too long." : refusalInWords(error));
    }
  }

  function askRename(passkey) {
    const name = named(passkey.name);
    confirm({
      heading: `Rename ${passkey.name}`, label: "Save", body: [name.element],
      act: async () => {
        await api.patch(`${path}/${passkey.id}`, { name: name.value() });
        notify("The passkey has another name.");
        await changed();
      },
    });
  }

  function askRemove(passkey) {
    confirm({
      heading: `Remove ${passkey.name}?`, label: "Remove", isDangerous: true,
      body: [h("p.muted", {}, "Nobody signs in with it any more, and every other device is signed out. The device may go on offering it: ",
        "delete it there, too.")],
      act: async () => {
        await api.delete(`${path}/${passkey.id}`);
        notify("The passkey is removed.");
        await changed();
      },
    });
  }
}

const named = (text) => nameField({ text, maxlength: 100, hint: "So that you know it again." });
