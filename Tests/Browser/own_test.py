"""What is the reader's own, in a real browser: sign-in with a second factor, account, data, teams; run by console_test.py."""
import hashlib
import pathlib
import re

from playwright.sync_api import expect

from access_test import accept, dialog, no_markup, rows
from stand_in import PASSWORD
from stand_in_access import EVIL, ordered_id
from stand_in_own import CODE, ME, RECOVERY, SECRET

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def give_password(visit, path="/console/keys"):
    page = visit.page
    page.goto(path)
    page.fill("#email", "admin@example.org")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    return page


def give_code(page, code):
    page.fill("#code", code)
    page.keyboard.press("Enter")


@test
def a_second_factor_is_asked_for_after_the_password(visit):
    own = visit.stand_in.own
    own.is_enrolled = True
    page = give_password(visit)
    code = page.get_by_label("Code of your authenticator app")
    expect(code).to_be_focused()
    expect(code).to_have_attribute("autocomplete", "one-time-code")
    expect(code).to_have_attribute("inputmode", "numeric")
    expect(page.locator("form")).to_contain_text("admin@example.org")
    page.keyboard.press("Enter")
    expect(page.locator(".field-error")).to_have_text("It is needed.")
    give_code(page, "000000")
    expect(page.locator(".field-error")).to_contain_text("Wait until the app shows the next one")
    expect(code).to_be_focused()
    visit.shot("code-wrong")
    page.get_by_role("button", name="Back to the password").click()
    expect(page.locator("#email")).to_have_value("admin@example.org")
    expect(page.locator("#password")).to_be_focused()
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    own.blocked = 900
    give_code(page, CODE)
    expect(page.locator(".form-message")).to_have_text("Too many attempts. Try again in 15 min.")
    own.blocked = 0
    page.keyboard.press("Enter")
    expect(page.locator(".page-head h1")).to_have_text("API keys")


@test
def a_recovery_code_stands_in_for_the_app_once(visit):
    own = visit.stand_in.own
    own.is_enrolled, own.spent = True, {RECOVERY}
    page = give_password(visit)
    page.get_by_role("button", name="Use a recovery code").click()
    expect(page.get_by_label("Recovery code")).to_be_focused()
    give_code(page, RECOVERY)
    expect(page.locator(".field-error")).to_contain_text("Take another one")
    own.spent = set()
    page.keyboard.press("Enter")
    expect(page.locator(".page-head h1")).to_have_text("API keys")


# No passkey can be used at an IP address: the browser's part is made up.
PASSKEYS = """navigator.credentials.create = navigator.credentials.get = async () => {
  if (window.cancels) throw new DOMException("", "NotAllowedError");
  return { toJSON: () => ({ id: window.passkey ?? "AAAA", type: "public-key", response: {} }) };
};"""


@test
def a_passkey_signs_in_without_password_and_code(visit):
    visit.page.add_init_script(PASSKEYS)
    page = visit.page
    page.goto("/console/keys")
    page.evaluate("window.cancels = true")
    button = page.get_by_role("button", name="Use a passkey")
    button.click()
    expect(page.locator(".form-message")).to_contain_text("it was canceled, or took too long")
    page.evaluate("window.cancels = false, window.passkey = 'BBBB'")
    button.click()
    expect(page.locator(".form-message")).to_contain_text("That passkey opens no account here")
    page.evaluate("window.passkey = 'AAAA'")
    button.click()
    expect(page.locator(".who")).to_contain_text("admin@example.org")
    page.reload()
    expect(page.locator(".who")).to_contain_text("admin@example.org")


@test
def a_challenge_that_ended_leads_back_to_the_password(visit):
    own = visit.stand_in.own
    own.is_enrolled = True
    page = give_password(visit)
    expect(page.locator("#code")).to_be_visible()
    own.challenges.clear()
    give_code(page, CODE)
    expect(page.locator(".form-message")).to_contain_text("Enter your password again")
    expect(page.locator("#email")).to_have_value("admin@example.org")
    # The page knows when it ends, too.
    own.challenge_lifetime = 1
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".form-message")).to_have_text("That took too long. Enter your password again.")
    expect(page.locator("#password")).to_be_focused()


