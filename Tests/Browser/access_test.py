"""Accounts, roles, clients, keys and mail in a real browser; run by console_test.py."""
from playwright.sync_api import expect

from stand_in_access import MAIL, ordered_id

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def rows(page):
    return page.locator("tbody tr")


def dialog(page):
    return page.get_by_role("dialog")


def accept(page, label):
    dialog(page).get_by_role("button", name=label, exact=True).click()


def no_markup(page):
    assert page.locator("main img").count() == 0, "text became markup"


def refusals_apart(visit):
    """What the frame of a mail refuses is said in the browser's log: no fault of the page's."""
    refusals = []

    def note(kind, text, note=visit.note):
        if any(word in text for word in ("Content Security Policy", "is sandboxed", "frame-ancestors")):
            return refusals.append(text)
        return note(kind, text)

    visit.note = note
    return refusals


def looked_again(visit, path):
    """Waits until the page has asked for it once more."""
    def count():
        return sum(path in asked for asked in visit.stand_in.asked)

    before = count()
    for _ in range(600):
        if count() > before:
            return
        visit.page.wait_for_timeout(100)
    raise AssertionError(f"{path} was not asked for again")


@test
def accounts_are_found_and_the_filter_is_in_the_address(visit):
    page = visit.sign_in("/console/accounts")
    expect(rows(page)).to_have_count(50)
    expect(rows(page).first).to_contain_text("u129@example.org")
    page.click("text=Older")
    expect(rows(page).first).to_contain_text("u79@example.org")
    page.reload()
    expect(rows(page).first).to_contain_text("u79@example.org")
    page.click("text=Newer")
    expect(rows(page).first).to_contain_text("u129@example.org")
    page.fill("#filter-q", "u12@")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(page.locator("#filter-q")).to_be_focused()
    assert "q=u12%40" in page.url
    page.locator(".chip", has_text="Suspended").click()
    expect(page.locator(".empty")).to_contain_text("No account fits")
    page.go_back()
    expect(rows(page)).to_have_count(1)
    page.goto("/console/accounts?q=ad")
    expect(page.locator("#by-name")).to_be_visible()
    page.locator(".plain-list a").click()
    expect(page.locator("h1")).to_have_text("Ada <img src=x onerror=alert(1)>")
    page.goto(f"/console/accounts?q={ordered_id(7)}")
    expect(page.locator("h1")).to_have_text("User 7")


@test
def an_account_is_suspended_with_a_reason_and_reinstated(visit):
    data = visit.stand_in.access_data
    page = visit.sign_in(f"/console/accounts/{data.ada}")
    expect(page.locator("section", has_text="Open sessions").locator("tbody tr")).to_have_count(2)
    expect(rows(page).first).to_contain_text("Firefox on Linux")
    page.get_by_role("button", name="Suspend").click()
    expect(dialog(page)).to_contain_text("2 sessions end")
    page.keyboard.press("Escape")
    assert data.accounts[data.ada]["status"] == "active"
    expect(page.get_by_role("button", name="Suspend")).to_be_focused()
    page.get_by_role("button", name="Suspend").click()
    dialog(page).locator("input").fill("<b>spam</b>")
    accept(page, "Suspend")
    expect(page.locator(".summary")).to_contain_text("Reason: <b>spam</b>")
    expect(page.locator(".page-head .pill")).to_have_text("Suspended")
    expect(page.locator(".none").first).to_contain_text("Nobody is signed in")
    page.get_by_role("button", name="Reinstate").click()
    accept(page, "Reinstate")
    expect(page.locator(".page-head .pill")).to_have_text("Active")
    no_markup(page)


@test
def who_changes_an_account_that_another_has_changed_is_told(visit):
    data = visit.stand_in.access_data
    page = visit.sign_in(f"/console/accounts/{data.ada}")
    page.get_by_role("button", name="Suspend").click()
    data.accounts[data.ada]["version"] += 1
    accept(page, "Suspend")
    expect(dialog(page).get_by_role("alert").last).to_contain_text("Somebody else has changed it meanwhile")
    assert data.accounts[data.ada]["status"] == "active"


