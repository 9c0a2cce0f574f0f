import { h } from "./element.js";

/// Hands a file to the browser, which puts it where downloads go.
export function save(blob, name) {
  const href = URL.createObjectURL(blob);
  const link = h("a", { href, download: name });
  link.click();
  // Not at once: the browser begins to read it after this.
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
