/// What the platform's permissions let do, as its own description (OpenAPI) says it: nothing here can be out of date.

let known = null;

/// - Returns: a Map from `accounts:read` to what it lets do, sorted by name; empty where the description cannot be had.
export function permissionCatalogue() {
  known ??= read().catch(() => {
    known = null;
    return new Map();
  });
  return known;
}

async function read() {
  const response = await fetch("/openapi.json", { credentials: "omit", signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`the description was answered ${response.status}`);
  const found = new Map();
  for (const operations of Object.values((await response.json()).paths ?? {})) {
    for (const operation of Object.values(operations)) {
      const name = operation?.["x-permission"];
      if (!name) continue;
      found.set(name, [...(found.get(name) ?? []), operation.summary].filter(Boolean));
    }
  }
  return new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/// What is wrong with the form of a permission, or null: as the server judges it.
export function permissionError(text) {
  const halves = text.split(":");
  const isGood = halves.length === 2 && halves.every((half) => half === "*" || /^[a-z0-9_.-]{1,64}$/.test(half));
  return isGood ? null : "It must be resource:action, each of a–z 0–9 _ - . or one *.";
}

/// How a permission reads: `*` is explained where it stands.
export function inWords(permission, catalogue) {
  const [resource, action] = permission.split(":");
  if (permission === "*:*") return "everything, on every service, also what is added later";
  if (resource === "*") return `${action} on every kind of resource, also those that are added later`;
  if (action === "*") return `everything on ${resource}, also actions that are added later`;
  const summaries = catalogue.get(permission);
  return summaries ? summaries.map((text) => text.split(";")[0]).join(" · ") : "no endpoint of this platform asks for it";
}
