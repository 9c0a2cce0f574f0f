"""What is the reader's own, in a real browser: sign-in with a second factor, account, data, teams; run by console_test.py."""
from playwright.sync_api import expect

from access_test import accept, dialog, no_markup, rows
from stand_in import PASSWORD
from stand_in_own import CODE, RECOVERY

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
