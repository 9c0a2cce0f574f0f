import { Problem } from "./problem.js";
import { session } from "./session.js";

/// Longer than any answer takes; milliseconds.
const deadline = 30_000;

/// Asks whoever is signed in to prove again who they are; rejects where they do not. Set by main.js.
let prove = null;
/// One question at a time, however many requests wait for it.
let proving = null;
export function proveBy(ask) {
  prove = ask;
}

/// Sends a request with the caller's token; once more with a new token where the old one is refused, and once more after
/// a step-up where that is what the answer asks for (RFC 9470).
///
/// - Parameter isLong: what is answered takes as long as it takes.
/// - Throws: `Problem`; an `AbortError` where `signal` says so.
export async function send(method, path, { body, signal, accept = "application/json", isLong = false, ifMatch } = {}) {
  const tried = new Set();
  for (;;) {
    const token = await session.token();
    const headers = { authorization: `Bearer ${token}`, accept };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (ifMatch) headers["if-match"] = ifMatch;
    const signals = [signal, isLong ? undefined : AbortSignal.timeout(deadline)].filter(Boolean);
    let response;
    try {
      response = await fetch(path, {
        method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "omit",
        cache: "no-store", signal: signals.length > 0 ? AbortSignal.any(signals) : undefined,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw Problem.unreachable(error);
    }
    if (response.ok) return response;
    const problem = await Problem.of(response);
    const remedy = problem.code === "insufficient_user_authentication" && prove ? "proof" : "token";
    if (problem.status !== 401 || tried.has(remedy)) throw problem;
    tried.add(remedy);
    if (remedy === "token") await session.token({ renewed: session.isCurrent(token) });
    else await (proving ??= prove(problem).finally(() => { proving = null; }));
  }
}

export const api = {
  async get(path, query = {}, options = {}) {
    const response = await send("GET", withQuery(path, query), options);
    return await json(response, options.signal);
  },
  /// The services take a POST with a JSON body only, be it an empty one.
  async post(path, body = {}, options = {}) {
    return await json(await send("POST", path, { ...options, body }), options.signal);
  },
  /// With `ifMatch: tagOf(thing)`, it is refused (412) where somebody else has changed the thing meanwhile.
  async patch(path, body, options = {}) {
    return await json(await send("PATCH", path, { ...options, body }), options.signal);
  },
  async delete(path, options = {}) {
    return await json(await send("DELETE", path, options), options.signal);
  },
};

/// The ETag that an answer came with; undefined where it had none.
export const tagOf = (answer) => tags.get(answer);
const tags = new WeakMap();
/// The ETag of a thing that came in a list: the platform makes it of the version.
export const tagOfItem = (item) => `"v${item.version}"`;

async function json(response, signal) {
  try {
    const text = await response.text();
    if (text === "") return null;
    const answer = JSON.parse(text);
    const tag = response.headers.get("etag");
    if (tag && answer !== null && typeof answer === "object") tags.set(answer, tag);
    return answer;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw Problem.unreachable(error);
  }
}

/// Fields that are empty are left out.
export function withQuery(path, query) {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") fields.set(name, value);
  }
  const text = fields.toString();
  return text ? `${path}?${text}` : path;
}
