"""The page of a gateway in a real browser; run by console_test.py."""
import re

from playwright.sync_api import expect

from access_test import accept, dialog, looked_again, no_markup, rows

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def part(page, name):
    return page.get_by_role("region", name=name, exact=True)


def row(page, section, text):
    return rows(part(page, section)).filter(has_text=text)


def told(page, section, text):
    """The cells of a row, by the names of their columns."""
    return {cell.get_attribute("data-label"): cell.inner_text() for cell in row(page, section, text).first.locator("td").all()}


def open_page(visit, who="admin@example.org"):
    page = visit.sign_in("/console/gateway", who)
    expect(page.locator(".live")).to_have_text("Live")
    expect(rows(part(page, "Instances"))).to_have_count(len(visit.stand_in.gateway.instances))
    return page


@test
def a_gateway_shows_what_there_is(visit):
    page = open_page(visit)
    expect(page.locator(".facts")).to_contain_text("127.0.0.1:8000")
    expect(page.locator(".facts")).to_contain_text("routes.yaml")
    # More than one page of the list.
    expect(rows(part(page, "Routes"))).to_have_count(104)
    expect(part(page, "Routes").locator(".section-head")).to_contain_text("104 routes")
    orders = told(page, "Routes", "/api/orders/{id}")
    assert "GET, POST · *.example.org/api/orders/{id} · x-plan: <img src=x onerror=alert(1)> · no x-beta" in orders["Route"], orders
    assert (orders["Access"], orders["Service"], orders["4xx, 5xx"]) == ("orders:read", "orders", "176, 75"), orders
    # Of a route that nobody asked for there is nothing to say.
    shop = told(page, "Routes", "shop-99")
    assert (shop["p50"], shop["In all"]) == ("–", "0"), shop
    wanted = {
        "auth-1": ("Up", "Closed"), "auth-2": ("Down", "Open"), "orders-1": ("Up", "Half open"),
        "orders-2": ("Up", "2 of its routes left out"), "orders-3": ("Up", "Ejected"), "site-1": ("Not asked", "Closed"),
    }
    for id, (health, breaker) in wanted.items():
        cells = told(page, "Instances", id)
        assert health in cells["Health"] and breaker in cells["Breaker"], cells
        resettable = id in ("auth-2", "orders-1", "orders-2")
        expect(row(page, "Instances", id).get_by_role("button")).to_have_count(1 if resettable else 0)
    assert re.search(r"\d s left", told(page, "Instances", "auth-2")["Breaker"])
    assert told(page, "Limits", "every one")["Requests"] == "100 in 1.00 s", told(page, "Limits", "every one")
    assert told(page, "Limits", "orders")["Refused"] == "1,203" and "other gateways" in told(page, "Limits", "orders")["Shared"]
    assert told(page, "Limits", "sign-in")["Refused"] == "12 would be"
    no_markup(page)


@test
def a_gateways_traffic_moves_by_itself(visit):
    page = open_page(visit)
    rate = row(page, "Routes", "/api/orders").locator("td[data-label='Requests/s']")
    expect(rate).to_have_text(re.compile(r"^\d+(\.\d)?$"))
    before = told(page, "Routes", "/api/orders")["In all"]
    expect(row(page, "Routes", "/api/orders").locator("td[data-label='In all']")).not_to_have_text(before)
    visit.stand_in.gateway.instances[0].update(health="down", breaker="open")
    expect(row(page, "Instances", "auth-1")).to_contain_text("Down")
    visit.stand_in.gateway.instances.pop()
    expect(rows(part(page, "Instances"))).to_have_count(5)
    # Another one answers: what it has counted is no rate of the first.
    visit.stand_in.gateway.id = "127.0.0.2:8000"
    expect(page.locator(".facts")).to_contain_text("127.0.0.2:8000")


@test
def a_file_of_routes_that_is_refused_is_told(visit):
    visit.stand_in.gateway.refusal = 'routes.yaml:8:5: "timeot" is no key of a route <img src=x onerror=alert(1)>'
    page = open_page(visit)
    expect(page.get_by_role("alert").first).to_contain_text("the former routes stay in force")
    expect(page.get_by_role("alert").first).to_contain_text("routes.yaml:8:5")
    no_markup(page)
    visit.stand_in.gateway.refusal = None
    expect(page.get_by_text("stay in force")).to_have_count(0)


@test
def a_breaker_is_reset_after_a_question(visit):
    gateway = visit.stand_in.gateway
    page = open_page(visit)
    reset = page.get_by_role("button", name="Reset the breaker of auth-2")
    reset.click()
    expect(dialog(page)).to_contain_text("Reset the breaker of auth-2?")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    assert gateway.instances[1]["breaker"] == "open"
    reset.click()
    accept(page, "Reset")
    expect(page.locator(".notice")).to_contain_text("The breaker of auth-2 is closed.")
    expect(row(page, "Instances", "auth-2")).to_contain_text("Closed")
    expect(reset).to_have_count(0)
    # Those of its routes, too.
    page.get_by_role("button", name="Reset the breaker of orders-2").click()
    accept(page, "Reset")
    expect(row(page, "Instances", "orders-2")).not_to_contain_text("left out")
    assert [instance["breaker"] for instance in gateway.instances] == ["closed", "closed", "half_open", "closed", "closed", "closed"]


