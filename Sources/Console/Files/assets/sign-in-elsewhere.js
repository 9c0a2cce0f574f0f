import { h, fill } from "./element.js";
import { Problem } from "./problem.js";
import { redirectURIError } from "./redirect-uri.js";
import { base, rewrite } from "./router.js";
import { session } from "./session.js";
import { refusalInWords } from "./sign-in-words.js";

/// Signing in at the pages of auth, where there are other providers: by an authorization code with PKCE, `state` and `iss`
/// (OAuth 2.1, RFC 7636, RFC 9207). What comes of it is a session as of the forms here.

/// What the platform has for its console.
const client = "00000000-0000-8000-8063-6f6e736f6c65";
const path = `${base}signed-in`;
/// What this tab asked for and has no answer to: { state, verifier, issuer, at }.
const storageKey = "gravity.console.signing-in";

/// Where auth is and with what else people sign in there; null where that cannot be, or there is nothing else.
export async function elsewhere() {
  // Browsers have it at https and on this machine only.
  if (!globalThis.crypto?.subtle) return null;
  try {
    const response = await fetch("/.well-known/oauth-authorization-server", {
      credentials: "omit", cache: "no-cache", signal: AbortSignal.timeout(10_000),
    });
    const { issuer, identity_providers: names } = await response.json();
    if (!(names?.length > 0) || redirectURIError(issuer + path)) return null;
    const { host, origin } = new URL(issuer);
    return { issuer, names, host, isHere: origin === location.origin, there: origin + location.pathname + location.search };
  } catch {
    return null;
  }
}

/// The way there, for below the form; empty until auth has said that there is one.
///
/// - Parameter say: gets why it came to nothing.
export function waysElsewhere(say) {
  const place = h("div.elsewhere");
  show();
  return place;

  async function show() {
    const auth = await elsewhere();
    if (!auth) return;
    const label = "Other ways to sign in";
    // What is remembered for the way back is remembered for one address.
    fill(place, auth.isHere ? h("button.button.quiet", { type: "button", onclick: () => leave(auth) }, label)
      : h("a.button.quiet", { href: auth.there }, label),
    h("p.muted", {}, auth.isHere ? null : `at ${auth.host}: `, auth.names.join(", ")));
  }

  async function leave(auth) {
    say("");
    try {
      await signInElsewhere(auth);
    } catch {
      say("This browser keeps nothing for this page, so you could not come back.");
    }
  }
}

/// Leaves for auth, to come back to where the reader is.
///
/// - Parameter prompt: `login` where they are to show anew who they are, at the provider too.
export async function signInElsewhere({ issuer }, prompt = "select_account") {
  const asked = { state: random(), verifier: random(), issuer, at: location.pathname + location.search };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(asked.verifier));
  sessionStorage.setItem(storageKey, JSON.stringify(asked));
  location.assign(`/oauth/authorize?${new URLSearchParams({
    response_type: "code", client_id: client, redirect_uri: issuer + path, state: asked.state, prompt,
    code_challenge: base64URL(new Uint8Array(digest)), code_challenge_method: "S256",
  })}`);
}

/// What the browser came back with, null where it did not come back. Takes it out of the address, before anything else is
/// done: neither the history nor whoever looks on is to have a code. The address is where the reader wanted to go again.
export function takeAnswer() {
  if (location.pathname !== path) return null;
  const answer = Object.fromEntries(new URLSearchParams(location.search));
  // Before what was kept is looked at.
  rewrite(base);
  const asked = read();
  // Another site may send anybody here, with a code for an account of its own. What was asked for waits for its answer.
  if (!asked?.state || answer.state !== asked.state) return {};
  sessionStorage.removeItem(storageKey);
  const at = new URL(asked.at, location.origin);
  if (at.origin === location.origin && at.pathname.startsWith(base)) rewrite(at.pathname + at.search);
  return { ...answer, asked };
}

/// Signs in by it.
/// - Returns: why that came to nothing; null where the reader is signed in.
export async function signInBy({ asked, code, iss, error, error_description: why }) {
  if (!asked) return "That sign-in was not begun in this tab, or is over. Begin again.";
  if (iss !== asked.issuer) return "That answer is not from this platform. Begin again.";
  if (error === "access_denied") return "You were not signed in: it was refused there.";
  if (error) return `You were not signed in: ${why ?? error}.`;
  try {
    await session.begin(await exchange(code, asked));
    return null;
  } catch (problem) {
    return problem.fields?.error === "invalid_grant" ? "That took too long, or was done before. Begin again." : refusalInWords(problem);
  }
}

async function exchange(code, { issuer, verifier }) {
  let response;
  try {
    response = await fetch("/oauth/token", {
      method: "POST", credentials: "omit", signal: AbortSignal.timeout(30_000),
      body: new URLSearchParams({
        grant_type: "authorization_code", client_id: client, code: code ?? "", redirect_uri: issuer + path, code_verifier: verifier,
      }),
    });
  } catch (error) {
    throw Problem.unreachable(error);
  }
  if (!response.ok) throw await Problem.of(response);
  return await response.json();
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(storageKey));
  } catch {
    return null;
  }
}

/// 256 bits.
const random = () => base64URL(crypto.getRandomValues(new Uint8Array(32)));

const base64URL = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