@test
def a_forgotten_password_is_replaced_by_a_mailed_code(visit):
    page = visit.page
    page.goto("/console/keys")
    page.get_by_role("button", name="Forgot your password?").click()
    page.get_by_role("button", name="Mail me a code").click()
    expect(page.locator(".field-error")).to_have_text("It is needed.")
    page.get_by_label("E-mail").fill("admin@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("If there is an account of admin@example.org")
    code = page.get_by_label("Code of the mail")
    expect(code).to_be_focused()
    code.fill("old-token")
    page.get_by_label("New password", exact=True).fill("password123")
    page.get_by_label("New password again").fill("password12")
    page.keyboard.press("Enter")
    expect(page.locator("form")).to_contain_text("It is not the same")
    page.get_by_label("New password again").fill("password123")
    page.keyboard.press("Enter")
    expect(page.locator("form")).to_contain_text("It is wrong, too old, or was used before")
    code.fill("good-token")
    page.keyboard.press("Enter")
    expect(page.locator("form")).to_contain_text("It is one of the first that are guessed")
    for label in ("New password", "New password again"):
        page.get_by_label(label, exact=True).fill("violet cactus ladder")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Your new password is set")
    expect(page.locator("#password")).to_be_focused()
    page.fill("#password", "violet cactus ladder")
    page.keyboard.press("Enter")
    expect(page.locator(".page-head h1")).to_have_text("API keys")


@test
def ones_address_is_changed_by_a_code_that_goes_to_the_new_one(visit):
    own = visit.stand_in.own
    page = visit.sign_in("/console/me")
    page.get_by_role("button", name="Change it").click()
    asking = page.get_by_role("dialog", name="Another address")
    asking.get_by_label("New address").fill("admin@example.org")
    asking.get_by_label("Current password").fill("wrong horse")
    page.keyboard.press("Enter")
    expect(asking).to_contain_text("It is not the current password")
    asking.get_by_label("Current password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(asking).to_contain_text("It is the address that the account has")
    asking.get_by_label("New address").fill("ada@new.example")
    own.is_recent = False
    page.keyboard.press("Enter")
    proof = page.get_by_role("dialog", name="Is it you?")
    proof.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    code = page.get_by_role("dialog", name="Enter the code")
    code.get_by_label("Code of the mail").fill("old-token")
    page.keyboard.press("Enter")
    expect(code).to_contain_text("The token is not good any more")
    assert own.address is None
    code.get_by_label("Code of the mail").fill("good-token")
    page.keyboard.press("Enter")
    expect(page.locator(".who")).to_contain_text("ada@new.example")
    expect(page.locator("main")).to_contain_text("ada@new.example")
    own.has_password = False
    page.get_by_role("button", name="Refresh").click()
    expect(on_page(page, "Password")).to_contain_text("You sign in without one")
    expect(page.get_by_role("button", name="Change it")).to_have_count(0)


def ask_for_key(page):
    page.locator(".page-head >> text=New key").click()
    form = page.get_by_role("dialog", name="New API key")
    form.get_by_label("Name", exact=True).fill("backup")
    form.get_by_role("checkbox", name="orders:read").check()
    form.get_by_role("button", name="Make the key").click()
    return form, page.get_by_role("dialog", name="Is it you?")


@test
def what_takes_a_step_up_is_done_after_it(visit):
    own = visit.stand_in.own
    page = visit.sign_in("/console/keys")
    own.is_recent = False
    form, proof = ask_for_key(page)
    expect(proof.get_by_label("Your password")).to_be_focused()
    visit.shot("step-up")
    page.keyboard.press("Escape")
    expect(proof).to_have_count(0)
    expect(form.get_by_role("alert").last).to_contain_text("Nothing was done")
    form.get_by_role("button", name="Make the key").click()
    proof.get_by_label("Your password").fill("wrong horse")
    page.keyboard.press("Enter")
    expect(proof).to_contain_text("It is not the current password.")
    proof.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(dialog(page).get_by_label("API key", exact=True)).to_have_value("gk_the-secret")


@test
def a_step_up_asks_for_what_the_account_has(visit):
    own = visit.stand_in.own
    visit.page.add_init_script(PASSKEYS)
    page = visit.sign_in("/console/keys")
    own.is_recent, own.has_password = False, False
    form, proof = ask_for_key(page)
    expect(proof.get_by_role("textbox")).to_have_count(0)
    page.evaluate("window.cancels = true")
    proof.get_by_role("button", name="Use a passkey", exact=True).click()
    expect(proof).to_contain_text("it was canceled, or took too long")
    page.keyboard.press("Escape")
    passkeys, own.passkeys = own.passkeys, []
    # Nor is there another way in.
    visit.stand_in.elsewhere.providers = []
    form.get_by_role("button", name="Make the key").click()
    expect(form.get_by_role("alert").last).to_contain_text("sign out, and sign in again, first")
    own.passkeys = passkeys
    page.evaluate("window.cancels = false")
    form.get_by_role("button", name="Make the key").click()
    proof.get_by_role("button", name="Use a passkey", exact=True).click()
    expect(dialog(page).get_by_label("API key", exact=True)).to_have_value("gk_the-secret")


@test
def a_session_that_ends_takes_its_questions_along(visit):
    page = visit.sign_in("/console/keys")
    page.locator(".page-head >> text=New key").click()
    form = page.get_by_role("dialog", name="New API key")
    form.get_by_label("Name", exact=True).fill("backup")
    form.get_by_role("checkbox", name="orders:read").check()
    visit.stand_in.ended.update(family for _, _, family in visit.stand_in.access.values())
    form.get_by_role("button", name="Make the key").click()
    expect(page.locator("#email")).to_be_focused()
    expect(dialog(page)).to_have_count(0)


@test
def with_a_second_factor_a_step_up_takes_a_code(visit):
    own = visit.stand_in.own
    page = visit.sign_in("/console/keys")
    own.is_recent, own.is_enrolled, own.spent = False, True, {CODE}
    _, proof = ask_for_key(page)
    proof.get_by_label("Code of your authenticator app").fill(CODE)
    page.keyboard.press("Enter")
    expect(proof).to_contain_text("Wait until the app shows the next one")
    own.spent, own.blocked = set(), 30
    page.keyboard.press("Enter")
    expect(proof).to_contain_text("Try again in 30 s")
    own.blocked = 0
    page.keyboard.press("Enter")
    expect(dialog(page).get_by_label("API key", exact=True)).to_have_value("gk_the-secret")
    # The session goes on with the refresh token that it had.
    page.reload()
    expect(rows(page)).to_have_count(1)


def on_page(page, heading):
    """The part of the page under a heading."""
    return page.get_by_role("region", name=heading, exact=True)


@test
def an_authenticator_app_is_set_up_and_taken_away(visit):
    own = visit.stand_in.own
    page = visit.sign_in("/console/me")
    part = on_page(page, "Second factor")
    expect(part).to_contain_text("Off")
    own.is_recent = False
    part.get_by_role("button", name="Set up an app").click()
    accept(page, "Show the key")
    proof = page.get_by_role("dialog", name="Is it you?")
    proof.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    setting = page.get_by_role("dialog", name="Scan it, then enter a code")
    expect(setting.get_by_label("Key", exact=True)).to_have_value(SECRET)
    expect(setting.get_by_role("img", name="QR code for the authenticator app")).to_be_visible()
    expect(setting.get_by_role("link", name="open it in an app")).to_have_attribute("href", re.compile("^otpauth://totp/Gravity:"))
    visit.shot("set-up")
    own.spent = {CODE}
    setting.get_by_label("Code of your authenticator app").fill(CODE)
    page.keyboard.press("Enter")
    expect(setting).to_contain_text("Wait until the app shows the next one")
    own.spent = set()
    page.keyboard.press("Enter")
    codes = page.get_by_role("dialog", name="Your recovery codes")
    expect(codes.get_by_role("listitem")).to_have_count(10)
    visit.shot("recovery-codes")
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        codes.get_by_role("button", name="Download").click()
    text = pathlib.Path(download.value.path()).read_text()
    assert RECOVERY in text and "admin@example.org" in text, text
    accept(page, "I have kept them")
    expect(part).to_contain_text("10 recovery codes of ten left")
    assert RECOVERY not in page.content()
    own.spent = set(own.codes[:8])
    page.get_by_role("button", name="Refresh").click()
    expect(part.locator(".warning")).to_contain_text("Few recovery codes are left")
    part.get_by_role("button", name="New recovery codes").click()
    accept(page, "Make them")
    own.spent = set()
    accept(page, "I have kept them")
    expect(part).to_contain_text("10 recovery codes of ten left")
    own.is_recent = False
    part.get_by_role("button", name="Turn off").click()
    accept(page, "Turn off")
    proof.get_by_label("Code of your authenticator app").fill(CODE)
    page.keyboard.press("Enter")
    expect(part).to_contain_text("Whoever has your password gets in")
    assert not own.is_enrolled
    expect(page.locator("h1")).to_be_focused()


# By width, how the SHA-256 of the modules begins: zxing-cpp 3.1 read these codes, also with three modules of each turned over.
CODES = {25: ("otpauth://totp/Gravity:ada", "fd6e3e881d7879e8"), 69: ("otpauth://totp/Gravity:" + "é" * 140, "aaa2a998b75f950c")}


@test
def qr_codes_are_those_that_a_reader_read(visit):
    visit.page.goto("/console/")
    for width, (text, known) in CODES.items():
        drawn = visit.page.evaluate("""async (text) => (await import("/console/assets/qr-code.js")).qrCode(text)
          .map((row) => row.map(Number).join("")).join("\\n")""", text)
        assert drawn.index("\n") == width and hashlib.sha256(drawn.encode()).hexdigest().startswith(known), drawn
    assert visit.page.evaluate("""async () => (await import("/console/assets/qr-code.js")).qrCode("x".repeat(667))""") is None


@test
def ones_passkeys_are_added_renamed_and_removed(visit):
    own = visit.stand_in.own
    visit.page.add_init_script(PASSKEYS)
    page = visit.sign_in("/console/me")
    part = on_page(page, "Passkeys")
    expect(part.get_by_role("listitem")).to_have_count(1)
    no_markup(page)
    part.get_by_role("button", name="Rename").click()
    dialog(page).get_by_label("Name").fill(" ")
    accept(page, "Save")
    expect(dialog(page)).to_contain_text("It must have a name")
    dialog(page).get_by_label("Name").fill("Work laptop")
    accept(page, "Save")
    expect(part).to_contain_text("Work laptop")
    own.has_password, own.identities = False, []
    part.get_by_role("button", name="Remove").click()
    accept(page, "Remove")
    expect(dialog(page)).to_contain_text("Set a password, or add a passkey")
    page.keyboard.press("Escape")
    part.get_by_role("button", name="Add a passkey").click()
    dialog(page).get_by_label("Name").fill("Phone")
    accept(page, "Go on")
    expect(part.get_by_role("listitem")).to_have_count(2)
    own.is_recent, own.has_password = False, True
    part.get_by_role("button", name="Remove Work laptop").click()
    accept(page, "Remove")
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(part.get_by_role("listitem")).to_have_count(1)


@test
def providers_are_connected_and_disconnected(visit):
    own = visit.stand_in.own
    page = visit.sign_in("/console/me")
    part = on_page(page, "Other ways to sign in")
    expect(part).to_contain_text("Acme ada@acme.example")
    part.get_by_role("button", name="Disconnect Acme").click()
    own.has_password, own.passkeys = False, []
    accept(page, "Disconnect")
    expect(dialog(page)).to_contain_text("Nobody could sign in to the account any more")
    own.has_password = True
    accept(page, "Disconnect")
    expect(part.get_by_role("button", name="Connect Acme", exact=True)).to_be_visible()
    assert own.identities == []
    part.get_by_role("button", name="Connect Globex").click()
    accept(page, "Go there")
    expect(page).to_have_url(re.compile(r"/oauth/providers/globex/link\?ticket=1$"))


@test
def a_copy_of_ones_data_is_asked_for_and_downloaded(visit):
    own = visit.stand_in.own
    page = visit.sign_in("/console/data")
    part = on_page(page, "A copy of your data")
    expect(part).to_contain_text("You asked for none")
    # Somebody asked in another tab a moment before.
    own.add_export("collecting")
    part.get_by_role("button", name="Ask for a copy").click()
    expect(part.get_by_role("alert")).to_contain_text("An export is under way already. Wait until it is ready.")
    expect(part.get_by_role("listitem")).to_contain_text("1 of 2 services asked; order is next")
    expect(part.get_by_role("button", name="Ask for a copy")).to_be_disabled()
    own.exports.clear()
    copy = own.add_export("ready")
    # It is looked at again by itself.
    expect(part.get_by_role("listitem")).to_contain_text("48 kB; deleted in 7 d")
    own.is_recent, own.is_enrolled = False, True
    copy["state"] = "expired"
    part.get_by_role("button", name="Download").click()
    proof = page.get_by_role("dialog", name="Is it you?")
    proof.get_by_label("Code of your authenticator app").fill(CODE)
    page.keyboard.press("Enter")
    expect(part.get_by_role("alert")).to_contain_text("There is no archive to download")
    copy["state"] = "ready"
    with page.expect_download() as download:
        part.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == f"export-{copy['requested_at'][:10]}.zip"
    assert pathlib.Path(download.value.path()).read_bytes().startswith(b"PK")
    own.add_export("failed")
    own.add_export("expired")
    part.get_by_role("button", name="Ask for a copy").click()
    expect(part.get_by_role("alert")).to_contain_text("There were 3 exports within a day")
    expect(part.get_by_role("alert")).to_contain_text("Try again in 1 h.")
    expect(part).to_contain_text("A service gave no answer for a day")


@test
def consent_is_given_to_what_was_read_and_withdrawn(visit):
    own = visit.stand_in.own
    page = visit.sign_in("/console/data")
    part = on_page(page, "What you agreed to")
    news = part.get_by_role("listitem").filter(has_text="News by mail")
    news.get_by_role("button", name="Read News by mail").click()
    expect(dialog(page)).to_contain_text("You can stop it at any time.")
    no_markup(page)
    own.publish("marketing", 3, "News by mail", "We mail you often.")
    accept(page, "I agree")
    expect(dialog(page)).to_contain_text("The current version is 3. Close this and read that one.")
    page.keyboard.press("Escape")
    news.get_by_role("button", name="Read News by mail").click()
    accept(page, "I agree")
    expect(news).to_contain_text("Given")
    assert own.records[0]["version"] == 3 and own.records[0]["source"] == "console", own.records
    own.publish("marketing", 4, "News by mail", "We mail you daily.")
    page.get_by_role("button", name="Refresh").click()
    expect(news).to_contain_text("Given to an earlier version")
    news.get_by_role("button", name="Withdraw").click()
    accept(page, "Withdraw")
    expect(news).to_contain_text("Withdrawn")
    page.get_by_role("link", name="What you said when").click()
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("Withdrawn")


@test
def an_erasure_is_asked_for_by_typing_and_taken_back(visit):
    own = visit.stand_in.own
    page = visit.sign_in("/console/data")
    page.get_by_role("button", name="Erase my data").click()
    accept(page, "Erase my data")
    expect(dialog(page)).to_contain_text("It is not your address.")
    dialog(page).locator("input").fill("Admin@example.org")
    own.profile["version"] += 1
    accept(page, "Erase my data")
    expect(dialog(page).get_by_role("alert").last).to_contain_text("Somebody else has changed it meanwhile")
    own.profile["version"] -= 1
    own.is_last_administrator = True
    accept(page, "Erase my data")
    expect(dialog(page).get_by_role("alert").last).to_contain_text("Give another account the role admin first")
    own.is_last_administrator, own.is_recent = False, False
    accept(page, "Erase my data")
    page.get_by_role("dialog", name="Is it you?").get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".summary")).to_contain_text("You asked to be erased. It begins in 30 d")
    assert own.profile["status"] == "pending_deletion"
    expect(page.get_by_role("button", name="Erase my data")).to_be_hidden()
    page.get_by_role("button", name="Take it back").click()
    accept(page, "Keep it")
    expect(page.locator(".summary")).to_have_count(0)


