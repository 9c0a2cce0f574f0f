"""A stand-in for the platform behind the console: auth and sagas with made-up data, and the console's files."""
import base64
import datetime
import http.server
import json
import pathlib
import random
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from stand_in_access import OPENAPI, Access, Refusal, ordered_id
from stand_in_elsewhere import Elsewhere
from stand_in_gateway import Gateway
from stand_in_own import Own

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ROOT / "Sources" / "Console" / "Files"
PASSWORD = "correct horse"
PERMISSIONS = {
    "admin": ["*:*"], "user": [],
    "reader": ["sagas:read", "accounts:read", "roles:read", "clients:read", "notifications:read", "gateway:read"],
}
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
STATES = ("running", "waiting", "compensating", "parked", "completed", "compensated")

AWAY = "The payment service answered 503 after 2 attempts: temporarily_unavailable"
REFUSED = "connection to inventory refused"
LATE = "no answer from payment within 5 s"
LONG = (
    "The ledger refused the transfer: account 4f1c is frozen for review; the capture of 1 249.00 EUR for authorization "
    "auth_9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a0 was declined by the acquirer with code "
    "do_not_honor (05), after 3 network attempts over two acquirers, the last one answering in 4 812 ms. Ask the "
    "payments team before trying again; see the runbook for captures that are refused after the stock was committed. "
    "<img src=x onerror=alert(1)>"
)


