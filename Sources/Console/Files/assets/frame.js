import { h, fill } from "./element.js";
import { closeQuestions } from "./components/confirm.js";
import { icon } from "./components/icons.js";
import { empty, failure, loading } from "./components/states.js";
import { pages } from "./pages.js";
import { address, go, place } from "./router.js";
import { session } from "./session.js";
import { signIn } from "./sign-in.js";
import { themeSwitch } from "./theme.js";

/// The house around the pages: navigation, who is signed in, and the place where one page at a time is shown.

const root = document.getElementById("console");
let main = null;
let navigation = null;
/// Who is signed in, as it was shown last.
let who = null;
/// Ends what the present page has going on.
let leave = null;

/// - Parameters:
///   - notice: what led here.
///   - wrong: why a sign-in came to nothing.
export function showSignIn(notice = null, wrong = null) {
  close();
  closeQuestions();
  main = null;
  document.title = "Sign in · Gravity";
  fill(root, signIn(notice, wrong));
}

/// Shows what the address says.
export async function show() {
  if (!session.isOpen) return showSignIn();
  close();
  const { segments, query } = place();
  const offered = pages.filter((page) => session.may(page.permission));
  if (segments.length === 0 && offered.length > 0) return go(address([offered[0].path]), { replace: true });
  const isFirst = main === null;
  if (isFirst) build(offered);
  const page = pages.find((candidate) => candidate.path === segments[0]);
  mark(page);
  name();
  // The menu of a narrow screen has done its work.
  document.getElementById("menu")?.removeAttribute("data-open");
  if (!page) return stop("Page not found", unknown());
  if (!session.may(page.permission)) return stop(page.title, forbidden(page));
  await open(page, { segments: segments.slice(1), query, isFirst });
}

async function open(page, { segments, query, isFirst }) {
  const ending = new AbortController();
  leave = () => ending.abort();
  title(page.title);
  fill(main, loading(page.title));
  try {
    const module = await page.load();
    if (ending.signal.aborted) return;
    await module.open({
      main, segments, query, signal: ending.signal, title,
      /// After a page's heading is there: a keyboard or a screen reader goes on from it, not from the link that is gone.
      arrived: () => { if (!isFirst) main.querySelector("h1")?.focus({ preventScroll: true }); },
    });
    if (!isFirst && !ending.signal.aborted) window.scrollTo(0, 0);
  } catch (error) {
    if (ending.signal.aborted) return;
    console.error(error);
    fill(main, failure(error, show));
  }
}

function close() {
  leave?.();
  leave = null;
}

function title(text) {
  document.title = `${text} · Gravity`;
}

function stop(heading, content) {
  title(heading);
  fill(main, content);
}

function forbidden(page) {
  return empty("lock", `${page.title}: not for this account`, [
    h("p", {}, "Signed in as ", h("b", {}, session.email || "somebody"), ", whose roles do not grant ",
      h("code", {}, page.permission), "."),
    h("p", {}, "An administrator can give the account a role that does. Then sign out and in again."),
  ], h("button.button", { onclick: () => session.signOut() }, "Sign out"));
}

function unknown() {
  return empty("search", "There is no such page", [h("p", {}, "The address leads nowhere in this console.")],
    h("a.button", { href: address([]) }, "To the start"));
}

function build(offered) {
  main = h("main.main", { id: "main", tabindex: "-1" });
  navigation = h("nav", { "aria-label": "Pages" }, sections(offered));
  const menu = h("div.menu", { id: "menu" }, navigation, account());
  const toggle = h("button.menu-button", {
    "aria-expanded": "false", "aria-controls": "menu", onclick: () => setMenu(!menu.hasAttribute("data-open")),
  }, icon("menu"), h("span", {}, "Menu"));
  const setMenu = (isOpen) => menu.toggleAttribute("data-open", isOpen);
  new MutationObserver(() => toggle.setAttribute("aria-expanded", String(menu.hasAttribute("data-open"))))
    .observe(menu, { attributeFilter: ["data-open"] });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.hasAttribute("data-open")) return;
    setMenu(false);
    toggle.focus();
  });
  fill(root,
    h("a.skip", { href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } }, "To the content"),
    h("div.frame", {},
      h("header.side", {},
        h("a.brand", { href: address([]) }, h("img", { src: "/console/assets/icon.svg", alt: "", width: 24, height: 24 }),
          h("span", {}, "Gravity")),
        toggle, menu),
      main));
}

function sections(offered) {
  const names = [...new Set(offered.map((page) => page.section))];
  return names.map((name, index) => [
    h("h2.nav-heading", { id: `nav-${index}` }, name),
    h("ul.nav", { "aria-labelledby": `nav-${index}` }, offered.filter((page) => page.section === name).map((page) =>
      h("li", {}, h("a", { href: address([page.path]), "data-page": page.path }, icon(page.icon), page.title)))),
  ]);
}

function mark(page) {
  for (const link of navigation.querySelectorAll("a")) {
    if (link.dataset.page === page?.path) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function name() {
  who.title = session.email;
  fill(who, session.name ? h("b", {}, session.name) : null, h("span", {}, session.email));
}

function account() {
  who = h("div.who");
  return h("div.account", {}, who,
    h("div.account-tools", {}, themeSwitch(),
      h("button.button.quiet", { onclick: () => session.signOut() }, icon("leave"), "Sign out")));
}
