import { svg } from "../element.js";

/// Drawn on 20 × 20 with a line of 1.6; decoration only, a text says the same.
const paths = {
  alert: "M10 3 18 17H2ZM10 8v4M10 14.4v.2",
  back: "M12 4 6 10l6 6",
  check: "m4 10.5 4 4 8-9",
  clock: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15ZM10 6v4.2l2.8 1.8",
  copy: "M7 7h9v10H7ZM4 13V3h9",
  cross: "m5 5 10 10M15 5 5 15",
  download: "M10 3v9M6 8.5 10 12.5l4-4M4 16h12",
  device: "M3 4h14v9H3ZM7 17h6M10 13v4",
  gate: "M3 17V4M17 17V4M3 7h14M3 12h14M10 7v5",
  hand: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15ZM8 7v6M12 7v6",
  key: "M7 10a3.5 3.5 0 1 0 0 .2M10.3 10H18v3M15 10v2.4",
  leave: "M8 3H4v14h4M8 10h9M13.5 6.5 17 10l-3.5 3.5",
  file: "M5 2.5h7l3 3v12H5ZM12 2.5v3h3",
  pen: "M4 16l1-4 8.5-8.5 3 3L8 15ZM11.5 5.5l3 3",
  people: "M7.5 3.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM2 16.5c0-3 2.5-4.5 5.5-4.5s5.5 1.5 5.5 4.5M13 4a3 3 0 0 1 0 5.5M15 12.3c1.900.7 3 2.1 3 4.2",
  person: "M10 3a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7ZM3.5 17c0-3.300 2.900-5 6.5-5s6.5 1.700 6.5 5",
  plus: "M10 4v12M4 10h12",
  shield: "M10 2.5 16.5 5v5c0 4-3 6.5-6.5 7.5C6.5 16.5 3.5 14 3.5 10V5Z",
  team: "M7.5 5.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM12.5 5.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Z",
  trash: "M4 6h12M8 6V3.5h4V6M5.5 6l.8 11h7.400l.8-11",
  window: "M3 4h14v12H3ZM3 7.5h14",
  lock: "M5 9h10v8H5ZM7 9V6.5a3 3 0 0 1 6 0V9",
  mail: "M2.5 5h15v10.5h-15ZM2.5 5.5 10 11l7.5-5.5",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  next: "m8 4 6 6-6 6",
  refresh: "M16 6.5A7 7 0 1 0 17 11M16.5 3v4h-4",
  run: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15ZM8.3 7v6l5-3Z",
  search: "M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM13 13l4 4",
  steps: "M3 5h6M6 10h6M9 15h8M3 5v0",
  undo: "M4 8h8a4 4 0 0 1 0 8H8M7 4.5 3.5 8 7 11.5",
};

export function icon(name) {
  return svg("svg.icon", {
    viewBox: "0 0 20 20", width: 16, height: 16, "aria-hidden": "true", fill: "none", stroke: "currentColor",
    "stroke-width": 1.6, "stroke-linecap": "round", "stroke-linejoin": "round",
  }, svg("path", { d: paths[name] ?? paths.alert }));
}
