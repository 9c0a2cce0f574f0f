import { h } from "../element.js";
import { ago, clock, duration } from "../format.js";

/// Times that go on by themselves: one timer for all of the page.

/// "5 s ago", with the whole time on top.
export function when(date) {
  return h("time", { datetime: date.toISOString(), title: clock(date), "data-ago": date.getTime() }, ago(date));
}

/// "in 12 s", then "now".
export function until(date) {
  return h("time", { datetime: date.toISOString(), title: clock(date), "data-until": date.getTime() }, ahead(date.getTime()));
}

/// A duration that still grows: `milliseconds` was its length when the answer came.
export function growing(milliseconds) {
  return h("span.number", { "data-grows": Date.now() - milliseconds }, duration(milliseconds));
}

function ahead(time) {
  const left = time - Date.now();
  return left > 0 ? `in ${duration(Math.ceil(left / 1000) * 1000)}` : "now";
}

setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-ago]")) set(element, ago(new Date(Number(element.dataset.ago))));
  for (const element of document.querySelectorAll("[data-until]")) set(element, ahead(Number(element.dataset.until)));
  for (const element of document.querySelectorAll("[data-grows]")) {
    const length = Date.now() - Number(element.dataset.grows);
    set(element, duration(length < 60_000 ? Math.round(length / 100) * 100 : length));
  }
}, 1000);

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
