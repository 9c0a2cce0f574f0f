import { Problem } from "./problem.js";

/// Who is signed in.
///
/// The access token (minutes) is in memory only. The refresh token is in this tab's sessionStorage, so that a reload
/// keeps the session and the end of the tab ends it; Documentation/console.md says what that means for security.
///
/// A refresh token is good once: a tab that was duplicated has a copy of it, and whoever comes second with it would
/// end the session as stolen. So tabs of one session tell each other of every new pair.

const storageKey = "gravity.console.session";
/// A token that ends within this is renewed before it is used; milliseconds.
const margin = 30_000;
/// How long a tab waits for another one of the same session to speak up; milliseconds.
const patience = 200;

let access = null;
/// When `access` ends, by this machine's monotonic clock.
let accessEnds = 0;
/// { refresh, family, email }
let kept = read();
let refreshing = null;
let account = null;
const listeners = new Set();
const channel = typeof BroadcastChannel === "function" ? new BroadcastChannel("gravity.console.session") : null;

function read() {
  try {
    const value = JSON.parse(sessionStorage.getItem(storageKey));
    return typeof value?.refresh === "string" && typeof value.family === "string" ? value : null;
  } catch {
    return null;
  }
}

function keep(value) {
  kept = value;
  try {
    if (value) sessionStorage.setItem(storageKey, JSON.stringify(value));
    else sessionStorage.removeItem(storageKey);
  } catch {
    // Then a reload asks for the password again.
  }
}

function take(tokens, email = kept?.email) {
  access = tokens.access_token;
  accessEnds = performance.now() + tokens.expires_in * 1000;
  keep({ refresh: tokens.refresh_token, family: kept?.family ?? crypto.getRandomValues(new Uint32Array(4)).join("-"), email });
}

function forget() {
  access = null;
  account = null;
  keep(null);
  changed();
}

function changed() {
  for (const listener of listeners) listener();
}

function tell(kind) {
  if (!kept) return;
  const tokens = { refresh: kept.refresh, access, expiresIn: (accessEnds - performance.now()) / 1000 };
  channel?.postMessage({ kind, family: kept.family, ...(kind === "tokens" ? tokens : {}) });
}

function hear(message) {
  if (!kept || message.family !== kept.family) return;
  if (message.kind === "who" && access) tell("tokens");
  if (message.kind === "end") forget();
  if (message.kind === "tokens" && message.access && message.expiresIn * 1000 + performance.now() > accessEnds) {
    take({ access_token: message.access, expires_in: message.expiresIn, refresh_token: message.refresh });
    heard?.();
  }
}
let heard = null;
channel?.addEventListener("message", (event) => hear(event.data));

/// Whether another tab of this session, of which this one is a copy, has told its tokens.
async function askOthers() {
  if (!channel) return false;
  const answer = new Promise((resolve) => {
    heard = () => resolve(true);
    setTimeout(() => resolve(false), patience);
  });
  tell("who");
  const told = await answer;
  heard = null;
  return told;
}

async function post(path, body, token, options = {}) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(path, {
      method: "POST", headers, body: JSON.stringify(body), credentials: "omit",
      signal: AbortSignal.timeout(30_000), ...options,
    });
  } catch (error) {
    throw Problem.unreachable(error);
  }
  if (!response.ok) throw await Problem.of(response);
  const text = await response.text();
  return text === "" ? null : JSON.parse(text);
}

async function refresh() {
  if (!access && (await askOthers()) && accessEnds - performance.now() > margin) return access;
  const used = kept?.refresh;
  if (!used) throw new Problem(401, { code: "signed_out", title: "You are signed out" });
  try {
    const tokens = await post("/api/v1/auth/refresh", { refresh_token: used });
    // Signed out while the answer was on its way.
    if (!kept) throw new Problem(401, { code: "signed_out", title: "You are signed out" });
    take(tokens);
    tell("tokens");
    return access;
  } catch (problem) {
    // Another tab was faster, and has told.
    if (kept && kept.refresh !== used && access) return access;
    if (problem.status === 400 || problem.status === 401 || problem.status === 403) forget();
    throw problem;
  }
}

/// After whichever way in. Whose a passkey is, only the account tells.
async function begin(tokens, email) {
  keep(null);
  take(tokens, email);
  await session.load();
  if (!email) keep({ ...kept, email: session.email });
  changed();
}

/// What one of the reader's passkeys signs.
async function signedBy(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({ publicKey })).toJSON();
}

/// What the access token says. Only for what is shown: the services check it, this does not.
function claims() {
  try {
    const part = access.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))));
  } catch {
    return {};
  }
}