@test
def roles_are_given_and_what_the_server_refuses_is_explained(visit):
    data = visit.stand_in.access_data
    page = visit.sign_in(f"/console/accounts/{data.ada}")
    page.get_by_role("button", name="Change roles").click()
    box = dialog(page).get_by_role("checkbox", name="support")
    box.check()
    accept(page, "Save")
    expect(page.locator(".facts")).to_contain_text("support")
    assert sorted(data.accounts[data.ada]["roles"]) == ["support", "user"]
    page.get_by_role("button", name="Change roles").click()
    for name in ("support", "user"):
        dialog(page).get_by_role("checkbox", name=name).uncheck()
    accept(page, "Save")
    expect(dialog(page).get_by_role("alert").last).to_contain_text("Give another account the role admin first")
    expect(dialog(page).get_by_role("alert").last).to_contain_text("request 019ab-77")


@test
def sessions_are_ended_one_by_one_or_all(visit):
    data = visit.stand_in.access_data
    page = visit.sign_in(f"/console/accounts/{data.ada}")
    rows(page).first.get_by_role("button").click()
    expect(dialog(page)).to_contain_text("Firefox on Linux at 192.0.2.1")
    accept(page, "End it")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="End all").click()
    accept(page, "End all")
    expect(page.locator(".none").first).to_contain_text("Nobody is signed in")
    assert data.sessions[data.ada] == []


@test
def a_lost_second_factor_is_taken_away(visit):
    data = visit.stand_in.access_data
    security = data.security[data.ada]
    page = visit.sign_in(f"/console/accounts/{data.ada}")
    expect(page.get_by_role("button", name="Suspend")).to_be_visible()
    expect(page.get_by_role("button", name="Reset")).to_have_count(0)
    security["passkeys"] = 2
    page.get_by_role("button", name="Refresh").click()
    page.get_by_role("button", name="Reset passkeys").click()
    page.keyboard.press("Escape")
    security["has_second_factor"] = True
    page.get_by_role("button", name="Refresh").click()
    page.get_by_role("button", name="Reset second factor").click()
    expect(dialog(page)).to_contain_text("Their passkeys go with it")
    security.update(has_second_factor=False, passkeys=0)
    accept(page, "Take away")
    expect(dialog(page)).to_contain_text("The account has no second factor")
    security["has_second_factor"] = True
    accept(page, "Take away")
    expect(page.locator(".none").first).to_contain_text("Nobody is signed in")
    expect(page.get_by_role("button", name="Reset")).to_have_count(0)


@test
def nothing_is_deleted_before_the_address_is_typed(visit):
    data = visit.stand_in.access_data
    page = visit.sign_in(f"/console/accounts/{data.ada}")
    page.get_by_role("button", name="Delete").click()
    accept(page, "Delete for good")
    expect(dialog(page)).to_contain_text("It is not the address")
    assert data.accounts[data.ada]["status"] == "active"
    dialog(page).locator("input").fill("ada@example.org")
    accept(page, "Delete for good")
    expect(page.locator(".page-head .pill")).to_have_text("Deleted")


@test
def an_unverified_account_is_mailed_again(visit):
    page = visit.sign_in(f"/console/accounts/{ordered_id(5)}")
    page.get_by_role("button", name="Mail the token again").click()
    accept(page, "Mail it")
    expect(page.locator(".notice")).to_contain_text("on its way")


