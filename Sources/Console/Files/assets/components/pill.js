import { h } from "../element.js";
import { icon } from "./icons.js";

/// A state: colour, shape and word say the same. Tones: neutral, busy, wait, good, warn, bad.
export function pill({ tone, icon: iconName, label }) {
  return h(`span.pill.${tone}`, {}, icon(iconName), label);
}
