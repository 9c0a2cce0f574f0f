import { h } from "../element.js";

/// Shows a mail's HTML where it can do nothing: in a document of its own whose policy (ConsoleResponder) lets nothing be
/// loaded and nothing run, in a frame without scripts, forms, windows and navigation. This is the only place where a text
/// becomes markup, and it becomes that in the frame's document, never in the page's.
const blank = "/console/assets/mail-frame.html";
/// Pixels; what is longer is scrolled.
const tallest = 1_200;

export function mailFrame(html, title) {
  const frame = h("iframe.mail-frame", {
    // The page fills the frame and measures it, which takes the same origin; scripts are not let in.
    sandbox: "allow-same-origin", src: blank, title, referrerpolicy: "no-referrer", loading: "eager",
    onload: () => write(frame, html),
  });
  return frame;
}

function write(frame, html) {
  const inside = frame.contentDocument;
  // Not the blank page with its policy: nothing is put there.
  if (!inside || new URL(inside.URL).pathname !== blank) return;
  inside.body.setHTMLUnsafe(html);
  for (const link of inside.querySelectorAll("a[href], area[href]")) {
    link.title = link.getAttribute("href");
    link.removeAttribute("href");
  }
  const measure = () => {
    const height = Math.min(tallest, Math.max(120, inside.documentElement.scrollHeight));
    frame.style.setProperty("--height", `${height}px`);
  };
  measure();
  new ResizeObserver(measure).observe(frame);
}
