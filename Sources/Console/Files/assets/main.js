import { proveBy } from "./api.js";
import { failure } from "./components/states.js";
import { stepUp } from "./components/step-up.js";
import { h, fill } from "./element.js";
import { show, showSignIn } from "./frame.js";
import { start } from "./router.js";
import { session } from "./session.js";

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

session.onChange(() => {
  if (session.isOpen) show();
  else showSignIn(wasOpen ? "You are signed out." : null);
  wasOpen = session.isOpen;
});
proveBy(stepUp);
start(show);
await begin();
