import { h } from "./element.js";
import { session } from "./session.js";
import { refusalInWords } from "./sign-in-words.js";

/// Signs in without an address, a password or a code; nothing where the browser has no passkeys.
///
/// - Parameter say: gets why it came to nothing.
export function passkeyButton(say) {
  if (!session.canUsePasskeys) return null;
  const button = h("button.button", { type: "button", onclick: use }, "Use a passkey");
  async function use() {
    if (button.disabled) return;
    say("");
    button.disabled = true;
    try {
      await session.signInWithPasskey();
    } catch (problem) {
      say(refusalInWords(problem));
    } finally {
      button.disabled = false;
    }
  }
  return button;
}
