/// Where in the console the reader is. Everything that a page shows follows from the address, so that a reload, the
/// back button and a link that is sent to somebody show the same.

export const base = "/console/";

export function place() {
  const path = location.pathname.startsWith(base) ? location.pathname.slice(base.length) : "";
  return {
    segments: path.split("/").filter(Boolean).map(decode),
    query: new URLSearchParams(location.search),
  };
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/// /console/sagas/ID?state=parked; fields that are empty are left out.
export function address(segments, query = {}) {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) fields.set(name, value);
  const text = fields.toString();
  return base + segments.map(encodeURIComponent).join("/") + (text ? `?${text}` : "");
}

let onMove = () => {};

/// Calls `handler` whenever the address is another one, but for `rewrite`.
export function start(handler) {
  onMove = handler;
  window.addEventListener("popstate", () => onMove());
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !url.pathname.startsWith(base) || url.hash) return;
    event.preventDefault();
    go(url.pathname + url.search);
  });
}

export function go(path, { replace = false, state = null } = {}) {
  if (replace) history.replaceState(state, "", path);
  else history.pushState(state, "", path);
  onMove();
}

/// The page has changed what it shows by itself; the address follows.
export function rewrite(path) {
  history.replaceState(history.state, "", path);
}