def go_elsewhere(page):
    page.get_by_role("button", name="Other ways to sign in").click()


@test
def a_sign_in_elsewhere_comes_back_to_where_the_reader_wanted_to_go(visit):
    page, elsewhere = visit.page, visit.stand_in.elsewhere
    page.goto("/console/sagas?state=parked")
    expect(page.locator(".elsewhere")).to_contain_text("Acme, Globex")
    go_elsewhere(page)
    expect(rows(page)).to_have_count(3)
    expect(page.locator(".who")).to_contain_text("admin@example.org")
    assert page.url == visit.stand_in.address + "/console/sagas?state=parked", page.url
    asked = elsewhere.asked[0]
    assert (asked["response_type"], asked["code_challenge_method"], asked["prompt"]) == ("code", "S256", "select_account"), asked
    assert len(asked["state"]) == 43 and "scope" not in asked, asked
    assert elsewhere.codes == {} and page.evaluate("Object.keys(sessionStorage)") == ["gravity.console.session"]
    # It goes on as a session of the forms here does.
    page.reload()
    expect(rows(page)).to_have_count(3)
    assert visit.stand_in.counts == {"refresh": 1, "reuse": 0}, visit.stand_in.counts
    # The address with the code is not in the history.
    page.go_back()
    expect(rows(page)).to_have_count(3)
    with page.expect_response("**/api/v1/auth/logout"):
        page.click("text=Sign out")
    expect(page.locator("#email")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0 and len(visit.stand_in.ended) == 1


@test
def an_answer_that_nobody_asked_for_signs_nobody_in(visit):
    page, elsewhere = visit.page, visit.stand_in.elsewhere
    stray = "/console/signed-in?code=theirs&state=theirs&iss=" + visit.stand_in.address
    page.goto(stray)
    expect(page.get_by_role("alert")).to_have_text("That sign-in was not begun in this tab, or is over. Begin again.")
    assert page.url == visit.stand_in.address + "/console/", page.url
    for changed, told in (({"state": "theirs"}, "was not begun in this tab"), ({"state": None}, "was not begun in this tab"),
                          ({"iss": "https://evil.example"}, "is not from this platform"), ({"iss": None}, "is not from this platform")):
        elsewhere.answer = changed
        page.goto("/console/keys")
        go_elsewhere(page)
        expect(page.get_by_role("alert")).to_contain_text(told)
        assert "code" not in page.url and "gravity.console.session" not in page.evaluate("Object.keys(sessionStorage)"), page.url
    assert len(elsewhere.codes) == 4, "no code was sent on"
    elsewhere.answer = {}
    page.goto("/console/keys")
    go_elsewhere(page)
    expect(page.locator(".page-head h1")).to_have_text("API keys")
    # Whoever is in stays in.
    page.goto(stray)
    expect(page.locator(".who")).to_contain_text("admin@example.org")


@test
def a_sign_in_elsewhere_that_came_to_nothing_is_told(visit):
    page, elsewhere = visit.page, visit.stand_in.elsewhere
    for changed, told in (({"code": None, "error": "access_denied"}, "You were not signed in: it was refused there."),
                          ({"code": None, "error": "invalid_request", "error_description": EVIL}, f"You were not signed in: {EVIL}."),
                          ({"code": "late"}, "That took too long, or was done before. Begin again.")):
        elsewhere.answer = changed
        page.goto("/console/data/history")
        go_elsewhere(page)
        expect(page.get_by_role("alert")).to_contain_text(told)
        # Signing in here leads there all the same.
        assert page.url == visit.stand_in.address + "/console/data/history", page.url
    give_password(visit, page.url)
    expect(page.locator(".page-head h1")).to_be_visible()


@test
def other_ways_are_offered_where_there_are_some(visit):
    page, elsewhere = visit.page, visit.stand_in.elsewhere
    elsewhere.providers = []
    with page.expect_response("**/oauth-authorization-server"):
        page.goto("/console/keys?x=1")
    expect(page.locator("#email")).to_be_visible()
    expect(page.locator(".elsewhere")).to_be_empty()
    # Where the platform is called by another name, there is nothing to come back to.
    elsewhere.providers, elsewhere.issuer = ["Acme"], visit.stand_in.address.replace("127.0.0.1", "localhost")
    page.reload()
    link = page.get_by_role("link", name="Other ways to sign in")
    expect(link).to_have_attribute("href", elsewhere.issuer + "/console/keys?x=1")
    expect(page.locator(".elsewhere")).to_contain_text("at localhost")
    # Over plain HTTP from elsewhere nobody is sent.
    elsewhere.issuer = "http://gravity.example"
    with page.expect_response("**/oauth-authorization-server"):
        page.reload()
    expect(page.locator(".elsewhere")).to_be_empty()


@test
def who_can_show_nothing_here_signs_in_elsewhere_again(visit):
    own = visit.stand_in.own
    page = visit.page
    page.goto("/console/me")
    go_elsewhere(page)
    own.has_password, own.passkeys, own.is_recent = False, [], False
    on_page(page, "Second factor").get_by_role("button", name="Set up an app").click()
    accept(page, "Show the key")
    again = page.get_by_role("dialog", name="Sign in again?")
    own.is_recent = True
    again.get_by_role("button", name="Sign out and in again").click()
    expect(again).to_be_hidden()
    expect(page.locator(".page-head h1")).to_have_text("Your account")
    assert [asked["prompt"] for asked in visit.stand_in.elsewhere.asked] == ["select_account", "login"]
    assert len(visit.stand_in.ended) == 1, "the session before it ended"
    on_page(page, "Second factor").get_by_role("button", name="Set up an app").click()
    accept(page, "Show the key")
    expect(page.get_by_role("img", name="QR code for the authenticator app")).to_be_visible()


def people(count):
    return [(ordered_id(300 + number), f"Person {number:02}", "member") for number in range(count)]


@test
def a_team_is_made_and_people_are_invited(visit):
    own = visit.stand_in.own
    page = visit.sign_in("/console/teams")
    expect(page.locator(".empty")).to_contain_text("You are in no team")
    page.locator(".page-head >> text=New team").click()
    dialog(page).get_by_label("Name").fill("Kitchen")
    accept(page, "Make it")
    expect(page.locator(".page-head h1")).to_have_text("Kitchen")
    invites = on_page(page, "Invitations")
    invites.get_by_role("button", name="Invite").click()
    for address, told in (("nobody", "It must be an address."), ("admin@example.org", "is in the team already"),
                          ("often@example.org", "Too many invitations were sent within a day")):
        dialog(page).get_by_label("E-mail").fill(address)
        accept(page, "Send the invitation")
        expect(dialog(page)).to_contain_text(told)
    dialog(page).get_by_label("E-mail").fill("ada@example.org")
    dialog(page).get_by_label("Role").select_option("admin")
    accept(page, "Send the invitation")
    expect(invites.locator("tbody tr")).to_contain_text("ada@example.org")
    invite = next(iter(own.invites.values()))[0]
    assert invite["role"] == "admin", invite
    invites.get_by_role("button", name="Invite", exact=True).click()
    dialog(page).get_by_label("E-mail").fill("ada@example.org")
    accept(page, "Send the invitation")
    expect(dialog(page)).to_contain_text("Send that invitation again, or revoke it.")
    page.keyboard.press("Escape")
    invite["state"] = "expired"
    page.get_by_role("button", name="Refresh").click()
    expect(invites.locator("tbody tr")).to_contain_text("Expired")
    invites.get_by_role("button", name="Send the invitation").click()
    accept(page, "Send again")
    expect(invites.locator("tbody tr")).to_contain_text("Pending")
    invites.get_by_role("button", name="Revoke").click()
    accept(page, "Revoke")
    expect(invites.locator(".none")).to_be_visible()


@test
def members_change_and_the_last_owner_stays(visit):
    own = visit.stand_in.own
    team = own.add_team(f"Harbour {EVIL}", "owner", people(60))
    page = visit.sign_in(f"/console/teams/{team}")
    members = on_page(page, "Members")
    expect(members.locator("tbody tr")).to_have_count(50)
    members.get_by_role("button", name="Show more").click()
    expect(members.locator("tbody tr")).to_have_count(61)
    no_markup(page)
    page.get_by_role("button", name="Leave").click()
    accept(page, "Leave")
    expect(dialog(page)).to_contain_text("Make somebody else an owner first")
    page.keyboard.press("Escape")
    first = members.locator("tbody tr").filter(has_text="Person 00")
    first.get_by_role("button", name="Change the role").click()
    dialog(page).get_by_label("Role").select_option("owner")
    own.members[team][ordered_id(300)]["version"] += 1
    accept(page, "Save")
    expect(dialog(page)).to_contain_text("Somebody else has changed it meanwhile")
    own.members[team][ordered_id(300)]["version"] -= 1
    accept(page, "Save")
    expect(first).to_contain_text("Owner")
    page.get_by_role("button", name="Take Person 01 out").click()
    accept(page, "Take out")
    expect(members.locator("tbody tr")).to_have_count(60)
    page.get_by_role("button", name="Rename").click()
    dialog(page).get_by_label("Name").fill("Quay")
    # Somebody made the reader a member meanwhile.
    own.members[team][ME]["role"] = "member"
    accept(page, "Save")
    expect(dialog(page)).to_contain_text("That takes an owner or an admin of the team")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("button", name="Rename")).to_be_disabled()
    expect(on_page(page, "Invitations")).to_be_hidden()
    page.get_by_role("button", name="Leave").click()
    accept(page, "Leave")
    expect(page.locator(".empty")).to_contain_text("You are in no team")
    page.go_back()
    expect(page.locator(".empty")).to_contain_text("No such team")