@test
def a_breaker_that_cannot_be_reset_is_told(visit):
    gateway = visit.stand_in.gateway
    page = open_page(visit)
    page.get_by_role("button", name="Reset the breaker of auth-2").click()
    away = gateway.instances.pop(1)
    accept(page, "Reset")
    expect(dialog(page).get_by_role("alert").last).to_contain_text("No such instance")
    expect(dialog(page).get_by_role("alert").last).to_contain_text("request 019ab-77")
    gateway.instances.insert(1, away)
    accept(page, "Reset")
    expect(dialog(page)).to_have_count(0)
    assert away["breaker"] == "closed"


@test
def a_reader_of_a_gateway_resets_nothing(visit):
    page = open_page(visit, who="reader@example.org")
    for id in ("auth-2", "orders-1", "orders-2"):
        expect(page.get_by_role("button", name=f"Reset the breaker of {id}")).to_be_disabled()
    told = page.evaluate("""async () => {
      const { api } = await import("/console/assets/api.js");
      return api.post("/api/v1/gateway/breakers/reset", { service: "auth", instance: "auth-2" }).then(() => null, (problem) => problem.status);
    }""")
    assert told == 403 and visit.stand_in.gateway.instances[1]["breaker"] == "open"


@test
def a_gateway_is_nobodys_without_the_permission(visit):
    page = visit.sign_in("/console/gateway", who="user@example.org")
    expect(page.locator(".empty")).to_contain_text("gateway:read")
    assert not [path for path in visit.stand_in.asked if path.startswith("/api/v1/gateway")]


@test
def a_gateway_that_fails_says_so_and_comes_back(visit):
    visit.stand_in.mode["fail"] = True
    page = visit.sign_in("/console/gateway")
    expect(page.locator(".failure")).to_contain_text("The service cannot do this now")
    expect(page.locator(".failure")).to_contain_text("request 019ab-77")
    again = page.locator(".failure button")
    again.focus()
    # It is tried again by itself, and the same failure is not drawn anew under whoever is about to press the button.
    for _ in range(2):
        looked_again(visit, "/api/v1/gateway/traffic")
    expect(page.locator(".live")).to_have_text("Reconnecting…")
    expect(again).to_be_focused()
    visit.stand_in.mode["fail"] = False
    page.keyboard.press("Enter")
    expect(rows(part(page, "Instances"))).to_have_count(6)
    expect(page.locator(".failure")).to_have_count(0)
    expect(page.locator(".live")).to_have_text("Live")
    visit.stand_in.mode["fail"] = True
    expect(page.locator(".live")).to_have_text("Reconnecting…")
    # What was known stays.
    expect(rows(part(page, "Instances"))).to_have_count(6)
    visit.stand_in.mode["fail"] = False
    expect(page.locator(".live")).to_have_text("Live")


@test
def a_breaker_is_reset_by_the_keyboard(visit):
    page = open_page(visit)
    reset = page.get_by_role("button", name="Reset the breaker of auth-2")
    page.locator("h1").focus()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.ariaLabel") == "Reset the breaker of auth-2":
            break
    expect(reset).to_be_focused()
    # The time that is left is another at each look: the row is drawn anew, and the focus stays.
    left = told(page, "Instances", "auth-2")["Breaker"]
    expect(row(page, "Instances", "auth-2").locator("td[data-label=Breaker]")).not_to_have_text(left)
    expect(reset).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    dialog(page).get_by_role("button", name="Reset", exact=True).focus()
    page.keyboard.press("Enter")
    expect(row(page, "Instances", "auth-2")).to_contain_text("Closed")
    expect(dialog(page)).to_have_count(0)
    # The button is gone: it goes on from the heading, not from the beginning of the document.
    expect(page.locator("h1")).to_be_focused()


def every_page(visit):
    """Yields after each page, for what has to hold on all of them."""
    gateway = visit.stand_in.gateway
    gateway.all_routes = gateway.all_routes[:6]
    gateway.all_routes[0]["path"] = "/api/" + "x" * 200
    page = open_page(visit)
    yield "gateway"
    page.get_by_role("button", name="Reset the breaker of auth-2").click()
    expect(dialog(page)).to_be_visible()
    yield "gateway-reset"
    page.keyboard.press("Escape")
    gateway.refusal = 'routes.yaml:8:5: "' + "x" * 300 + '" is no key of a route'
    expect(page.locator(".failure")).to_be_visible()
    yield "gateway-refusal"
    visit.stand_in.mode["fail"] = True
    expect(page.locator(".live")).to_have_text("Reconnecting…")
    yield "gateway-away"
    page.reload()
    expect(page.locator(".failure")).to_contain_text("The service cannot do this now")
    yield "gateway-failure"
    visit.stand_in.mode["fail"] = False
