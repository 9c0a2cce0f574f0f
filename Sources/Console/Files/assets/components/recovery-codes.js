import { save } from "../save.js";
import { h } from "../element.js";
import { copyText } from "./facts.js";
import { icon } from "./icons.js";
import { showOnce } from "./secret.js";

/// Shows the codes that stand in for an authenticator app, once.
export function showRecoveryCodes(codes, account) {
  const text = `${codes.join("\n")}\n`;
  const copy = navigator.clipboard
    ? h("button.button", { type: "button", onclick: () => copyText("Recovery codes", text) }, icon("copy"), "Copy all") : null;
  const file = `Recovery codes of ${account}. Each works once.\n\n${text}`;
  return showOnce({
    heading: "Your recovery codes", label: "I have kept them",
    warning: "They are shown this once, and nobody can look them up later.",
    lines: ["Each works once in the place of the app's code, for when the phone is lost. Keep them where the phone is not: on paper, "
      + "or in a password manager."],
    content: [h("ol.recovery-codes", {}, codes.map((code) => h("li", {}, h("code", {}, code)))),
      h("div.tools", {}, copy, h("button.button", {
        type: "button", onclick: () => save(new Blob([file], { type: "text/plain" }), "recovery-codes.txt"),
      }, icon("download"), "Download"))],
  });
}
