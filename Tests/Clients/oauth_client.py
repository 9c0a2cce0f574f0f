"""Authlib, a client library of others, against the auth service: what it makes of the answers is what matters.

oauth_client.py BASE_URL < a JSON object of what the test prepared > prints the name of each step that went well.
"""
import html
import json
import re
import sys
import urllib.parse

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt
from authlib.oidc.core import CodeIDToken

base, given = sys.argv[1], json.load(sys.stdin)
meta = requests.get(base + "/.well-known/openid-configuration", timeout=10).json()


def here(name):
    """An endpoint of the metadata; its issuer is a name, not an address, in tests."""
    return base + urllib.parse.urlsplit(meta[name]).path


def server(method="client_secret_basic", **client):
    return OAuth2Session(client["id"], client["secret"], token_endpoint_auth_method=method, scope=client["scope"])


def done(step):
    print(step, flush=True)


# Client credentials, introspection and revocation.
machine = server(**given["server"])
token = machine.fetch_token(here("token_endpoint"), grant_type="client_credentials")
assert token["token_type"] == "Bearer" and token["expires_in"] > 0 and token["scope"] == given["server"]["scope"]
done("client_credentials")
seen = machine.introspect_token(here("introspection_endpoint"), token=token["access_token"]).json()
assert seen["active"] is True and seen["client_id"] == given["server"]["id"], seen
done("introspection")
assert machine.revoke_token(here("revocation_endpoint"), token=token["access_token"]).status_code == 200
seen = machine.introspect_token(here("introspection_endpoint"), token=token["access_token"]).json()
assert seen == {"active": False}, seen
done("revocation")
try:
    bad = dict(given["server"], secret="wrong")
    server(**bad).fetch_token(here("token_endpoint"), grant_type="client_credentials")
    raise SystemExit("a wrong secret was taken")
except OAuthError as error:
    assert error.error == "invalid_client", error
done("invalid_client")

# A person lets an app in, with PKCE made by the library.
app = given["app"]
session = OAuth2Session(
    app["id"], app["secret"], scope=app["scope"], redirect_uri=app["redirect_uri"], code_challenge_method="S256")
verifier = "v" * 43
address, state = session.create_authorization_url(here("authorization_endpoint"), code_verifier=verifier, nonce="n-0S6")
browser = requests.Session()


def submit(page, **fields):
    action = re.search(r'<form method="post" action="([^"]+)"', page.text).group(1)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    fields.update({name: html.unescape(value) for name, value in hidden.items()})
    return browser.post(urllib.parse.urljoin(base, action), data=fields, allow_redirects=False, timeout=30)


page = browser.get(address, allow_redirects=False, timeout=30)
assert page.status_code == 200, page.text
page = submit(page, email=app["email"], password=app["password"])
assert page.status_code == 200 and "allow" in page.text, page.text
back = submit(page, decision="allow")
assert back.status_code == 303, back.text
token = session.fetch_token(
    here("token_endpoint"), authorization_response=back.headers["Location"], code_verifier=verifier, state=state)
done("authorization_code")
keys = JsonWebKey.import_key_set(requests.get(here("jwks_uri"), timeout=10).json())
claims = jwt.decode(
    token["id_token"], keys, claims_cls=CodeIDToken,
    claims_options={"iss": {"values": [meta["issuer"]]}, "aud": {"value": app["id"]}},
    claims_params={"nonce": "n-0S6", "access_token": token["access_token"]})
claims.validate(leeway=30)
done("id_token")
who = session.get(here("userinfo_endpoint")).json()
assert who["sub"] == claims["sub"] and who["name"] == app["name"], who
done("userinfo")
first = token["access_token"]
token = session.refresh_token(here("token_endpoint"), refresh_token=token["refresh_token"])
assert token["access_token"] != first and token["refresh_token"]
done("refresh_token")
try:
    session.fetch_token(
        here("token_endpoint"), authorization_response=back.headers["Location"], code_verifier=verifier, state=state)
    raise SystemExit("a code was taken twice")
except OAuthError as error:
    assert error.error == "invalid_grant", error
assert requests.get(
    here("userinfo_endpoint"), headers={"Authorization": "Bearer " + token["access_token"]}, timeout=10
).status_code == 401
done("replay")

# A device without a browser: the library's session asks, a person lets it in with a browser elsewhere.
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
device = OAuth2Session(given["device"]["id"], token_endpoint_auth_method="none", scope=given["device"]["scope"])
codes = requests.post(
    here("device_authorization_endpoint"), timeout=10,
    data={"client_id": given["device"]["id"], "scope": given["device"]["scope"]}).json()
assert codes["verification_uri"] == meta["issuer"] + "/oauth/device" and codes["interval"] >= 5, codes


def poll():
    return device.fetch_token(here("token_endpoint"), grant_type=GRANT, device_code=codes["device_code"])


def refused(error):
    try:
        poll()
    except OAuthError as caught:
        assert caught.error == error, caught
    else:
        raise SystemExit("tokens instead of " + error)


refused("authorization_pending")
refused("slow_down")
done("device_pending")
there = urllib.parse.urlsplit(codes["verification_uri_complete"])
page = browser.get(base + there.path + "?" + there.query, timeout=30)
if "password" in page.text:
    page = submit(page, email=app["email"], password=app["password"])
    assert page.status_code == 303, page.text
    page = browser.get(urllib.parse.urljoin(base, page.headers["Location"]), timeout=30)
page = submit(page, user_code=codes["user_code"].lower())
assert page.status_code == 200 and codes["user_code"] in page.text and "allow" in page.text, page.text
page = submit(page, decision="allow")
assert page.status_code == 200 and "connected" in page.text, page.text
token = poll()
assert token["scope"] == given["device"]["scope"] and token["refresh_token"], token
done("device_code")
claims = jwt.decode(
    token["id_token"], keys, claims_cls=CodeIDToken,
    claims_options={"iss": {"values": [meta["issuer"]]}, "aud": {"value": given["device"]["id"]}})
claims.validate(leeway=30)
refused("invalid_grant")
done("device_consumed")
