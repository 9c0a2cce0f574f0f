#!/usr/bin/env python3
"""The pages of auth in a real browser, through a gateway that runs. See README.md beside this file."""
import argparse
import base64
import hashlib
import json
import pathlib
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request

PASSWORD = "correct horse battery"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
REDIRECT = "http://127.0.0.1:9/callback"


class Platform:
    """What the tests prepare and ask for beside the browser."""

    def __init__(self, base, email, password):
        self.base = base
        self.token = self.json("/api/v1/auth/login", {"email": email, "password": password})["access_token"]
        self.email = f"ann-{secrets.token_hex(4)}@example.org"
        self.json("/api/v1/auth/register", {"email": self.email, "password": PASSWORD, "name": "Ann"})

    def json(self, path, fields, token=None):
        return self.send(path, json.dumps(fields), "application/json", token)

    def form(self, path, fields):
        return self.send(path, urllib.parse.urlencode(fields), "application/x-www-form-urlencoded")

    def send(self, path, body, kind, token=None):
        headers = {"Content-Type": kind, **({"Authorization": "Bearer " + token} if token else {})}
        request = urllib.request.Request(self.base + path, body.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def client(self, **fields):
        made = self.json("/api/v1/auth/clients", {"authentication": "none", **fields}, self.token)
        return made["client"]["id"]


class Shots:
    def __init__(self, folder):
        self.folder = folder and pathlib.Path(folder)
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)

    def take(self, page, name):
        """In light and dark, wide and narrow; nothing may stick out."""
        for scheme in ("light", "dark"):
            for width in (1280, 390):
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} sticks out"
                if self.folder:
                    page.screenshot(path=self.folder / f"{name}-{scheme}-{width}.png")
        page.set_viewport_size({"width": 1280, "height": 800})