@test
def a_reader_may_look_and_nothing_else(visit):
    data = visit.stand_in.access_data
    data.security[data.ada]["has_second_factor"] = True
    page = visit.sign_in(f"/console/accounts/{data.ada}", who="reader@example.org")
    for name in ("Suspend", "Delete", "Change roles", "Reset second factor", "End all"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    page.goto("/console/clients/new")
    expect(page.locator(".empty")).to_contain_text("clients:write")
    page.goto("/console/accounts/00000000-0000-7000-8000-000000000000")
    expect(page.locator(".empty")).to_contain_text("No such account")


@test
def a_role_is_made_changed_and_deleted(visit):
    data = visit.stand_in.access_data
    page = visit.sign_in("/console/roles")
    expect(rows(page)).to_have_count(4)
    expect(rows(page).filter(has_text="user").last).to_contain_text("130")
    page.click("text=New role")
    page.get_by_label("Name", exact=True).fill("Night Shift")
    page.get_by_role("button", name="Make the role").click()
    expect(page.locator(".field-error").first).to_contain_text("a–z")
    page.get_by_label("Name", exact=True).fill("night_shift")
    page.get_by_role("checkbox", name="accounts:read").check()
    page.get_by_label("Another one").fill("orders")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("It must be resource:action")
    page.get_by_label("Another one").fill("orders:*")
    page.keyboard.press("Enter")
    expect(page.locator(".extras")).to_contain_text("everything on orders, also actions that are added later")
    page.get_by_role("button", name="Make the role").click()
    expect(page.locator("h1")).to_have_text("night_shift")
    assert data.roles["night_shift"]["permissions"] == ["accounts:read", "orders:*"]
    data.accounts[data.ada]["roles"].append("night_shift")
    page.click("text=Edit")
    page.get_by_role("checkbox", name="accounts:read").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(dialog(page)).to_contain_text("Takes: accounts:read")
    expect(dialog(page)).to_contain_text("1 account")
    accept(page, "Save")
    expect(page.locator("h1")).to_have_text("night_shift")
    assert data.roles["night_shift"]["permissions"] == ["orders:*"]
    page.get_by_role("button", name="Delete").click()
    expect(dialog(page)).to_contain_text("taken from 1 account")
    accept(page, "Delete")
    expect(rows(page)).to_have_count(4)
    page.goto("/console/roles/admin/edit")
    expect(page.locator("main")).to_contain_text("cannot be changed")


GOOD = ["https://a.example/cb", "https://a.example:444/cb?x=1", "http://127.0.0.1/cb", "http://[::1]:1/cb", "http://localhost:3000/cb",
        "com.example.app:/cb"]
# As Tests/AuthServerTests/ClientTests.swift has them.
BAD = ["", "https://", "https:///x", "http://example.org/", "http://127.0.0.1.example.org/", "http://127.0.0.1@evil/",
       "https://a.example\\@evil/", "https://a.example/ x", "https://a.example/#f", "data:text/html,x", "file:///etc",
       "myapp:/cb", "HTTPS://a.example/", "//a.example/", "/cb", "https://ä.example/", "https://u@a.example/"]


@test
def redirect_uris_are_judged_as_the_server_does(visit):
    page = visit.sign_in("/console/clients/new")
    told = page.evaluate("""async (uris) => {
      const { redirectURIError } = await import("/console/assets/redirect-uri.js");
      return uris.map(redirectURIError);
    }""", GOOD + BAD)
    assert told[:len(GOOD)] == [None] * len(GOOD), told
    assert all(told[len(GOOD):]), [uri for uri, word in zip(BAD, told[len(GOOD):]) if not word]


@test
def a_client_is_made_its_secret_shown_once_and_rotated(visit):
    data = visit.stand_in.access_data
    page = visit.sign_in("/console/clients")
    expect(page.locator(".empty")).to_contain_text("No client yet")
    page.locator(".page-head >> text=New client").click()
    page.get_by_label("Name", exact=True).fill("Shop")
    address = page.get_by_label("Redirect URI", exact=True)
    address.press_sequentially("http://shop.example/")
    expect(page.locator(".uri-line .field-error")).to_contain_text("http is for this machine only")
    page.get_by_role("button", name="Make the client").click()
    expect(address).to_be_focused()
    assert not data.clients
    address.fill("https://shop.example/refuse")
    page.get_by_role("button", name="Make the client").click()
    expect(page.locator(".uri-line .field-error")).to_contain_text("It must be https")
    address.fill("https://shop.example/cb")
    page.get_by_role("button", name="Make the client").click()
    secret = dialog(page).get_by_label("Client secret", exact=True)
    expect(secret).to_have_value("gcs_first-secret")
    page.keyboard.press("Escape")
    expect(secret).to_be_visible()
    accept(page, "I have kept it")
    expect(page.locator("h1")).to_have_text("Shop")
    assert "gcs_first-secret" not in page.content()
    page.get_by_role("button", name="Rotate").click()
    accept(page, "Make it")
    expect(dialog(page).get_by_label("Client secret", exact=True)).to_have_value("gcs_second-secret")
    accept(page, "I have kept it")
    expect(page.get_by_role("button", name="Rotate")).to_be_disabled()
    expect(page.locator(".with-tool")).to_have_count(2)
    page.locator(".with-tool", has_text="Former secret").get_by_role("button").click()
    accept(page, "Delete")
    expect(page.locator(".with-tool")).to_have_count(1)
    page.get_by_role("button", name="Switch off").click()
    accept(page, "Switch off")
    expect(page.locator(".page-head .pill")).to_have_text("Off")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Shop front")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Shop front")
    page.get_by_role("button", name="Delete").last.dispatch_event("click")
    page.keyboard.press("Escape")
    page.locator(".page-head").get_by_role("button", name="Delete").click()
    accept(page, "Delete for good")
    expect(page.locator(".empty")).to_contain_text("No client yet")


