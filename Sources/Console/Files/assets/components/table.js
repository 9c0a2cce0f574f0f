import { h, fill } from "../element.js";

/// A table whose rows are told apart by a key and drawn again only when they differ, so that a row that is being read
/// or has the focus stays where it is. On a narrow screen a row becomes a card (components.css), for which the roles
/// are said here: `display: block` takes them away.
///
/// columns  [{ label, class?, cell(row) → content }]; the first holds the row's link
/// key(row), mark(row) → a text that differs when the row has to be drawn again, tone(row) → a class or null
export function table({ caption, columns, key, mark, tone = () => null }) {
  const body = h("tbody", { role: "rowgroup" });
  const element = h("table.table", { role: "table" },
    h("caption.hidden", {}, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((column) =>
      h("th", { scope: "col", role: "columnheader", class: column.class }, column.label)))),
    body);
  const drawn = new Map();

  // The whole row is a target for the mouse; the link in it is what keyboards and screen readers use.
  body.addEventListener("click", (event) => {
    if (event.target.closest("a, button") || String(getSelection()) !== "") return;
    event.target.closest("tr")?.querySelector("a")?.click();
  });

  function draw(row, known) {
    const cells = columns.map((column) =>
      h("td", { role: "cell", class: column.class, "data-label": column.label }, column.cell(row)));
    const line = known ?? h("tr", { role: "row" });
    const controls = () => [...line.querySelectorAll("a, button")];
    const focused = controls().indexOf(document.activeElement);
    line.className = tone(row) ?? "";
    fill(line, cells);
    if (focused >= 0) (controls()[focused] ?? controls()[0])?.focus({ preventScroll: true });
    return line;
  }

  return {
    element,
    update(rows, { highlight = false } = {}) {
      const keys = new Set(rows.map(key));
      for (const [known, { line }] of drawn) {
        if (keys.has(known)) continue;
        line.remove();
        drawn.delete(known);
      }
      rows.forEach((row, index) => {
        const [id, text] = [key(row), mark(row)];
        const known = drawn.get(id);
        const line = known?.text === text ? known.line : draw(row, known?.line);
        if (highlight && known?.text !== text) flash(line);
        drawn.set(id, { line, text });
        if (body.children[index] !== line) body.insertBefore(line, body.children[index] ?? null);
      });
    },
  };
}

function flash(line) {
  line.classList.remove("flash");
  // Reading the size begins the animation anew.
  void line.offsetWidth;
  line.classList.add("flash");
}