@test
def an_invitation_is_answered_by_its_code(visit):
    own = visit.stand_in.own
    page = visit.sign_in("/console/teams")
    page.get_by_role("button", name="Answer an invitation").click()
    for token, told in (("abc", "It has 43 letters"), ("x" * 43, "went to another address"), ("y" * 43, "take the token of that")):
        dialog(page).get_by_label("Code of the mail").fill(token)
        dialog(page).get_by_role("button", name="Answer").click()
        expect(dialog(page)).to_contain_text(told)
    own.is_verified = False
    dialog(page).get_by_label("Code of the mail").fill("t" * 43)
    dialog(page).get_by_role("button", name="Answer").click()
    expect(dialog(page)).to_contain_text("Confirm it on the page Your account.")
    page.goto("/console/me")
    page.get_by_role("button", name="Confirm it").click()
    accept(page, "Send the mail")
    dialog(page).get_by_label("Code of the mail").fill("old-token")
    accept(page, "Confirm")
    expect(dialog(page)).to_contain_text("The token is not good any more")
    dialog(page).get_by_label("Code of the mail").fill("good-token")
    accept(page, "Confirm")
    expect(page.get_by_role("button", name="Confirm it")).to_have_count(0)
    page.goto("/console/teams")
    page.get_by_role("button", name="Answer an invitation").click()
    dialog(page).get_by_label("Code of the mail").fill("t" * 43)
    dialog(page).get_by_role("button", name="Answer").click()
    expect(page.locator(".page-head h1")).to_have_text("Kitchen")
    expect(page.get_by_role("button", name="Delete")).to_be_disabled()