@test
def a_client_that_came_with_the_platform_is_switched_off_and_nothing_else(visit):
    data = visit.stand_in.access_data
    made = data.create_client({"name": "Console", "authentication": "none", "grants": ["authorization_code"], "scopes": ["*:*", "account"],
                               "redirect_uris": ["https://id.example.org/console/signed-in"], "post_logout_redirect_uris": [],
                               "first_party": True})[1]["client"]
    made["built_in"] = True
    page = visit.sign_in("/console/clients")
    expect(rows(page).first.locator(".tag")).to_have_text("built in")
    rows(page).first.locator("a").click()
    for name in ("Edit", "Delete"):
        expect(page.locator(".page-head").get_by_role("button", name=name)).to_be_disabled()
    expect(page.locator(".facts")).to_contain_text("by it people sign in to this console with other providers")
    page.get_by_role("button", name="Switch off").click()
    expect(dialog(page)).to_contain_text("Whoever did stays signed in")
    accept(page, "Switch off")
    expect(page.locator(".page-head .pill")).to_have_text("Off")
    assert not made["enabled"]


@test
def a_service_has_no_redirect_uri(visit):
    page = visit.sign_in("/console/clients/new")
    page.get_by_label("Name", exact=True).fill("Sync")
    page.get_by_role("radio", name="Service or script").check()
    expect(page.get_by_label("Redirect URI", exact=True)).to_be_hidden()
    page.get_by_role("checkbox", name="orders:read").check()
    page.get_by_role("button", name="Make the client").click()
    accept(page, "I have kept it")
    made = next(iter(visit.stand_in.access_data.clients.values()))
    assert made["grants"] == ["client_credentials"] and made["scopes"] == ["orders:read"] and made["redirect_uris"] == [], made


@test
def a_key_is_made_shown_once_and_revoked(visit):
    data = visit.stand_in.access_data
    page = visit.sign_in("/console/keys")
    page.locator(".page-head >> text=New key").click()
    dialog(page).get_by_label("Name", exact=True).fill("backup")
    accept(page, "Make the key")
    expect(dialog(page)).to_contain_text("Choose at least one thing")
    dialog(page).get_by_role("checkbox", name="orders:read").check()
    accept(page, "Make the key")
    expect(dialog(page).get_by_label("API key", exact=True)).to_have_value("gk_the-secret")
    accept(page, "I have kept it")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("never")
    assert data.keys[0]["scopes"] == ["orders:read"] and data.keys[0]["expires_at"]
    assert "gk_the-secret" not in page.content()
    rows(page).first.get_by_role("button").click()
    accept(page, "Revoke")
    expect(page.locator(".empty")).to_contain_text("no API key")


