import { h } from "../element.js";

/// A part of a page with a heading, a note beside it, and what can be done there.
export function section(heading, note, tool, ...content) {
  const id = `section-${heading.toLowerCase().replaceAll(" ", "-")}`;
  return h("section.section", { "aria-labelledby": id },
    h("div.section-head", {}, h("h2", { id }, heading), h("span.muted", {}, note), h("div.spring"), tool), content);
}
