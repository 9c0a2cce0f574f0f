"""Accounts, roles, clients, keys and mail of the stand-in: as auth and notification answer, as far as the console asks."""
import re
import time
import urllib.parse
import uuid

EVIL = "<img src=x onerror=alert(1)>"
DEVICE = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
MAIL = (
    "<style>b { color: #b00020 }</style><p>Hello, <b>Ada</b></p><script>top.hacked = true</script>"
    "<img src='/console/assets/icon.svg?leak' onerror='top.hacked = true'><form action='/leak'><button>Send</button></form>"
    "<a href='https://elsewhere.example/track'>look</a><iframe src='/console/'></iframe>"
)
OPENAPI = {"paths": {
    "/api/v1/auth/accounts": {"get": {"x-permission": "accounts:read", "summary": "Accounts by age"}},
    "/api/v1/auth/accounts/{id}": {"patch": {"x-permission": "accounts:write", "summary": "Suspend an account; or others"}},
    "/api/v1/orders": {"get": {"x-permission": "orders:read", "summary": "Orders"}},
}}


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(seconds))


def ordered_id(number):
    return f"01900000-{number:04x}-7000-8000-{number:012x}"


class Refusal(Exception):
    def __init__(self, status, code, title, **more):
        super().__init__(title)
        self.answer = (status, {"status": status, "code": code, "title": title, "request_id": "019ab-77", **more})


class Answers:
    """What answers requests: `routes` are the verb and the path, the permission that they need, and the method by its name."""

    routes = ()

    @staticmethod
    def page(items, query):
        start, limit = int(query.get("cursor", 0)), int(query.get("limit", 20))
        answer = {"items": items[start:start + limit]}
        if len(items) > start + limit:
            answer["next_cursor"] = str(start + limit)
        return answer

    def answer(self, method, path, query, body, if_match):
        """(status, body), or None for a path that is not ours. Raises Refusal."""
        for pattern, permission, name in self.routes:
            verb, pattern = pattern.split(" ")
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                arguments = [urllib.parse.unquote(part) for part in match.groups()]
                return permission, lambda: getattr(self, name)(*arguments, query=query, body=body, if_match=if_match)
        return None

    @staticmethod
    def of(things, id):
        if id not in things:
            raise Refusal(404, "not_found", "There is none")
        return things[id]

    @staticmethod
    def require(thing, if_match):
        if if_match and if_match != f'"v{thing["version"]}"':
            raise Refusal(412, "precondition_failed", "It is another version now")


