"""What is the reader's own, in a real browser: sign-in with a second factor, account, data, teams; run by console_test.py."""
import pathlib
import re

from playwright.sync_api import expect

from access_test import accept, dialog, no_markup, rows
from stand_in import PASSWORD
from stand_in_own import CODE, RECOVERY, SECRET

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


@test
def ones_passkeys_are_added_renamed_and_removed(visit):
    own = visit.stand_in.own
    # No passkey can be made at an IP address: the browser's part is made up.
    visit.page.add_init_script("navigator.credentials.create = async () => ({ toJSON: () => ({ id: 'AAAA', type: 'public-key' }) });")
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
    part.get_by_role("button", name="Remove Work laptop").click()
    accept(page, "Remove")
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
    expect(part.get_by_role("button", name="Connect Acme")).to_be_visible()
    assert own.identities == []
    part.get_by_role("button", name="Connect Globex").click()
    accept(page, "Go there")
    page.wait_for_url("**/oauth/providers/globex/link?ticket=1")