@test
def ones_own_sessions_and_password(visit):
    page = visit.sign_in("/console/me", who="user@example.org")
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("This one")
    page.get_by_role("button", name="End all others").click()
    accept(page, "End them")
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Current password").fill("wrong horse")
    page.get_by_label("New password", exact=True).fill("short")
    page.get_by_label("New password again").fill("other")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("form")).to_contain_text("at least 8 characters")
    expect(page.locator("form")).to_contain_text("It is not the same")
    for label in ("New password", "New password again"):
        page.get_by_label(label, exact=True).fill("violet cactus ladder")
    page.get_by_role("button", name="Change password").click()
    accept(page, "Change it")
    expect(dialog(page)).to_contain_text("The current password is wrong")
    page.keyboard.press("Escape")
    page.get_by_label("Current password").fill("correct horse")
    page.get_by_role("button", name="Change password").click()
    accept(page, "Change it")
    expect(page.locator(".notice")).to_contain_text("The password is changed")
    expect(page.get_by_label("Current password")).to_have_value("")


@test
def mail_is_listed_filtered_and_tried_again(visit):
    data = visit.stand_in.access_data
    page = visit.sign_in("/console/mail")
    expect(rows(page)).to_have_count(50)
    expect(page.locator(".live")).to_have_text("Live")
    expect(page.locator(".chip", has_text="Given up")).to_contain_text("1")
    page.locator(".chip", has_text="Given up").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("421 4.3.2")
    rows(page).first.locator("a").click()
    expect(page.locator(".summary")).to_contain_text("every attempt failed")
    refusals_apart(visit)
    expect(page.locator(".event")).to_have_count(5)
    page.get_by_role("button", name="Try again now").click()
    accept(page, "Try again")
    expect(page.locator(".page-head .pill")).to_have_text("Queued")
    data.deliveries[0].update(state="sent", recipient="ada@example.org", subject="It arrived", sent_at=data.deliveries[0]["created_at"])
    # Looked at again by itself while it is under way.
    expect(page.locator("h1")).to_have_text("It arrived")


@test
def new_mail_appears_by_itself_and_dead_letters_are_tried_together(visit):
    data = visit.stand_in.access_data
    page = visit.sign_in("/console/mail")
    expect(rows(page).first).to_contain_text("Given up")
    page.get_by_role("button", name="Try those given up again").click()
    accept(page, "Try again")
    expect(rows(page).first).to_contain_text("Queued")
    # A dialog that closes gives the focus back to the button that opened it.
    expect(dialog(page)).to_be_hidden()
    # Before there is anything new: rows stay while one of them has the focus.
    page.locator(".row-link").first.focus()
    data.deliveries.insert(0, {**data.deliveries[-1], "id": ordered_id(9_000), "notification_id": ordered_id(9_001), "subject": "Brand new"})
    row = data.deliveries[0]
    looked_again(visit, "/notifications/statistics")
    expect(rows(page).first).not_to_contain_text("Brand new")
    page.locator("h1").focus()
    page.mouse.move(1, 1)
    expect(rows(page).first).to_contain_text(row["subject"])
    visit.stand_in.mode["fail"] = True
    expect(page.locator(".live")).to_have_text("Reconnecting…")
    expect(rows(page).first).to_contain_text("Brand new")
    visit.stand_in.mode["fail"] = False
    expect(page.locator(".live")).to_have_text("Live")


