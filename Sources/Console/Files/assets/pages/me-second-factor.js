import { api } from "../api.js";
import { codeField } from "../components/code-field.js";
import { confirm } from "../components/confirm.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { pill } from "../components/pill.js";
import { qr } from "../components/qr.js";
import { showRecoveryCodes } from "../components/recovery-codes.js";
import { secretField } from "../components/secret.js";
import { section } from "../components/section.js";
import { until, when } from "../components/time.js";
import { h, fill } from "../element.js";
import { plural } from "../format.js";
import { session } from "../session.js";

const path = "/api/v1/auth/second-factor";
/// So few recovery codes are worth a warning.
const few = 3;

/// The second factor of one's own account: on, off, and its recovery codes.
///
/// - Parameter changed: called after something was done.
export function secondFactorSection(changed) {
  const place = h("div");
  return {
    element: section("Second factor", null, null, place),
    update: (status) => fill(place, status.enabled ? on(status) : off()),
  };

  function off() {
    return h("div.card.panel", {}, h("p", {}, pill({ label: "Off", tone: "neutral", icon: "cross" })),
      h("p.muted", {}, "Whoever has your password gets in. With an authenticator app on your phone it takes a code of that phone, too."),
      h("div.tools", {}, h("button.button.primary", { onclick: askOn }, icon("shield"), "Set up an app")));
  }

  function on(status) {
    const left = status.recovery_codes_left;
    return h("div.card.panel", {},
      h("p", {}, pill({ label: "On", tone: "good", icon: "check" }), status.enrolled_at ? [" since ", when(new Date(status.enrolled_at))] : null),
      h("p.muted", {}, "Signing in takes a code of your authenticator app. ", plural(left, "recovery code"), " of ten left."),
      left <= few ? h("p.warning", {}, icon("alert"), h("span", {}, left === 0
        ? "No recovery code is left: without the phone you do not get in. Make new ones."
        : "Few recovery codes are left. Make new ones before they run out.")) : null,
      h("div.tools", {}, h("button.button", { onclick: askCodes }, icon("refresh"), "New recovery codes"),
        h("button.button", { onclick: askOff }, icon("cross"), "Turn off")));
  }

  function askOn() {
    confirm({
      heading: "Set up an authenticator app?", label: "Show the key",
      body: [h("p.muted", {}, "You need such an app on your phone. Afterwards each sign-in with your password takes a code of it, and every ",
        "other device is signed out. You get recovery codes for when the phone is lost.")],
      act: async () => {
        const enrolment = await api.post(`${path}/totp`);
        // After this dialog has gone.
        queueMicrotask(() => askFirstCode(enrolment));
      },
    });
  }

  function askFirstCode(enrolment) {
    const code = codeField({ hasRecovery: false });
    confirm({
      heading: "Scan it, then enter a code", label: "Turn it on",
      body: [
        qr(enrolment.uri, "QR code for the authenticator app"),
        h("p.muted", {}, "Scan it with the app", enrolment.uri.startsWith("otpauth:")
          ? [", ", h("a", { href: enrolment.uri }, "open it in an app on this device"), ","] : "", " or type the key. It ends ",
        until(new Date(enrolment.expires_at)), "."),
        secretField("Key", enrolment.secret), code.element,
      ],
      act: async () => {
        const { codes } = await code.with((text) => api.post(`${path}/totp/confirm`, { code: text }));
        queueMicrotask(() => told(codes, "The second factor is on."));
        // The next token says that two factors were shown. The codes are shown whatever comes of it.
        session.token({ renewed: true }).catch(() => {});
      },
    });
    code.focus();
  }

  function askCodes() {
    confirm({
      heading: "Make new recovery codes?", label: "Make them",
      body: [h("p.muted", {}, "You get ten new ones. The earlier ones are of no use any more, wherever you kept them.")],
      act: async () => {
        const { codes } = await api.post(`${path}/recovery-codes`);
        queueMicrotask(() => told(codes, "The earlier recovery codes ended."));
      },
    });
  }

  async function told(codes, word) {
    await showRecoveryCodes(codes, session.email);
    notify(word);
    await changed();
  }

  function askOff() {
    confirm({
      heading: "Turn the second factor off?", label: "Turn off", isDangerous: true,
      body: [h("p.muted", {}, "From then on your password alone lets in. The recovery codes end, and every other device is signed out.")],
      act: async () => {
        await api.delete(`${path}/totp`);
        notify("The second factor is off.");
        await changed();
      },
    });
  }
}
