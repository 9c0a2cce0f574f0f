import { svg } from "../element.js";
import { qrCode } from "../qr-code.js";

/// Light modules around a code, without which readers do not find it (ISO/IEC 18004 §5.3.8).
const quiet = 4;

/// A text as a picture for a phone's camera; nothing where it is too long for one.
export function qr(text, label) {
  const rows = qrCode(text);
  if (!rows) return null;
  const width = rows.length + quiet * 2;
  const dark = rows.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x + quiet} ${y + quiet}h1v1h-1z`] : [])));
  return svg("svg.qr", { viewBox: `0 0 ${width} ${width}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" },
    svg("path", { d: dark.join("") }));
}