def stamp(seconds):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Sagas:
    """Every state, as the saga store would show it."""

    def __init__(self, count):
        self.random = random.Random(7)
        self.all = {}
        self.lock = threading.RLock()
        now = time.time()
        for number in range(count):
            self.add(self.random.choices(["completed", "compensated"], [9, 1])[0], now - 60 - number * 29)
        for state, number in (("parked", 3), ("waiting", 4), ("compensating", 2), ("running", 2)):
            for index in range(number):
                self.add(state, now - 700 - index * 31 if state != "running" else now - 50 + index)

    def id(self, moment):
        data = bytearray(int(moment * 1000).to_bytes(6, "big") + self.random.randbytes(10))
        data[6], data[8] = data[6] & 15 | 0x70, data[8] & 63 | 128
        return str(uuid.UUID(bytes=bytes(data)))

    def add(self, state, moment=None):
        with self.lock:
            saga = self.make(state, moment or time.time())
            self.all[saga["id"]] = saga
            return saga

    def make(self, state, began):
        now = began + 0.002
        steps = []

        def attempt(name, number=1, kind="action", ended="done", length=None, error=None, pause=0.0004):
            nonlocal now
            length = 0.001 + self.random.random() * 0.02 if length is None else length
            step = {
                "name": name, "kind": kind, "attempt": number, "state": ended, "started_at": stamp(now),
                "ended_at": stamp(now + length), "duration_ms": length * 1000,
            }
            steps.append({**step, "error": error} if error else step)
            now += length + pause

        saga = {
            "id": self.id(began), "name": "order.placement", "subject": self.id(began - 0.01), "state": state,
            "attempt": 1, "cancel_requested": False, "past_pivot": False, "trace_id": self.random.randbytes(16).hex(),
            "started_at": stamp(began), "steps": steps,
        }
        attempt("reserve")
        if state == "completed":
            if self.random.random() < 0.15:
                attempt("authorize", ended="waiting", pause=340)
                attempt("authorize", 2)
            else:
                attempt("authorize")
            attempt("commit")
            attempt("capture")
            saga.update(past_pivot=True, attempt=0)
        elif state == "parked":
            attempt("authorize")
            attempt("commit")
            pause = 0.5
            for number in range(1, 13):
                error = AWAY if number < 9 else REFUSED if number < 11 else LATE
                attempt("capture", number, ended="failed" if number < 11 else "timed_out",
                        length=0.02 if number < 11 else 5, error=error, pause=pause)
                pause = min(pause * 2, 60)
            attempt("capture", 13, ended="refused", error=LONG)
            saga.update(step="capture", kind="action", attempt=13, error=LONG, past_pivot=True)
        elif state == "waiting":
            attempt("authorize", ended="waiting")
            saga.update(step="authorize", kind="action", awaiting="payment.moved", next_attempt_at=stamp(time.time() + 900))
        elif state == "running":
            steps.append({"name": "authorize", "kind": "action", "attempt": 1, "state": "running",
                          "started_at": stamp(now), "duration_ms": (time.time() - now) * 1000})
            saga.update(step="authorize", kind="action", owner="order-019ab")
        else:
            attempt("authorize", ended="refused", error="payment_declined: insufficient_funds")
            attempt("authorize", kind="compensation")
            saga.update(reason_code="payment_declined", reason_detail="insufficient_funds")
            if state == "compensated":
                attempt("reserve", kind="compensation")
                saga.update(attempt=0)
            else:
                attempt("reserve", kind="compensation", ended="failed", error=REFUSED, pause=1)
                attempt("reserve", 2, kind="compensation", ended="failed", error=REFUSED, pause=2)
                saga.update(step="reserve", kind="compensation", attempt=3, error=REFUSED,
                            next_attempt_at=stamp(time.time() + 600))
        saga["updated_at"] = stamp(now)
        if state in ("completed", "compensated"):
            saga.update(ended_at=stamp(now), duration_ms=(now - began) * 1000)
        return saga

    @staticmethod
    def shown(saga, steps=False):
        view = {name: value for name, value in saga.items() if steps or name != "steps"}
        if "ended_at" not in saga:
            view["duration_ms"] = (time.time() - seconds_of(saga["started_at"])) * 1000
        return view

    def page(self, query):
        with self.lock:
            found = sorted(self.all.values(), key=lambda saga: saga["id"], reverse=True)
        for name in ("state", "name", "subject"):
            if query.get(name):
                found = [saga for saga in found if saga[name] == query[name]]
        if query.get("cursor"):
            last = base64.urlsafe_b64decode(query["cursor"] + "==").decode()
            found = [saga for saga in found if saga["id"] < last]
        limit = int(query.get("limit", 20))
        page = {"items": [self.shown(saga) for saga in found[:limit]]}
        if len(found) > limit:
            page["next_cursor"] = base64.urlsafe_b64encode(found[limit - 1]["id"].encode()).decode().rstrip("=")
        return page

    def move(self, saga, state):
        """As a saga that went on: its content becomes that of another in `state`."""
        with self.lock:
            began = seconds_of(saga["started_at"])
            kept = {name: saga[name] for name in ("id", "subject", "name", "started_at", "trace_id")}
            saga.clear()
            saga.update(self.make(state, began))
            saga.update(kept, updated_at=stamp(time.time()))


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, address):
        """A browser that goes away in the middle of an answer is none of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, address)


class StandIn:
    """`mode`: empty, fail (a problem instead of lists), events (whether there are any), ttl (of access tokens)."""

    def __init__(self, console=None, sagas=2_989, slow=0):
        self.sagas = Sagas(sagas)
        self.own = Own()
        self.access_data = Access(self.own.require_recent)
        self.gateway = Gateway()
        self.mode = {"empty": False, "fail": False, "events": True, "ttl": 900}
        self.console, self.slow = console, slow
        self.access, self.refresh, self.ended = {}, {}, set()
        self.counts = {"refresh": 0, "reuse": 0}
        self.watchers = []
        # Every path that somebody asked for.
        self.asked = []
        self.lock = threading.RLock()
        self.server = Server(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.elsewhere = Elsewhere(self.address)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(self, saga):
        text = f"event: saga\nid: {saga['id']}\ndata: {json.dumps(self.sagas.shown(saga))}\n\n".encode()
        for watcher in list(self.watchers):
            try:
                watcher.write(text)
                watcher.flush()
            except (OSError, ValueError):
                self.watchers = [other for other in self.watchers if other is not watcher]

    def cut(self):
        """Ends every event stream."""
        self.watchers = []

    def tokens(self, who, family):
        head, body = ({"alg": "none"}, {"permissions": PERMISSIONS[who.split("@")[0]], "n": random.random()})
        access = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (head, body))
        access += ".signature"
        refresh = "grt_" + uuid.uuid4().hex
        self.access[access] = (who, time.time() + self.mode["ttl"], family)
        self.refresh[refresh] = (who, family, [])
        return {"access_token": access, "token_type": "Bearer", "expires_in": self.mode["ttl"],
                "refresh_token": refresh, "refresh_expires_in": 2_592_000}

    def renew(self, token):
        with self.lock:
            self.counts["refresh"] += 1
            who, family, used = self.refresh.get(token, (None, None, None))
            if who is None or family in self.ended:
                return None
            if used:
                # Without the ten seconds of grace of the real one: a test is not to depend on being quick.
                self.counts["reuse"] += 1
                self.ended.add(family)
                return None
            used.append(True)
            return self.tokens(who, family)

    def handler(stand_in):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def parse_request(self):
                is_request = super().parse_request()
                if is_request:
                    self.dawdle()
                return is_request

            def dawdle(self):
                if self.path.startswith("/api/"):
                    time.sleep(random.uniform(0, stand_in.slow))

            def reply(self, status, body=b"", kind="application/json", headers=()):
                self.dawdle()
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Content-Type", kind)
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def problem(self, status, code, title, **more):
                body = {"type": "about:blank", "status": status, "code": code, "title": title, "request_id": "019ab-77", **more}
                self.reply(status, body, "application/problem+json")

            def refuse(self, refusal):
                status, told = refusal.answer
                headers = [("Retry-After", str(told["retry_after"]))] if "retry_after" in told else []
                if told["code"] == "insufficient_user_authentication":
                    level = f', acr_values="{told["acr_values"]}"' if "acr_values" in told else ""
                    challenge = f'Bearer error="insufficient_user_authentication"{level}, max_age="{told["max_age"]}"'
                    headers.append(("WWW-Authenticate", challenge))
                self.reply(status, told, "application/problem+json", headers)

            def body(self):
                return json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))

            def caller(self, permission=None):
                who, ends, family = stand_in.access.get((self.headers.get("authorization") or "")[7:], (None, 0, None))
                if who is None or ends < time.time() or family in stand_in.ended:
                    self.problem(401, "token_expired", "The token has expired")
                    return None
                held = PERMISSIONS[who.split("@")[0]]
                if permission and "*:*" not in held and permission not in held:
                    self.problem(403, "forbidden", "You may not do this", detail=f"It needs {permission}.")
                    return None
                return who

            def do_GET(self):
                stand_in.asked.append(self.path)
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                if url.path == "/" or url.path.startswith("/console"):
                    return self.file(url.path)
                if url.path == "/api/v1/auth/me":
                    who = self.caller()
                    return who and self.reply(200, {
                        "id": ordered_id(1), "email": stand_in.own.address or who, "name": who.split("@")[0].title() + " Example", "roles": ["user"],
                        "email_verified": stand_in.own.is_verified, "created_at": "2026-01-02T03:04:05.000000Z"})
                if url.path == "/.well-known/oauth-authorization-server":
                    return self.reply(200, stand_in.elsewhere.metadata())
                if url.path == "/oauth/authorize":
                    there = stand_in.elsewhere.authorize(query)
                    return self.reply(303, headers=[("Location", there)]) if there else self.reply(400, b"Unknown", "text/plain")
                if url.path == "/openapi.json":
                    return self.reply(200, OPENAPI)
                if self.ours("GET", url.path, query):
                    return None
                if url.path.startswith("/api/v1/sagas") and not self.caller("sagas:read"):
                    return None
                if url.path == "/api/v1/sagas/events":
                    return self.events()
                if url.path == "/api/v1/sagas":
                    return self.list(query)
                if match := re.fullmatch("/api/v1/sagas/([^/]+)", url.path):
                    saga = stand_in.sagas.all.get(match[1])
                    if saga:
                        return self.reply(200, stand_in.sagas.shown(saga, steps=True))
                    return self.problem(404, "not_found", "No such saga")
                return self.problem(404, "not_found", "There is nothing at this address")

            def ours(self, method, path, query=None, body=None):
                """Whether it is answered by what there is of accounts, clients and mail, of the reader's own, or of a gateway."""
                given = (method, path, query or {}, body, self.headers.get("if-match"))
                found = next(filter(None, (part.answer(*given) for part in (stand_in.access_data, stand_in.own, stand_in.gateway))), None)
                if found is None:
                    return False
                permission, answer = found
                if not self.caller(permission):
                    return True
                if stand_in.mode["fail"]:
                    self.problem(503, "temporarily_unavailable", "The service cannot do this now", detail="Try again in a moment.")
                    return True
                try:
                    status, told = answer()
                except Refusal as refusal:
                    self.refuse(refusal)
                    return True
                tag = [("ETag", f'"v{told["version"]}"')] if isinstance(told, dict) and "version" in told else []
                kind = "application/zip" if isinstance(told, bytes) else "application/json"
                self.reply(status, b"" if told is None else told, kind, tag)
                return True

            def do_PATCH(self):
                if not self.ours("PATCH", self.path, body=self.body()):
                    self.problem(404, "not_found", "There is nothing at this address")

            def do_DELETE(self):
                if not self.ours("DELETE", self.path):
                    self.problem(404, "not_found", "There is nothing at this address")

            def step_up(self, body):
                who = self.caller()
                if who is None:
                    return None
                try:
                    stand_in.own.step_up(body)
                except Refusal as refusal:
                    return self.refuse(refusal)
                # The session goes on with its refresh token.
                family = stand_in.access[self.headers["authorization"][7:]][2]
                tokens = stand_in.tokens(who, family)
                return self.reply(200, {name: tokens[name] for name in ("access_token", "token_type", "expires_in")})

            def list(self, query):
                if stand_in.mode["fail"]:
                    return self.problem(503, "temporarily_unavailable", "The service cannot do this now",
                                        detail="Try again in a moment.", retry_after=1)
                if query.get("state") and query["state"] not in STATES:
                    return self.problem(422, "invalid", "Some fields are not valid")
                return self.reply(200, {"items": []} if stand_in.mode["empty"] else stand_in.sagas.page(query))

            def events(self):
                if not stand_in.mode["events"]:
                    return self.problem(503, "temporarily_unavailable", "The service cannot do this now")
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                # Before it says a word: whoever has heard it is told of all that follows.
                stand_in.watchers.append(self.wfile)
                self.wfile.write(b": \n\n")
                self.wfile.flush()
                while self.wfile in stand_in.watchers:
                    time.sleep(0.05)
                return None

            def file(self, path):
                if stand_in.console:
                    try:
                        with urllib.request.urlopen(stand_in.console + path) as answer:
                            headers = [(name, value) for name, value in answer.headers.items()
                                       if name.lower() not in ("content-length", "content-type", "connection", "date")]
                            return self.reply(answer.status, answer.read(), answer.headers["content-type"], headers)
                    except urllib.error.HTTPError as error:
                        return self.reply(error.code, error.read(), error.headers["content-type"])
                name = path.removeprefix("/console/") if path.startswith("/console/assets/") else "index.html"
                file = (FILES / name).resolve()
                if not file.is_relative_to(FILES) or not file.is_file():
                    return self.problem(404, "not_found", "There is nothing at this address")
                kind = TYPES[file.suffix] + ("" if file.suffix == ".svg" else "; charset=utf-8")
                return self.reply(200, file.read_bytes(), kind, policy(of_mail=name == "assets/mail-frame.html"))

            def token(self):
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
                if not stand_in.elsewhere.exchange(form):
                    return self.reply(400, {"error": "invalid_grant", "error_description": "The code, or what came with it, is not good"})
                tokens = stand_in.tokens("admin@example.org", uuid.uuid4().hex)
                return self.reply(200, {**tokens, "scope": "*:* account"})

            def do_POST(self):
                if self.path == "/oauth/token":
                    return self.token()
                if self.headers.get("content-type") != "application/json":
                    return self.problem(415, "unsupported_media_type", "The body must be JSON")
                body = self.body()
                if self.ours("POST", self.path, body=body):
                    return None
                if self.path == "/api/v1/auth/login":
                    if body.get("password") != stand_in.own.password:
                        return self.problem(401, "invalid_credentials", "E-mail or password is wrong")
                    if stand_in.own.is_enrolled:
                        return self.refuse(stand_in.own.challenge())
                    return self.reply(200, stand_in.tokens(body["email"], uuid.uuid4().hex))
                if self.path == "/api/v1/auth/recovery":
                    return self.reply(202)
                if self.path == "/api/v1/auth/recovery/complete":
                    try:
                        stand_in.own.recover(body)
                    except Refusal as refusal:
                        return self.refuse(refusal)
                    return self.reply(204)
                if self.path == "/api/v1/auth/login/second-factor":
                    try:
                        stand_in.own.complete(body)
                    except Refusal as refusal:
                        return self.refuse(refusal)
                    return self.reply(200, stand_in.tokens("admin@example.org", uuid.uuid4().hex))
                if self.path == "/api/v1/auth/login/passkey/options":
                    return self.reply(200, stand_in.own.passkey_request()[1])
                if self.path == "/api/v1/auth/login/passkey":
                    if body["credential"]["id"] != "AAAA":
                        return self.problem(401, "invalid_passkey", "That passkey does not open an account here",
                                            detail="Ask for new options and try again, or sign in another way.")
                    return self.reply(200, stand_in.tokens("admin@example.org", uuid.uuid4().hex))
                if self.path == "/api/v1/auth/step-up":
                    return self.step_up(body)
                if self.path == "/api/v1/auth/refresh":
                    tokens = stand_in.renew(body.get("refresh_token"))
                    if tokens:
                        return self.reply(200, tokens)
                    return self.problem(401, "invalid_grant", "The refresh token is not valid")
                if self.path == "/api/v1/auth/logout":
                    known = stand_in.access.get((self.headers.get("authorization") or "")[7:])
                    if known:
                        stand_in.ended.add(known[2])
                    return self.reply(204)
                if match := re.fullmatch("/api/v1/sagas/([^/]+)/retry", self.path):
                    if not self.caller("sagas:write"):
                        return None
                    saga = stand_in.sagas.all[match[1]]
                    if saga["state"] != "parked":
                        return self.problem(409, "invalid_state", f"Only a parked saga can be tried again: this one is {saga['state']}")
                    stand_in.sagas.move(saga, "running")
                    stand_in.publish(saga)
                    return self.reply(200, stand_in.sagas.shown(saga, steps=True))
                return self.problem(404, "not_found", "There is nothing at this address")

        return Handler


def policy(of_mail=False):
    """The header fields that the Swift service sends, read from where they are written."""
    text = (ROOT / "Sources" / "Console" / "ConsoleResponder.swift").read_text()
    before = r"fields\[\.contentSecurityPolicy\] =" if of_mail else r"\.contentSecurityPolicy:"
    quoted = re.search(before + r"\s*((?:\"[^\"]*\"[\s+]*)+)", text)[1]
    return [
        ("Content-Security-Policy", "".join(re.findall(r'"([^"]*)"', quoted))), ("Cache-Control", "no-cache"),
        ("X-Content-Type-Options", "nosniff"), ("Cross-Origin-Opener-Policy", "same-origin"),
    ]