class Access(Answers):
    """`require_recent` refuses while a step-up is needed."""

    def __init__(self, require_recent):
        self.require_recent = require_recent
        now = time.time()
        self.accounts, self.security, self.sessions = {}, {}, {}
        for number in range(130):
            self.add_account(number, now - 400_000 + number * 60)
        ada = self.accounts[ordered_id(3)]
        ada.update(name=f"Ada {EVIL}", email="ada@example.org")
        self.ada = ada["id"]
        self.accounts[ordered_id(5)]["status"] = "unverified"
        self.sessions[self.ada] = [self.session(number, now) for number in (1, 2)]
        self.roles = {}
        for name, permissions, built_in in (("admin", ["*:*"], True), ("guest", [], True), ("support", ["accounts:read", "orders:*"], False),
                                            ("user", [], True)):
            self.roles[name] = {"name": name, "description": f"What {name} is", "permissions": permissions, "built_in": built_in,
                                "version": 1, "created_at": stamp(now), "updated_at": stamp(now)}
        self.clients, self.keys, self.suppressions = {}, [], {}
        self.mine = [self.session(7, now), {**self.session(8, now), "current": True}]
        self.deliveries = []
        for number, state in enumerate(["sent"] * 60 + ["queued", "bounced", "dead_lettered"]):
            self.deliveries.insert(0, self.delivery(number, state, now - 4_000 + number * 60))
        self.suppress("gone@example.org", "hard_bounce")

    # What there is

    def add_account(self, number, made):
        id = ordered_id(number)
        self.accounts[id] = {"id": id, "email": f"u{number}@example.org", "name": f"User {number}", "status": "active",
                             "roles": ["user"], "version": 1, "created_at": stamp(made), "updated_at": stamp(made)}
        self.security[id] = {"email_verified": True, "has_password": True, "has_second_factor": False, "passkeys": 0, "open_sessions": 0, "failed_logins": 0,
                             "api_keys": [], "consents": 0, "changes": []}

    @staticmethod
    def session(number, now):
        return {"id": ordered_id(900 + number), "user_agent": DEVICE, "address": f"192.0.2.{number}", "created_at": stamp(now - 90_000),
                "last_seen_at": stamp(now - 60 * number), "expires_at": stamp(now + 86_400 * 30), "current": False}

    @staticmethod
    def delivery(number, state, made):
        row = {"id": ordered_id(3_000 + number), "notification_id": ordered_id(2_000 + number), "channel": "email", "state": state,
               "attempts": {"sent": 1, "queued": 0, "bounced": 1}.get(state, 8), "template": "welcome",
               "user_id": ordered_id(3), "created_at": stamp(made)}
        if state == "sent":
            row.update(recipient="ada@example.org", subject=f"Welcome {number} {EVIL}", sent_at=stamp(made + 1))
        if state == "queued":
            row.update(next_attempt_at=stamp(time.time() + 3_000))
        if state == "bounced":
            row.update(reason="rejected", error=f"550 5.1.1 no such mailbox {EVIL}")
        if state == "dead_lettered":
            row.update(reason="retries_exhausted", error="421 4.3.2 try again later, from mail.example.org")
        return row

    def suppress(self, address, reason):
        self.suppressions[address] = {"address": address, "reason": reason, "created_at": stamp(time.time())}

    # How it answers

    def list_accounts(self, query, **_):
        items = sorted(self.accounts.values(), key=lambda one: one["id"], reverse=query.get("sort") == "-created_at")
        if query.get("q"):
            items = [one for one in items if (one["email"] or "").startswith(query["q"].lower())]
        items = [one for one in items if query.get("status") in (None, one["status"])]
        items = [one for one in items if query.get("role") is None or query["role"] in one["roles"]]
        return 200, self.page(items, query)

    def account(self, id, **_):
        return 200, self.of(self.accounts, id)

    def account_security(self, id, **_):
        return 200, {**self.of(self.security, id), "open_sessions": len(self.sessions.get(id, []))}

    def account_sessions(self, id, query, **_):
        return 200, self.page(self.sessions.get(id, []), query)

    def end_account_session(self, id, session, **_):
        self.sessions[id] = [one for one in self.sessions[id] if one["id"] != session]
        return 204, None

    def end_account_sessions(self, id, **_):
        self.sessions[id] = []
        return 204, None

    def reset_second_factor(self, id, **_):
        self.of(self.accounts, id)
        if not self.security[id]["passkeys"] and not self.security[id]["has_second_factor"]:
            raise Refusal(409, "not_enrolled", "The account has no second factor")
        self.security[id].update(passkeys=0, has_second_factor=False)
        self.sessions[id] = []
        return 204, None

    def update_account(self, id, body, if_match, **_):
        account = self.of(self.accounts, id)
        self.require(account, if_match)
        if body.get("roles") == []:
            raise Refusal(409, "last_administrator", "Nobody could administer the platform any more",
                          detail="Make somebody else an administrator first.")
        for kind in ("status", "roles"):
            if kind in body:
                text = (lambda value: " ".join(value) if isinstance(value, list) else value)
                self.security[id]["changes"].insert(0, {
                    "id": str(uuid.uuid4()), "kind": kind, "before": text(account[kind]), "after": text(body[kind]),
                    "by": ordered_id(1), "at": stamp(time.time()), **({"reason": body["reason"]} if "reason" in body else {})})
                account[kind] = body[kind]
        account["version"] += 1
        if body.get("status") == "suspended":
            self.sessions[id] = []
        return 200, account

    def users(self, **_):
        return 200, {"items": [{"id": self.ada, "display_name": "Ada", "email": "ada@example.org"}]}

    def resend(self, **_):
        return 202, {}

    def list_roles(self, **_):
        return 200, {"items": [self.roles[name] for name in sorted(self.roles)], "policy_version": 1}

    def role(self, name, **_):
        return 200, self.of(self.roles, name)

    def role_holders(self, **_):
        return 200, {"items": [{"role": name, "count": sum(name in one["roles"] for one in self.accounts.values()), "has_more": False}
                               for name in sorted(self.roles)]}

    def create_role(self, body, **_):
        if body["name"] in self.roles:
            raise Refusal(409, "role_exists", "There is a role of that name")
        self.roles[body["name"]] = {**body, "built_in": False, "version": 1, "created_at": stamp(time.time()), "updated_at": stamp(time.time())}
        return 201, self.roles[body["name"]]

    def update_role(self, name, body, if_match, **_):
        self.require(self.of(self.roles, name), if_match)
        self.roles[name].update(body, version=self.roles[name]["version"] + 1)
        return 200, self.roles[name]

    def delete_role(self, name, if_match, **_):
        self.require(self.of(self.roles, name), if_match)
        del self.roles[name]
        return 204, None

    def list_clients(self, query, **_):
        return 200, self.page(list(self.clients.values()), query)

    def client(self, id, **_):
        return 200, self.of(self.clients, id)

    def create_client(self, body, **_):
        bad = [{"field": f"redirect_uris.{index}", "code": "format", "message": "must be https"}
               for index, uri in enumerate(body["redirect_uris"]) if "refuse" in uri]
        if bad:
            raise Refusal(422, "invalid", "Some fields are not valid", errors=bad)
        id = ordered_id(5_000 + len(self.clients))
        has_secrets = body["authentication"].startswith("client_secret")
        secrets = [{"id": str(uuid.uuid4()), "created_at": stamp(time.time() - 60)}] if has_secrets else []
        self.clients[id] = {**body, "id": id, "enabled": True, "built_in": False, "secrets": secrets, "version": 1,
                            "created_at": stamp(time.time()), "updated_at": stamp(time.time())}
        return 201, {"client": self.clients[id], **({"client_secret": "gcs_first-secret"} if has_secrets else {})}

    def update_client(self, id, body, if_match, **_):
        self.require(self.of(self.clients, id), if_match)
        self.clients[id].update(body, version=self.clients[id]["version"] + 1)
        return 200, self.clients[id]

    def delete_client(self, id, **_):
        del self.clients[id]
        return 204, None

    def create_secret(self, id, **_):
        secret = {"id": str(uuid.uuid4()), "created_at": stamp(time.time())}
        self.clients[id]["secrets"].append(secret)
        return 201, {**secret, "client_secret": "gcs_second-secret"}

    def delete_secret(self, id, secret, **_):
        self.clients[id]["secrets"] = [one for one in self.clients[id]["secrets"] if one["id"] != secret]
        return 204, None

    def list_keys(self, query, **_):
        return 200, self.page(self.keys, query)

    def create_key(self, body, **_):
        self.require_recent()
        key = {"id": str(uuid.uuid4()), "created_at": stamp(time.time()), **body}
        self.keys.insert(0, key)
        return 201, {"key": key, "secret": "gk_the-secret"}

    def delete_key(self, id, **_):
        self.keys = [key for key in self.keys if key["id"] != id]
        return 204, None

    def own_sessions(self, query, **_):
        return 200, self.page(self.mine, query)

    def end_session(self, id, **_):
        self.mine = [one for one in self.mine if one["id"] != id]
        return 204, None

    def end_other_sessions(self, **_):
        self.mine = [one for one in self.mine if one["current"]]
        return 204, None

    def change_password(self, body, **_):
        if body["current_password"] != "correct horse":
            raise Refusal(422, "invalid_credentials", "The current password is wrong",
                          errors=[{"field": "current_password", "code": "wrong", "message": "is not the current password"}])
        return 204, None

    def list_deliveries(self, query, **_):
        items = self.deliveries
        for name in ("state", "recipient", "user_id", "about", "template", "notification_id"):
            items = [one for one in items if query.get(name) in (None, one.get(name))]
        return 200, self.page(items, query)

    def statistics(self, **_):
        states = {}
        for one in self.deliveries:
            states[one["state"]] = states.get(one["state"], 0) + 1
        return 200, {"states": [{"channel": "email", "state": state, "count": count} for state, count in states.items()],
                     "total": len(self.deliveries)}

    def notification(self, id, **_):
        row = next((one for one in self.deliveries if one["notification_id"] == id), None)
        if row is None:
            raise Refusal(404, "not_found", "There is no such notification")
        history = [{"at": row["created_at"], "state": "queued"}]
        history += [{"at": row["created_at"], "state": "queued", "detail": "421 4.3.2 later"}] * (3 if row["attempts"] == 8 else 0)
        if row["state"] != "queued":
            history.append({"at": row["created_at"], "state": row["state"], "reason": row.get("reason"), "detail": row.get("error")})
        delivery = {**row, "history": [{name: value for name, value in step.items() if value} for step in history]}
        return 200, {"id": id, "template": row["template"], "user_id": row["user_id"], "deliveries": [delivery], "created_at": row["created_at"]}

    def messages(self, id, **_):
        row = next((one for one in self.deliveries if one["notification_id"] == id), {})
        if row.get("state") != "sent":
            return 200, {"items": []}
        return 200, {"items": [{**row, "body": f"Hello, Ada {EVIL}", "html": MAIL, "message_id": f"{row['id']}@example.org",
                                "template_version": 0, "locale": "en"}]}

    def retry(self, id, **_):
        row = next(one for one in self.deliveries if one["notification_id"] == id)
        if row["state"] != "dead_lettered":
            raise Refusal(409, "invalid_state", "None of its deliveries is a dead letter")
        row.update(state="queued", attempts=0, reason=None, error=None)
        return self.notification(id)

    def retry_all(self, **_):
        dead = [one for one in self.deliveries if one["state"] == "dead_lettered"]
        for row in dead:
            row.update(state="queued", attempts=0, reason=None, error=None)
        return 202, {"retried": len(dead), "has_more": False}

    def list_suppressions(self, query, **_):
        return 200, self.page(list(self.suppressions.values()), query)

    def suppression(self, address, **_):
        return 200, self.of(self.suppressions, address)

    def delete_suppression(self, address, **_):
        self.of(self.suppressions, address)
        del self.suppressions[address]
        return 204, None

    def add_suppression(self, body, **_):
        self.suppress(body["address"], body["reason"])
        return 200, self.suppressions[body["address"]]


