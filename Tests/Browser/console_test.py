#!/usr/bin/env python3
"""The console in a real browser. See README.md beside this file."""
import argparse
import contextlib
import pathlib
import sys
import traceback

from playwright.sync_api import expect, sync_playwright

import access_test
import gateway_test
import own_test
from stand_in import PASSWORD, StandIn

TESTS = []
# In milliseconds: longer than a busy machine takes for anything that comes at all.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)
# The answers of a refused sign-in or of a missing saga, which the browser notes by itself.
EXPECTED = tuple(f"status of {status}" for status in (400, 401, 403, 404, 409, 412, 422, 429, 503))

CONTRAST = """() => {
  const parse = (text) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return [255, 255, 255, 1];
  };
  const bad = [];
  for (const element of document.querySelectorAll("#console *, dialog *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest(".hidden, :disabled, [aria-hidden=true] .bar, .left, .flash")) continue;
    const [one, other] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) bad.push(`${ratio.toFixed(2)} ${element.className || element.tagName}: ${element.textContent.slice(0, 40)}`);
  }
  return [...new Set(bad)];
}"""


def test(function):
    TESTS.append(function)
    return function


class Visit:
    """A browser context with one page, which fails the test when something goes wrong in the page."""

    def __init__(self, browser, stand_in, width=1280, scheme="light", shots=None):
        self.stand_in, self.shots, self.scheme, self.width = stand_in, shots, scheme, width
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=stand_in.address)
        self.context.set_default_timeout(PATIENCE)
        self.faults = []
        self.page = self.watch(self.context.new_page())

    def watch(self, page):
        page.on("console", lambda message: self.note(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self.faults.append(f"asked {request.url}")
                if not request.url.startswith((self.stand_in.address, "blob:")) else None)
        return page

    def note(self, kind, text):
        if kind in ("error", "warning") and not any(known in text for known in EXPECTED):
            self.faults.append(text)

    def sign_in(self, path="/console/sagas", who="admin@example.org"):
        self.page.goto(path)
        self.page.fill("#email", who)
        self.page.fill("#password", PASSWORD)
        self.page.click("text=Sign in")
        expect(self.page.locator(".side")).to_be_visible()
        # A hand on the list would hold back what is new.
        self.page.mouse.move(1, 1)
        return self.page

    def shown(self, scheme, width):
        self.scheme, self.width = scheme, width
        self.page.emulate_media(color_scheme=scheme)
        self.page.set_viewport_size({"width": width, "height": 900})

    def shot(self, name):
        if self.shots:
            self.page.screenshot(path=str(self.shots / f"{name}-{self.scheme}-{self.width}.png"), full_page=True)


def rows(page):
    return page.locator("tbody tr")


def pill(page, text):
    return page.locator(".page-head .pill", has_text=text)


@test
def a_wrong_password_is_told_and_the_address_stays(visit):
    page = visit.page
    page.goto("/console/sagas?state=parked")
    page.fill("#email", "admin@example.org")
    page.fill("#password", "wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    expect(page.locator("#password")).to_be_focused()
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(3)
    assert page.url.endswith("?state=parked")


@test
def an_account_without_the_permission_is_told_so(visit):
    page = visit.sign_in(who="user@example.org")
    expect(page.locator(".empty")).to_contain_text("sagas:read")
    visit.shot("forbidden")
    page.locator(".empty button").click()
    expect(page.locator("#email")).to_be_visible()


@test
def a_reload_keeps_the_session_and_the_filter(visit):
    page = visit.sign_in("/console/sagas?state=waiting&name=order.placement")
    expect(rows(page)).to_have_count(4)
    page.reload()
    expect(rows(page)).to_have_count(4)
    expect(page.locator("input[value=waiting]")).to_be_checked()
    assert page.evaluate("localStorage.length") == 0
    assert "access" not in page.evaluate("JSON.stringify(sessionStorage)")


@test
def signing_out_ends_the_session_here_and_there(visit):
    page = visit.sign_in()
    # The page does not wait for the answer.
    with page.expect_response("**/api/v1/auth/logout"):
        page.click("text=Sign out")
    expect(page.locator("#email")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0 and len(visit.stand_in.ended) == 1
    page.reload()
    expect(page.locator("#email")).to_be_visible()


@test
def a_token_that_ends_is_renewed_once_however_many_ask(visit):
    visit.stand_in.mode["ttl"] = 20  # Less than the margin: used up at once.
    page = visit.sign_in()
    expect(rows(page)).to_have_count(50)
    before = visit.stand_in.counts["refresh"]
    visit.stand_in.mode["ttl"] = 900
    page.evaluate("""async () => {
      const { api } = await import("/console/assets/api.js");
      await Promise.all([1, 2, 3, 4, 5].map(() => api.get("/api/v1/sagas", { limit: 1 })));
    }""")
    assert visit.stand_in.counts["refresh"] == before + 1, visit.stand_in.counts
    assert visit.stand_in.counts["reuse"] == 0


@test
def a_duplicated_tab_does_not_use_the_refresh_token_again(visit):
    page = visit.sign_in()
    expect(rows(page)).to_have_count(50)
    copy = visit.watch(visit.context.new_page())
    kept = page.evaluate("sessionStorage.getItem('gravity.console.session')")
    copy.goto("/console/assets/icon.svg")
    copy.evaluate("kept => sessionStorage.setItem('gravity.console.session', kept)", kept)
    copy.goto("/console/sagas")
    expect(rows(copy)).to_have_count(50)
    renew = "async () => { await (await import('/console/assets/session.js')).session.token({ renewed: true }); }"
    for tab in (copy, page, copy):
        tab.evaluate(renew)
    assert visit.stand_in.counts["reuse"] == 0, visit.stand_in.counts
    copy.click("text=Sign out")
    expect(page.locator("#email")).to_be_visible()


@test
def filters_live_in_the_address_and_back_undoes_them(visit):
    page = visit.sign_in()
    page.locator(".chip", has_text="Parked").click()
    expect(rows(page)).to_have_count(3)
    assert page.url.endswith("?state=parked")
    subject = page.locator(".subject").first.inner_text()
    page.fill("#subject", subject)
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(page.locator("#subject")).to_be_focused()
    rows(page).first.locator("a").click()
    expect(page.locator("h1")).to_have_text("order.placement")
    page.click(".crumb a")
    expect(rows(page)).to_have_count(1)
    page.go_back()
    expect(rows(page)).to_have_count(3)
    page.go_back()
    expect(rows(page)).to_have_count(50)


@test
def a_sagas_own_id_is_found_too(visit):
    saga = next(saga for saga in visit.stand_in.sagas.all.values() if saga["state"] == "waiting")
    page = visit.sign_in(f"/console/sagas?subject={saga['id']}")
    page.click(".hint a")
    expect(page.locator(".summary")).to_contain_text("payment.moved")


@test
def pages_lead_on_and_back(visit):
    page = visit.sign_in()
    seen = []
    for _ in range(3):
        expect(rows(page)).to_have_count(50)
        seen.append(rows(page).first.inner_text())
        first = rows(page).first.locator(".subject").inner_text()
        page.click("text=Older")
        expect(rows(page).first.locator(".subject")).not_to_have_text(first)
    assert len(set(seen)) == 3
    page.click("text=Newer")
    expect(rows(page).first).to_contain_text(seen[2].split("\n")[1])
    page.reload()
    expect(rows(page).first).to_contain_text(seen[2].split("\n")[1])


@test
def what_happens_is_shown_as_it_happens(visit):
    page = visit.sign_in()
    expect(page.locator(".live")).to_have_text("Live")
    saga = visit.stand_in.sagas.add("running")
    visit.stand_in.publish(saga)
    expect(rows(page).first).to_contain_text(saga["subject"])
    expect(rows(page).first).to_contain_text("Running")
    visit.stand_in.sagas.move(saga, "parked")
    visit.stand_in.publish(saga)
    expect(rows(page).first).to_contain_text("Parked")
    expect(page.locator(".chip .badge")).to_have_text("4")


@test
def rows_do_not_move_under_the_mouse(visit):
    page = visit.sign_in()
    expect(page.locator(".live")).to_have_text("Live")
    # Before, there is nothing to be over.
    expect(rows(page)).to_have_count(50)
    page.mouse.move(600, 500)
    page.mouse.move(604, 504)
    first = rows(page).first.locator(".subject").inner_text()
    for _ in range(2):
        visit.stand_in.publish(visit.stand_in.sagas.add("completed"))
    expect(page.locator(".held")).to_have_text("Show 2 new sagas")
    expect(rows(page).first).to_contain_text(first)
    rows(page).nth(1).locator("a").focus()
    page.locator(".held").dispatch_event("click")
    expect(rows(page).nth(2)).to_contain_text(first)
    expect(rows(page).nth(3).locator("a")).to_be_focused()
    expect(page.locator(".held")).to_be_hidden()


@test
def what_was_missed_while_away_is_there_after_a_reconnection(visit):
    page = visit.sign_in()
    expect(page.locator(".live")).to_have_text("Live")
    visit.stand_in.mode["events"] = False
    visit.stand_in.cut()
    expect(page.locator(".live")).to_have_text("Reconnecting…")
    saga = visit.stand_in.sagas.add("completed")
    visit.stand_in.mode["events"] = True
    expect(page.locator(".live")).to_have_text("Live")
    expect(rows(page).first).to_contain_text(saga["subject"])


@test
def a_parked_saga_says_why_and_is_tried_again(visit):
    page = visit.sign_in("/console/sagas?state=parked")
    rows(page).first.locator("a").click()
    expect(page.locator(".summary")).to_contain_text("13 attempts")
    expect(page.locator(".summary .cause")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("main img").count() == 0
    expect(page.locator(".run summary")).to_contain_text("8 times alike")
    page.locator(".run summary").click()
    expect(page.locator(".run .attempt")).to_have_count(8)
    page.click("text=Try again now")
    expect(page.get_by_role("dialog")).to_contain_text("Try capture again?")
    page.keyboard.press("Escape")
    expect(pill(page, "Parked")).to_be_visible()
    page.click(".page-head >> text=Try again now")
    page.get_by_role("dialog").locator("text=Try again now").click()
    expect(pill(page, "Running")).to_be_visible()
    expect(page.locator(".page-head .primary")).to_be_hidden()
    saga = visit.stand_in.sagas.all[page.url.split("/")[-1]]
    visit.stand_in.sagas.move(saga, "completed")
    visit.stand_in.publish(saga)
    expect(pill(page, "Completed")).to_be_visible()


@test
def who_was_slower_at_trying_again_is_told(visit):
    page = visit.sign_in("/console/sagas?state=parked")
    rows(page).first.locator("a").click()
    page.click("text=Try again now")
    visit.stand_in.sagas.all[page.url.split("/")[-1]].update(state="running")
    page.get_by_role("dialog").locator("text=Try again now").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Only a parked saga")


@test
def a_reader_sees_that_trying_again_is_not_theirs(visit):
    page = visit.sign_in("/console/sagas?state=parked", who="reader@example.org")
    rows(page).first.locator("a").click()
    expect(page.locator(".page-head .primary")).to_be_disabled()


@test
def errors_and_emptiness_say_what_to_do(visit):
    visit.stand_in.mode["fail"] = True
    page = visit.sign_in()
    expect(page.locator(".failure")).to_contain_text("The service cannot do this now")
    expect(page.locator(".failure")).to_contain_text("request 019ab-77")
    visit.shot("failure")
    visit.stand_in.mode.update(fail=False, empty=True)
    page.locator(".failure button").click()
    expect(page.locator(".empty")).to_contain_text("No saga yet")
    visit.shot("nothing")
    visit.stand_in.mode["empty"] = False
    page.goto("/console/sagas?subject=none")
    page.click("text=Clear the filter")
    expect(rows(page)).to_have_count(50)
    page.goto("/console/sagas/00000000-0000-7000-8000-000000000000")
    expect(page.locator(".empty")).to_contain_text("No such saga")
    page.goto("/console/nowhere")
    expect(page.locator(".empty")).to_contain_text("no such page")
    page.goto("/console/sagas?state=nonsense")
    expect(page.locator(".failure")).to_contain_text("not valid")


@test
def the_keyboard_is_enough(visit):
    page = visit.page
    page.goto("/console/")
    expect(page.locator("#email")).to_be_focused()
    page.keyboard.type("admin@example.org")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(50)
    page.reload()
    expect(rows(page)).to_have_count(50)
    order = []
    for _ in range(20):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id || document.activeElement.ariaLabel"))
        ring = page.evaluate("""() => { const at = document.activeElement;
          const style = getComputedStyle(at.type === "radio" ? at.nextElementSibling : at);
          return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2; }""")
        assert ring, f"no visible focus on {order[-1]}"
    assert order[:3] == ["To the content", "Gravity", "Sagas"] and "subject" in order and "order.placement" in order, order
    page.locator("input[name=state]:checked").focus()
    page.keyboard.press("ArrowRight")
    expect(rows(page)).to_have_count(3)
    expect(page.locator("input[value=parked]")).to_be_focused()
    page.locator(".row-link").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    page.locator(".page-head .primary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".page-head .primary")).to_be_focused()


@test
def the_theme_is_remembered(visit):
    page = visit.sign_in()
    page.select_option(".theme", "dark")
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.reload()
    expect(rows(page)).to_have_count(50)
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == dark
    page.select_option(".theme", "system")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != dark
    assert page.evaluate("localStorage.length") == 0


def every_page(visit):
    page = visit.page
    page.goto("/console/")
    expect(page.locator("#email")).to_be_visible()
    yield "sign-in"
    visit.sign_in()
    expect(rows(page)).to_have_count(50)
    yield "list"
    for state in ("parked", "waiting", "compensating", "running", "compensated"):
        page.goto(f"/console/sagas?state={state}")
        page.locator(".row-link").first.click()
        expect(page.locator(".step").first).to_be_visible()
        yield state
    page.goto("/console/sagas?subject=none")
    expect(page.locator(".empty")).to_be_visible()
    yield "no-fit"


def looks(pages, what):
    """That each page can be read in both themes and at every width: one visit, in which the window changes."""
    def check(visit):
        access_test.refusals_apart(visit)
        for name in pages(visit):
            for scheme, width in LOOKS:
                look(visit, name, scheme, width)
            visit.shown(*LOOKS[0])

    check.__name__ = f"{what}_can_be_read"
    return check


def look(visit, name, scheme, width):
    visit.shown(scheme, width)
    visit.shot(name)
    where = f"{name}, {scheme}, {width} pixels wide"
    bad = visit.page.evaluate(CONTRAST)
    assert not bad, f"{where}: too little contrast: {bad}"
    wide = visit.page.evaluate("""Math.max(document.documentElement.scrollWidth - innerWidth,
      ...[...document.querySelectorAll("dialog")].map((e) => e.scrollWidth - e.clientWidth))""")
    assert wide <= 0, f"{where}: {wide} pixels too wide"
    nameless = visit.page.evaluate("""() => [...document.querySelectorAll("button, a[href], input, select")]
      .filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map((e) => e.outerHTML)""")
    assert not nameless, f"{where}: no name: {nameless}"


LOOKS = [("light", 1280), ("light", 1600), ("light", 390), ("dark", 390), ("dark", 1280)]
for pages, what in ((every_page, "every_page"), (access_test.every_page, "every_page_of_access"), (own_test.every_page, "every_page_of_ones_own"),
                    (gateway_test.every_page, "every_page_of_a_gateway")):
    test(looks(pages, what))
TESTS += access_test.TESTS + own_test.TESTS + gateway_test.TESTS


@test
def the_menu_of_a_narrow_screen_opens_and_closes(visit):
    page = visit.sign_in()
    expect(page.locator("nav[aria-label=Pages]")).to_be_hidden()
    page.click(".menu-button")
    expect(page.locator("text=Sign out")).to_be_visible()
    expect(page.locator(".menu-button")).to_have_attribute("aria-expanded", "true")
    visit.shot("menu")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator("nav[aria-label=Pages]")).to_be_hidden()
    expect(page.locator(".menu-button")).to_be_focused()


the_menu_of_a_narrow_screen_opens_and_closes.options = {"width": 390}


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--browser", help="Chromium's executable; else the one that playwright has installed")
    options.add_argument("--console", help="a running console service to take the files from")
    options.add_argument("--shots", type=pathlib.Path, help="where to put pictures")
    options.add_argument("--only", help="tests with this in their name")
    options.add_argument("--slow", type=float, default=0, metavar="SECONDS",
                         help="let every answer of the API wait for up to this long, before and after it is made")
    options = options.parse_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    passed, failed = 0, 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
        for function in TESTS:
            name = function.__name__.replace("_", " ")
            if options.only and options.only not in name:
                continue
            stand_in = StandIn(options.console, slow=options.slow)
            visit = Visit(browser, stand_in, shots=options.shots, **getattr(function, "options", {}))
            try:
                function(visit)
                assert not visit.faults, visit.faults
                passed += 1
                print("ok     ", name, flush=True)
            except Exception:
                failed += 1
                print("FAILED ", name, visit.faults, flush=True)
                traceback.print_exc()
                if options.shots:
                    with contextlib.suppress(Exception):
                        visit.page.screenshot(path=str(options.shots / f"failed-{function.__name__}.png"))
            finally:
                visit.context.close()
                stand_in.cut()
                stand_in.server.shutdown()
        browser.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