def every_page(visit):
    """Yields after each page, for what has to hold on all of them."""
    own = visit.stand_in.own
    own.is_enrolled, own.is_verified = True, False
    visit.page.goto("/console/me")
    visit.page.get_by_role("button", name="Forgot your password?").click()
    visit.page.get_by_label("E-mail").fill("admin@example.org")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_label("Code of the mail")).to_be_visible()
    yield "recovery"
    visit.page.goto("/console/signed-in?code=theirs&state=theirs")
    expect(visit.page.locator(".elsewhere")).to_contain_text("Acme")
    yield "elsewhere"
    page = give_password(visit, "/console/me")
    expect(page.locator("#code")).to_be_visible()
    give_code(page, "000000")
    expect(page.locator(".field-error")).to_be_visible()
    yield "code"
    give_code(page, CODE)
    part = on_page(page, "Second factor")
    expect(part.locator(".warning")).to_be_visible()
    part.get_by_role("button", name="New recovery codes").click()
    accept(page, "Make them")
    expect(dialog(page).get_by_role("listitem")).to_have_count(10)
    yield "recovery-codes"
    accept(page, "I have kept them")
    own.is_enrolled = False
    page.get_by_role("button", name="Refresh").click()
    part.get_by_role("button", name="Set up an app").click()
    accept(page, "Show the key")
    expect(page.get_by_role("img", name="QR code for the authenticator app")).to_be_visible()
    yield "set-up"
    for state in ("failed", "ready", "collecting"):
        own.add_export(state)
    own.change_consent({"purpose": "terms", "decision": "given", "version": 1, "source": "web"})
    page.goto("/console/data")
    expect(page.locator(".with-tool").first).to_be_visible()
    yield "data"
    page.get_by_role("button", name="Erase my data").click()
    expect(dialog(page)).to_be_visible()
    yield "data-erase"
    own.erase(None)
    page.goto("/console/data")
    expect(page.locator(".summary")).to_be_visible()
    page.get_by_role("button", name="Read News by mail").click()
    yield "data-consent"
    page.goto("/console/data/history")
    expect(rows(page)).to_have_count(1)
    yield "data-history"
    team = own.add_team("Harbour " + "x" * 52, "admin", [(ordered_id(3), f"Ada {EVIL}", "owner"), (ordered_id(4), "Y" * 80, "member")])
    own.invite(team, {"email": "a" * 60 + "@example.org"})
    own.invite(team, {"email": "bo@example.org", "role": "admin"})
    own.invites[team][0]["state"] = "expired"
    page.goto("/console/teams")
    expect(rows(page)).to_have_count(1)
    yield "teams"
    page.goto(f"/console/teams/{team}")
    expect(rows(page)).to_have_count(5)
    yield "team"
    on_page(page, "Invitations").get_by_role("button", name="Invite", exact=True).click()
    expect(dialog(page)).to_be_visible()
    yield "team-invite"
