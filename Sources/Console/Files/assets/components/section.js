import { h, fill } from "../element.js";

/// A part of a page with a heading, to be filled when there is something.
///
/// - Parameter note: a word beside the heading.
export function section(heading, { id, tools = null, note = null }) {
  const content = h("div");
  const element = h("section.section", { "aria-labelledby": id },
    h("div.section-head", {}, h("h2", { id }, heading), note ? h("span.muted", {}, note) : null, h("div.spring"), tools), content);
  return { element, fill: (...children) => fill(content, ...children) };
}
