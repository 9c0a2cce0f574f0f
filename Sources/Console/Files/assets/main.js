import { proveBy } from "./api.js";
import { failure } from "./components/states.js";
import { stepUp } from "./components/step-up.js";
import { h, fill } from "./element.js";
import { show, showSignIn } from "./frame.js";
import { start } from "./router.js";
import { session } from "./session.js";
import { signInBy, takeAnswer } from "./sign-in-elsewhere.js";

const answer = takeAnswer();
let wasOpen = session.isOpen;

async function begin() {
  try {
    await session.restore();
  } catch (problem) {
    if (session.isOpen) {
      // Not refused: nobody is there to ask. The session is kept for when somebody is.
      fill(document.getElementById("console"), h("main.alone", {}, failure(problem, begin)));
      return;
    }
  }
  wasOpen = session.isOpen;
  await show();
}

/// Back from a sign-in elsewhere.
async function arrive() {
  fill(document.getElementById("console"), h("main.alone", {}, h("p.muted", { role: "status" }, "Signing in…")));
  const wrong = await signInBy(answer);
  // Whoever is in is shown what they wanted to see by now.
  if (wrong === null) return;
  // An answer to nothing, such as the back button's, ends no session.
  if (session.isOpen) await begin();
  else showSignIn(null, wrong);
}

session.onChange(() => {
  if (session.isOpen) show();
  else showSignIn(wasOpen ? "You are signed out." : null);
  wasOpen = session.isOpen;
});
proveBy(stepUp);
start(show);
await (answer ? arrive() : begin());
