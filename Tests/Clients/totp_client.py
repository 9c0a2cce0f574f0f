"""pyotp, an authenticator of others, against the auth service: its codes are what matters.

totp_client.py BASE_URL < a JSON object of what the test prepared > prints the name of each step that went well.
"""
import json
import sys
import urllib.error
import urllib.request

import pyotp

base, given = sys.argv[1], json.load(sys.stdin)


def send(method, path, fields=None, token=None):
    """The status and what came with it."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    body = None if fields is None else json.dumps(fields).encode()
    request = urllib.request.Request(base + path, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            text, status = reply.read(), reply.status
    except urllib.error.HTTPError as error:
        text, status = error.read(), error.code
    return status, json.loads(text) if text else None


def login():
    return send("POST", "/api/v1/auth/login", {"email": given["email"], "password": given["password"]})


def challenge():
    status, problem = login()
    assert status == 401 and problem["code"] == "mfa_required", problem
    return problem["challenge"]


def complete(code, to=None):
    return send("POST", "/api/v1/auth/login/second-factor", {"challenge": to or challenge(), "code": code})


def done(step):
    print(step, flush=True)


def next_code():
    """A code that was not used yet: of the step before that of the server's clock, which tests hold, then the next ones."""
    steps["last"] += 1
    return totp.generate_otp(steps["last"])


steps = {"last": given["now"] // 30 - 2}
status, tokens = login()
assert status == 200, tokens
access = tokens["access_token"]
status, enrolment = send("POST", "/api/v1/auth/second-factor/totp", token=access)
assert status == 201, enrolment
totp = pyotp.parse_uri(enrolment["uri"])
assert isinstance(totp, pyotp.TOTP) and totp.secret == enrolment["secret"], enrolment
assert (totp.digits, totp.interval, totp.name, totp.issuer) == (6, 30, given["email"], "Gravity"), enrolment
status, confirmed = send("POST", "/api/v1/auth/second-factor/totp/confirm", {"code": next_code()}, token=access)
assert status == 200 and len(confirmed["codes"]) == 10, confirmed
done("enrol")

code = next_code()
status, tokens = complete(code)
assert status == 200, tokens
done("login")

status, problem = complete(code)
assert status == 401 and problem["code"] == "invalid_code", problem
done("reuse")

status, tokens = complete(confirmed["codes"][0])
assert status == 200, tokens
status, problem = complete(confirmed["codes"][0])
assert status == 401 and problem["code"] == "invalid_code", problem
status, state = send("GET", "/api/v1/auth/second-factor", token=tokens["access_token"])
assert status == 200 and state["recovery_codes_left"] == 9, state
done("recovery_code")

status, stepped = send("POST", "/api/v1/auth/step-up", {"code": next_code()}, token=tokens["access_token"])
assert status == 200, stepped
status, nothing = send("DELETE", "/api/v1/auth/second-factor/totp", token=stepped["access_token"])
assert status == 204, nothing
status, tokens = login()
assert status == 200, tokens
done("remove")