function grants(held, needed) {
  const [mine, theirs] = [held.split(":"), needed.split(":")];
  return held === needed || (mine.length === 2 && mine.every((half, index) => half === "*" || half === theirs[index]));
}

export const session = {
  /// Whether somebody is signed in, as far as this tab knows.
  get isOpen() {
    return kept !== null;
  },
  get email() {
    return account?.email ?? kept?.email ?? "";
  },
  get name() {
    return account?.name ?? "";
  },
  /// Called when somebody signs in or out.
  onChange(listener) {
    listeners.add(listener);
  },
  /// What the token says that its bearer may do, and the account's id.
  get permissions() {
    return claims().permissions ?? [];
  },
  get accountID() {
    return account?.id ?? claims().sub ?? "";
  },
  /// Whether the token lets its bearer do this: `sagas:read`; null is for whoever is signed in.
  may(permission) {
    if (permission === null) return true;
    const { permissions = [], scope } = claims();
    const limits = typeof scope === "string" ? scope.split(" ") : null;
    return permissions.some((held) => grants(held, permission))
      && (limits === null || limits.some((held) => grants(held, permission)));
  },
  /// A token that is good for a while. One refresh runs at a time, whoever asks.
  async token({ renewed = false } = {}) {
    if (!renewed && access && accessEnds - performance.now() > margin) return access;
    if (renewed) accessEnds = 0;
    refreshing ??= refresh().finally(() => { refreshing = null; });
    return await refreshing;
  },
  /// A refused token is worth nothing any more, however long it says that it lasts.
  isCurrent(token) {
    return token === access;
  },
  /// Mails a code with which a new password is set, if there is an account with that address.
  async recover(email) {
    await post("/api/v1/auth/recovery", { email });
  },
  async setPassword(token, password) {
    await post("/api/v1/auth/recovery/complete", { token, new_password: password });
  },
  /// - Throws: `Problem` `mfa_required` where the account has a second factor: its `challenge` goes on with `signInWithCode`.
  async signIn(email, password) {
    await begin(await post("/api/v1/auth/login", { email, password }), email);
  },
  /// - Parameter code: of the authenticator app, or a recovery code.
  async signInWithCode(email, challenge, code) {
    await begin(await post("/api/v1/auth/login/second-factor", { challenge, code }), email);
  },
  /// Whether this browser has passkeys, in the form in which the API speaks of them.
  get canUsePasskeys() {
    return typeof PublicKeyCredential === "function" && "parseRequestOptionsFromJSON" in PublicKeyCredential;
  },
  /// Whose it is the passkey tells. Also for whoever has a second factor: it stands for both.
  async signInWithPasskey() {
    const credential = await signedBy(await post("/api/v1/auth/login/passkey/options", {}));
    await begin(await post("/api/v1/auth/login/passkey", { credential }));
  },
  /// With the tokens of a sign-in elsewhere.
  async begin(tokens) {
    await begin(tokens);
  },
  /// Proves again who is signed in (RFC 9470): the session goes on with a token that says so.
  ///
  /// - Parameter proof: `{ code }` where the account has a second factor, else `{ password }`.
  async stepUp(proof) {
    const answer = await post("/api/v1/auth/step-up", proof, await this.token());
    // Signed out while the answer was on its way.
    if (!kept) throw new Problem(401, { code: "signed_out", title: "You are signed out" });
    take({ ...answer, refresh_token: kept.refresh });
    tell("tokens");
  },
  async stepUpWithPasskey() {
    const options = await post("/api/v1/auth/step-up/passkey/options", {}, await this.token());
    await this.stepUp({ passkey: await signedBy(options) });
  },
  /// After a reload: the session that this tab had, if it is still good.
  async restore() {
    if (!kept) return;
    await this.token();
    await this.load();
  },
  async load() {
    try {
      const response = await fetch("/api/v1/auth/me", {
        headers: { authorization: `Bearer ${access}` }, credentials: "omit", signal: AbortSignal.timeout(10_000),
      });
      if (response.ok) account = await response.json();
    } catch {
      // Only the name is missing.
    }
  },
  /// When the address is another one.
  async reload() {
    await this.load();
    if (!kept) return;
    keep({ ...kept, email: this.email });
    changed();
  },
  async signOut() {
    const token = access;
    tell("end");
    forget();
    if (!token) return;
    try {
      // Whoever signs out may close the tab at once.
      await post("/api/v1/auth/logout", {}, token, { keepalive: true });
    } catch (problem) {
      // Signed out here; there the session ends by itself.
      console.warn("The session could not be ended on the server.", problem.code);
    }
  },
};