@test
def a_mails_html_does_nothing(visit):
    row = next(one for one in visit.stand_in.access_data.deliveries if one["state"] == "sent")
    noted = refusals_apart(visit)
    page = visit.sign_in(f"/console/mail/{row['notification_id']}")
    frame = page.frame_locator(".mail-frame")
    expect(frame.locator("b")).to_have_text("Ada")
    assert "<script>" in MAIL and page.evaluate("window.hacked") is None
    assert frame.locator("b").evaluate("b => getComputedStyle(b).color") == "rgb(176, 0, 32)", "styles in the mail are drawn"
    expect(frame.locator("a")).to_have_attribute("title", "https://elsewhere.example/track")
    assert frame.locator("a").get_attribute("href") is None
    frame.locator("button").click()
    frame.locator("a").click()
    page.wait_for_timeout(300)
    # Other hosts would be among the visit's faults.
    assert "/console/assets/mail-frame.html" in visit.stand_in.asked
    assert not [path for path in visit.stand_in.asked if "leak" in path], visit.stand_in.asked
    assert page.url.endswith(row["notification_id"]) and page.evaluate("window.hacked") is None
    assert any("img-src" in text for text in noted), noted
    page.locator(".chip", has_text="Text").click()
    expect(page.locator(".mail-text")).to_contain_text("Hello, Ada <img src=x onerror=alert(1)>")
    expect(page.locator(".mail-frame")).to_be_hidden()
    no_markup(page)


@test
def a_suppressed_address_is_told_and_removed(visit):
    page = visit.sign_in("/console/mail?recipient=gone@example.org")
    expect(page.locator(".warning")).to_contain_text("Nothing is sent to gone@example.org")
    page.locator(".warning a").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("no such mailbox")
    rows(page).first.get_by_role("button").click()
    accept(page, "Remove from the list")
    expect(page.locator(".empty")).to_contain_text("No address is suppressed")
    page.get_by_role("button", name="Suppress an address").click()
    dialog(page).get_by_label("Address").fill("no@example.org")
    accept(page, "Suppress")
    expect(rows(page).first).to_contain_text("no@example.org")


@test
def lists_that_fail_say_so_and_are_tried_again(visit):
    page = visit.sign_in("/console/accounts")
    expect(rows(page)).to_have_count(50)
    for path, title in (("accounts", "Accounts"), ("roles", "Roles"), ("clients", "Clients"), ("keys", "API keys"), ("mail", "Mail"),
                        ("me", "Your account"), ("data", "Your data"), ("teams", "Teams")):
        visit.stand_in.mode["fail"] = True
        page.goto(f"/console/{path}")
        expect(page.locator("h1")).to_have_text(title)
        expect(page.locator(".failure")).to_contain_text("The service cannot do this now")
        expect(page.locator(".failure")).to_contain_text("request 019ab-77")
        visit.stand_in.mode["fail"] = False
        page.locator(".failure button").click()
        expect(page.locator(".failure")).to_have_count(0)


def every_page(visit):
    """Yields after each page, for what has to hold on all of them."""
    data, page = visit.stand_in.access_data, visit.page
    data.create_client({"name": "Shop", "authentication": "client_secret_basic", "grants": ["authorization_code"],
                        "scopes": ["openid", "orders:*"], "redirect_uris": ["https://shop.example/" + "x" * 120],
                        "post_logout_redirect_uris": [], "first_party": False})
    data.create_secret(ordered_id(5_000))
    data.create_key({"name": "backup", "scopes": ["orders:*"]})
    data.accounts[data.ada]["status"] = "suspended"
    visit.sign_in("/console/me")
    for name, path, sign in (
        ("me", "me", "tbody tr"), ("accounts", "accounts", "tbody tr"), ("account", f"accounts/{data.ada}", ".summary"),
        ("roles", "roles", "tbody tr"), ("role", "roles/support", ".plain-list"), ("role-edit", "roles/support/edit", ".editor"),
        ("clients", "clients", "tbody tr"), ("client", f"clients/{ordered_id(5_000)}", ".with-tool"), ("client-new", "clients/new", ".editor"),
        ("keys", "keys", "tbody tr"), ("mail", "mail", "tbody tr"), ("suppressions", "mail/suppressions", "tbody tr"),
        ("message", f"mail/{data.deliveries[5]['notification_id']}", ".mail-frame"),
        ("dead-letter", f"mail/{data.deliveries[0]['notification_id']}", ".summary"),
    ):
        page.goto(f"/console/{path}")
        expect(page.locator(sign).first).to_be_visible()
        yield name
    page.goto("/console/keys")
    page.locator(".page-head >> text=New key").click()
    expect(dialog(page)).to_be_visible()
    yield "key-new"
