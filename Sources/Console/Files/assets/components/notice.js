import { h, fill } from "../element.js";

/// A short word on what was done, read out too; it goes away by itself.
const place = h("div.notice", { role: "status" });
document.body.append(place);
let timer = null;

export function notify(text) {
  fill(place, text);
  place.dataset.shown = "";
  clearTimeout(timer);
  timer = setTimeout(() => delete place.dataset.shown, 5000);
}