def sign_in(page, platform):
    page.get_by_label("E-mail address").fill(platform.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def photo_book(platform):
    return platform.client(
        name="Photo book", grants=["authorization_code", "refresh_token"], redirect_uris=[REDIRECT],
        scopes=["openid", "profile", "email", "offline_access", "account", "orders:read"])


def ask(page, platform, client, **more):
    """Sends the browser for a code, and gives what proves who asked."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code", "client_id": client, "redirect_uri": REDIRECT, "state": "s-1", "nonce": "n-1",
        "scope": "openid profile offline_access orders:read", "code_challenge": challenge,
        "code_challenge_method": "S256", **more}
    page.goto(platform.base + "/oauth/authorize?" + urllib.parse.urlencode(query))
    return verifier


def allow(page, platform, client, verifier):
    """Consents, and exchanges the code."""
    caught = []
    page.route(REDIRECT + "**", lambda route: (caught.append(route.request.url), route.fulfill(body="back")))
    page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url(REDIRECT + "**")
    back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(caught[0]).query))
    assert back["state"] == "s-1" and back["iss"], back
    return platform.form("/oauth/token", {
        "grant_type": "authorization_code", "code": back["code"], "redirect_uri": REDIRECT, "client_id": client,
        "code_verifier": verifier})


def code_flow(page, platform, shots):
    """Sign-in, consent, code, tokens."""
    client = photo_book(platform)
    verifier = ask(page, platform, client)
    shots.take(page, "sign-in")
    page.get_by_label("E-mail address").fill(platform.email)
    page.get_by_label("Password").fill("wrong, but long enough")
    page.get_by_role("button", name="Sign in", exact=True).click()
    assert "Wrong address or password" in page.get_by_role("alert").inner_text()
    shots.take(page, "sign-in-wrong")
    sign_in(page, platform)
    assert "Photo book" in page.get_by_role("heading").inner_text()
    shots.take(page, "consent")
    tokens = allow(page, platform, client, verifier)
    assert tokens["id_token"] and tokens["refresh_token"] and tokens["access_token"], tokens


def device_flow(page, platform, shots):
    """A device's code, entered and allowed, in a browser where nobody has signed in."""
    client = platform.client(
        name="Television", grants=[DEVICE, "refresh_token"], scopes=["openid", "profile", "offline_access"])
    codes = platform.form("/oauth/device_authorization", {"client_id": client})
    question = {"grant_type": DEVICE, "device_code": codes["device_code"], "client_id": client}
    assert platform.form("/oauth/token", question)["error"] == "authorization_pending"
    page.goto(platform.base + "/oauth/device")
    shots.take(page, "device-sign-in")
    sign_in(page, platform)
    page.get_by_label("Code").wait_for()
    shots.take(page, "device-code")
    page.get_by_label("Code").fill("BBBB-BBBB")
    page.get_by_role("button", name="Continue").click()
    assert "no device with that code" in page.get_by_role("alert").inner_text()
    shots.take(page, "device-wrong")
    page.get_by_label("Code").fill(codes["user_code"].lower())
    page.get_by_role("button", name="Continue").click()
    assert "Television" in page.inner_text("main") and codes["user_code"] in page.inner_text("main")
    shots.take(page, "device-confirm")
    page.get_by_role("button", name="Allow", exact=True).click()
    assert "connected" in page.get_by_role("heading").inner_text()
    shots.take(page, "device-done")
    assert platform.form("/oauth/token", question)["access_token"]
    assert platform.form("/oauth/token", question)["error"] == "invalid_grant"


def passkeys(page, platform, shots):
    """A passkey, added at its page, signs in to an app, and does no more once it is removed."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    # A telephone or a laptop: it verifies who uses it, and keeps passkeys.
    device = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}})["authenticatorId"]
    page.goto(platform.base + "/oauth/passkeys")
    assert "to see your passkeys" in page.inner_text("main")
    sign_in(page, platform)
    page.get_by_role("heading", name="Your passkeys").wait_for()
    shots.take(page, "passkeys-none")
    page.get_by_label("Name").fill("My <phone>")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("button", name="Remove My <phone>").wait_for()
    shots.take(page, "passkeys")
    kept = devtools.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert len(kept) == 1 and kept[0]["rpId"] == "localhost" and kept[0]["isResidentCredential"], kept
    page.get_by_label("Name").fill("Again")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_text("has a passkey for your account already").wait_for()
    shots.take(page, "passkeys-twice")

    page.context.clear_cookies()
    client = photo_book(platform)
    verifier = ask(page, platform, client, acr_values="aal2")
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_text("It was canceled, or took too long.").wait_for()
    shots.take(page, "sign-in-passkey")
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", name="Photo book").wait_for()
    tokens = allow(page, platform, client, verifier)
    part = tokens["id_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert claims["amr"] == ["pop", "user", "mfa"] and claims["acr"] == "aal2", claims

    page.goto(platform.base + "/console/me")
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("heading", name="Your account").wait_for()
    shots.take(page, "console-me")
    page.get_by_role("button", name="Remove My <phone>").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text("None. With a passkey you sign in").wait_for()
    page.context.clear_cookies()
    ask(page, platform, client)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_text("That passkey does not open an account here").wait_for()


def console(page, platform, shots):
    """The console's way through these pages, to a session like those of its own forms, and out again."""
    page.goto(platform.base + "/console/me")
    other_ways = page.get_by_role("button", name="Other ways to sign in")
    other_ways.click()
    page.get_by_text("to continue to Console").wait_for()
    page.get_by_role("link", name="Continue with Acme").wait_for()
    shots.take(page, "console-sign-in")
    sign_in(page, platform)
    page.get_by_role("heading", name="Your account").wait_for()
    assert page.url == platform.base + "/console/me", page.url
    page.reload()
    page.get_by_role("heading", name="Your account").wait_for()
    page.get_by_role("button", name="Sign out", exact=True).click()
    # What the browser has lets nobody in again.
    other_ways.click()
    page.get_by_label("Password").wait_for()
    assert "/oauth/authorize" in page.url, page.url


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--base", required=True, help="a gateway's address")
    arguments.add_argument("--email", default="admin@gravity.local")
    arguments.add_argument("--password", required=True, help="the administrator's")
    arguments.add_argument("--browser", default="/usr/bin/chromium")
    arguments.add_argument("--shots", help="a folder for pictures")
    given = arguments.parse_args()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("skipped: playwright is not installed")
        return 0
    if not pathlib.Path(given.browser).exists():
        print(f"skipped: there is no browser at {given.browser}")
        return 0
    platform, shots, failed = Platform(given.base, given.email, given.password), Shots(given.shots), 0
    tests = (code_flow, device_flow, passkeys, console)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.browser, args=["--no-sandbox"])
        for test in tests:
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            # Longer than a busy machine takes for anything that comes at all.
            context.set_default_timeout(60_000)
            page = context.new_page()
            faults = []
            # A refused sign-in is 401, a wrong code 400: the browser notes both by itself.
            page.on("console", lambda message: message.type == "error" and "status of" not in message.text
                    and faults.append(message.text))
            page.on("pageerror", lambda error: faults.append(str(error)))
            try:
                test(page, platform, shots)
                assert not faults, faults
                print("passed:", test.__doc__)
            except Exception as error:  # the next test runs anyway
                failed += 1
                print(f"failed: {test.__doc__} {error!r}\n{page.url}")
            context.close()
        browser.close()
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