AUTH, MAILS = "/api/v1/auth", "/api/v1/notifications"
Access.routes = [
    (f"GET {AUTH}/accounts", "accounts:read", "list_accounts"), (f"GET {AUTH}/accounts/([^/]+)", "accounts:read", "account"),
    (f"PATCH {AUTH}/accounts/([^/]+)", "accounts:write", "update_account"),
    (f"GET {AUTH}/accounts/([^/]+)/security", "accounts:read", "account_security"),
    (f"GET {AUTH}/accounts/([^/]+)/sessions", "accounts:read", "account_sessions"),
    (f"DELETE {AUTH}/accounts/([^/]+)/second-factor", "accounts:write", "reset_second_factor"),
    (f"DELETE {AUTH}/accounts/([^/]+)/sessions", "accounts:write", "end_account_sessions"),
    (f"DELETE {AUTH}/accounts/([^/]+)/sessions/([^/]+)", "accounts:write", "end_account_session"),
    ("GET /api/v1/users", "users:read", "users"), (f"POST {AUTH}/verify/resend", None, "resend"),
    (f"GET {AUTH}/roles", "roles:read", "list_roles"), (f"GET {AUTH}/role-holders", "roles:read", "role_holders"),
    (f"POST {AUTH}/roles", "roles:write", "create_role"), (f"GET {AUTH}/roles/([^/]+)", "roles:read", "role"),
    (f"PATCH {AUTH}/roles/([^/]+)", "roles:write", "update_role"), (f"DELETE {AUTH}/roles/([^/]+)", "roles:write", "delete_role"),
    (f"GET {AUTH}/clients", "clients:read", "list_clients"), (f"POST {AUTH}/clients", "clients:write", "create_client"),
    (f"GET {AUTH}/clients/([^/]+)", "clients:read", "client"), (f"PATCH {AUTH}/clients/([^/]+)", "clients:write", "update_client"),
    (f"DELETE {AUTH}/clients/([^/]+)", "clients:write", "delete_client"),
    (f"POST {AUTH}/clients/([^/]+)/secrets", "clients:write", "create_secret"),
    (f"DELETE {AUTH}/clients/([^/]+)/secrets/([^/]+)", "clients:write", "delete_secret"),
    (f"GET {AUTH}/api-keys", None, "list_keys"), (f"POST {AUTH}/api-keys", None, "create_key"),
    (f"DELETE {AUTH}/api-keys/([^/]+)", None, "delete_key"), (f"GET {AUTH}/sessions", None, "own_sessions"),
    (f"DELETE {AUTH}/sessions/([^/]+)", None, "end_session"), (f"DELETE {AUTH}/sessions", None, "end_other_sessions"),
    (f"POST {AUTH}/password", None, "change_password"),
    (f"GET {MAILS}/deliveries", "notifications:read", "list_deliveries"), (f"GET {MAILS}/statistics", "notifications:read", "statistics"),
    (f"POST {MAILS}/dead-letters/retry", "notifications:write", "retry_all"),
    (f"GET {MAILS}/([^/]+)", "notifications:read", "notification"), (f"GET {MAILS}/([^/]+)/messages", "notifications:read", "messages"),
    (f"POST {MAILS}/([^/]+)/retry", "notifications:write", "retry"),
    ("GET /api/v1/notification-suppressions", "notifications:read", "list_suppressions"),
    ("POST /api/v1/notification-suppressions", "notifications:write", "add_suppression"),
    ("GET /api/v1/notification-suppressions/([^/]+)", "notifications:read", "suppression"),
    ("DELETE /api/v1/notification-suppressions/([^/]+)", "notifications:write", "delete_suppression"),
]
