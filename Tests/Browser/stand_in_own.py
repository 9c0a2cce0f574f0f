"""What is the reader's own in the stand-in: second factor, passkeys, providers, exports, consents, erasure and teams, as auth
and the user service answer, as far as the console asks."""
import time
import uuid

from stand_in_access import EVIL, Answers, Refusal, ordered_id, stamp

ME = ordered_id(1)
# Good, at the stand-in, for as long as `Own.spent` does not name them.
CODE, RECOVERY = "123456", "aaaa-bbbb-cccc-dddd-eeee-ffff"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
DAY = 86_400


class Own(Answers):
    """`is_recent`: whether a step-up is not needed. `blocked`: seconds until a code may be tried again."""

    def __init__(self):
        now = time.time()
        self.is_recent, self.blocked, self.is_verified = True, 0, True
        # Second factor and what is shown of it
        self.is_enrolled, self.enrolling, self.codes, self.spent = False, False, [], set()
        self.challenges, self.challenge_lifetime = {}, 300
        self.passkeys = [{"id": ordered_id(70), "name": f"Laptop {EVIL}", "transports": ["internal"], "backed_up": False,
                          "created_at": stamp(now - 9 * DAY), "last_used_at": stamp(now - DAY)}]
        self.identities = [{"id": ordered_id(80), "provider": "acme", "display_name": "Acme", "email": "ada@acme.example",
                            "linked_at": stamp(now - 9 * DAY)}]
        self.providers = [{"name": "acme", "display_name": "Acme"}, {"name": "globex", "display_name": "Globex"}]
        self.has_password, self.password, self.address = True, "correct horse", None
        # The user service's
        self.profile = {"id": ME, "display_name": "Admin Example", "email": "admin@example.org", "locale": "en", "timezone": "UTC",
                        "status": "active", "version": 3, "created_at": stamp(now - 90 * DAY), "updated_at": stamp(now - DAY)}
        self.is_last_administrator = False
        self.exports, self.records, self.documents = [], [], {}
        self.publish("marketing", 2, "News by mail", f"We mail you about new things. {EVIL}\n\nYou can stop it at any time.")
        self.publish("terms", 1, "Terms of use", "Be kind to each other.")
        self.teams, self.members, self.invites = {}, {}, {}

    def publish(self, purpose, version, title, text):
        self.documents[purpose] = {"purpose": purpose, "version": version, "title": title, "text": text, "digest": "0" * 64,
                                   "published_at": stamp(time.time() - DAY), "published_by": ordered_id(2)}

    def add_team(self, name, role, others=()):
        id, now = str(uuid.uuid4()), time.time()
        self.teams[id] = {"id": id, "name": name, "version": 1, "created_at": stamp(now), "updated_at": stamp(now)}
        self.members[id], self.invites[id] = {}, []
        for number, (user, display_name, has) in enumerate([(ME, "Admin Example", role), *others]):
            self.members[id][user] = {"user_id": user, "display_name": display_name, "role": has, "version": 1,
                                      "joined_at": stamp(now - DAY * (30 - number % 30))}
        return id

    def add_export(self, state):
        now = time.time()
        parts = [{"service": "user", **({} if state == "queued" else {"kinds": {"profile": 1}})},
                 {"service": "order", **({"kinds": {"order": 2}} if state == "ready" else {})}]
        self.exports.insert(0, {"id": str(uuid.uuid4()), "state": state, "parts": parts, "requested_at": stamp(now - 60),
                                "has_link": False,
                                **({"ready_at": stamp(now), "expires_at": stamp(now + 7 * DAY), "size": 48_211} if state == "ready" else {}),
                                **({"failure": "not_in_time"} if state == "failed" else {})})
        return self.exports[0]

    # Proofs

    def require_recent(self, needs_code=True):
        if not self.is_recent:
            methods = ["totp", "recovery_code"] if self.is_enrolled else ["password"] if self.has_password else []
            raise Refusal(401, "insufficient_user_authentication", "That takes a more recent or stronger authentication",
                          detail="Show a code at /api/v1/auth/step-up, then try again with its token.", max_age=600,
                          methods=methods + (["passkey"] if self.passkeys else []),
                          **({"acr_values": "aal2"} if self.is_enrolled and needs_code else {}))

    def require_unblocked(self):
        if self.blocked:
            raise Refusal(429, "too_many_attempts", "Too many failed attempts", detail="Wait, then try again.", retry_after=self.blocked)

    def takes(self, code):
        """Whether a code is good now; it is not a second time."""
        code = (code or "").strip().lower()
        if code not in (CODE, RECOVERY) or code in self.spent:
            return False
        self.spent.add(code)
        return True

    def challenge(self):
        token = "gmc_" + uuid.uuid4().hex
        self.challenges[token] = 0
        return Refusal(401, "mfa_required", "The account has a second factor", detail="Send the challenge and a code to …",
                       challenge=token, expires_in=self.challenge_lifetime, methods=["totp", "recovery_code"])

    def complete(self, body):
        """What a login goes on with. Raises Refusal unless the code is good."""
        if body["challenge"] not in self.challenges:
            raise Refusal(401, "invalid_challenge", "The login is not good any more", detail="Log in again.")
        self.require_unblocked()
        if not self.takes(body["code"]):
            self.challenges[body["challenge"]] += 1
            if self.challenges[body["challenge"]] >= 5:
                del self.challenges[body["challenge"]]
            raise Refusal(401, "invalid_code", "The code is wrong or was used before", detail="Wait for the next code, then try again.")
        del self.challenges[body["challenge"]]

    def step_up(self, body):
        self.require_unblocked()
        if "passkey" not in body and self.is_enrolled:
            if not self.takes(body.get("code")):
                raise Refusal(422, "invalid_code", "The code is wrong or was used before", detail="Wait for the next code, then try again.",
                              errors=[{"field": "code", "code": "wrong", "message": "is not a code that is good now"}])
        elif "passkey" not in body and body.get("password") != self.password:
            raise Refusal(422, "invalid_credentials", "The password is wrong",
                          errors=[{"field": "password", "code": "wrong", "message": "is not the current password"}])
        self.is_recent = True

    def require_token(self, body):
        if body["token"] != "good-token":
            raise Refusal(400, "invalid_token", "The token is not good any more", detail="It works once. Ask for a new one.")

    def verify(self, body, **_):
        self.require_token(body)
        self.is_verified = True
        return 204, None

    def recover(self, body):
        """Sets a new password, which whoever is not signed in may do."""
        self.require_token(body)
        if "password" in body["new_password"]:
            raise Refusal(422, "invalid", "Some fields are not valid",
                          errors=[{"field": "new_password", "code": "guessable", "message": "is one of the first that are guessed"}])
        self.password = body["new_password"]

    def change_email(self, body, **_):
        self.require_recent()
        if body["current_password"] != self.password:
            raise Refusal(422, "invalid_credentials", "The current password is wrong",
                          errors=[{"field": "current_password", "code": "wrong", "message": "is not the current password"}])
        if body["new_email"] == (self.address or "admin@example.org"):
            raise Refusal(422, "invalid", "Some fields are not valid",
                          errors=[{"field": "new_email", "code": "unchanged", "message": "is the address that the account has"}])
        self.wanted = body["new_email"]
        return 202, None

    def confirm_email(self, body, **_):
        self.require_token(body)
        self.address, self.is_verified = self.wanted, True
        return 204, None

    def security(self, **_):
        return 200, {"has_password": self.has_password, "has_second_factor": self.is_enrolled, "passkeys": len(self.passkeys)}

    # The second factor

    def second_factor(self, **_):
        left = sum(code not in self.spent for code in self.codes)
        return 200, {"enabled": self.is_enrolled, "recovery_codes_left": left,
                     **({"enrolled_at": stamp(time.time() - DAY)} if self.is_enrolled else {})}

    def enrol(self, **_):
        self.require_recent()
        if self.is_enrolled:
            raise Refusal(409, "already_enrolled", "The account has a second factor", detail="Remove it first, to use another app.")
        self.enrolling = True
        return 201, {"secret": SECRET, "uri": f"otpauth://totp/Gravity:admin%40example.org?secret={SECRET}&issuer=Gravity",
                     "expires_at": stamp(time.time() + 600)}

    def confirm(self, body, **_):
        self.require_unblocked()
        if not self.enrolling:
            raise Refusal(409, "not_enrolling", "There is no secret that waits for its first code",
                          detail="Ask for one at /api/v1/auth/second-factor/totp.")
        if not self.takes(body["code"]):
            raise Refusal(422, "invalid_code", "The code is wrong or was used before", detail="Wait for the next code, then try again.",
                          errors=[{"field": "code", "code": "wrong", "message": "is not a code that is good now"}])
        self.is_enrolled, self.enrolling = True, False
        return 200, self.new_codes()

    def new_codes(self):
        self.codes = [RECOVERY] + [f"{number}{number}{number}{number}-bcde-fghi-jkmn-pqrs-tuvw" for number in range(2, 8)] + [
            f"zz{letter}y-bcde-fghi-jkmn-pqrs-tuvw" for letter in "abc"]
        return {"codes": self.codes}

    def require_enrolled(self):
        self.require_recent()
        if not self.is_enrolled:
            raise Refusal(409, "not_enrolled", "The account has no second factor")

    def remove_factor(self, **_):
        self.require_enrolled()
        self.is_enrolled, self.codes = False, []
        return 204, None

    def renew_codes(self, **_):
        self.require_enrolled()
        return 201, self.new_codes()

    # Passkeys and providers

    def list_passkeys(self, **_):
        return 200, {"items": self.passkeys}

    def passkey_options(self, **_):
        self.require_recent()
        if len(self.passkeys) >= 20:
            raise Refusal(409, "too_many_passkeys", "An account has 20 passkeys at most")
        return 200, {"rp": {"id": "localhost", "name": "Gravity"}, "user": {"id": "AAAA", "name": "a", "displayName": "A"},
                     "challenge": "AAAA", "pubKeyCredParams": [{"type": "public-key", "alg": -7}], "timeout": 300_000,
                     "excludeCredentials": [], "attestation": "none",
                     "authenticatorSelection": {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"}}

    def passkey_request(self, **_):
        return 200, {"challenge": "AAAA", "timeout": 300_000, "rpId": "localhost", "allowCredentials": [], "userVerification": "required"}

    def add_passkey(self, body, **_):
        self.passkeys.append({"id": str(uuid.uuid4()), "name": body.get("name", "Passkey"), "transports": [], "backed_up": True,
                              "created_at": stamp(time.time())})
        return 201, self.passkeys[-1]

    def rename_passkey(self, id, body, **_):
        passkey = self.of({one["id"]: one for one in self.passkeys}, id)
        passkey["name"] = body["name"]
        return 200, passkey

    def remove_passkey(self, id, **_):
        self.of({one["id"]: one for one in self.passkeys}, id)
        self.require_recent()
        self.require_way_in(len(self.passkeys) > 1 or self.identities)
        self.passkeys = [one for one in self.passkeys if one["id"] != id]
        return 204, None

    def require_way_in(self, others):
        if not self.has_password and not others:
            raise Refusal(409, "last_way_in", "Nobody could sign in to the account any more",
                          detail="Set a password at /api/v1/auth/recovery, or add another passkey, first.")

    def list_identities(self, **_):
        return 200, {"items": self.identities, "providers": self.providers}

    def link(self, body, **_):
        self.require_recent()
        return 201, {"uri": f"/oauth/providers/{body['provider']}/link?ticket=1", "expires_in": 600}

    def unlink(self, id, **_):
        self.of({one["id"]: one for one in self.identities}, id)
        self.require_recent()
        self.require_way_in(len(self.identities) > 1 or self.passkeys)
        self.identities = [one for one in self.identities if one["id"] != id]
        return 204, None

    # One's data

    def own_profile(self, **_):
        return 200, self.profile

    def erase(self, if_match, **_):
        self.require_recent(needs_code=False)
        if self.is_last_administrator:
            raise Refusal(409, "last_administrator", "Nobody could administer the platform any more",
                          detail="Make somebody else an administrator first.")
        self.require(self.profile, if_match)
        self.profile.update(status="pending_deletion", deletion_due_at=stamp(time.time() + 30 * DAY), version=self.profile["version"] + 1)
        return 202, self.profile

    def restore(self, **_):
        self.profile.update(status="active", version=self.profile["version"] + 1)
        self.profile.pop("deletion_due_at", None)
        return 200, self.profile

    def list_exports(self, query, **_):
        return 200, self.page(self.exports, query)

    def request_export(self, **_):
        under_way = next((one for one in self.exports if one["state"] in ("queued", "collecting")), None)
        if under_way:
            raise Refusal(409, "export_under_way", "An export is under way already",
                          detail=f"GET /api/v1/users/me/exports/{under_way['id']} says how far it is.", export_id=under_way["id"])
        if len(self.exports) >= 3:
            raise Refusal(429, "exports_limited", "There were 3 exports within a day",
                          detail="The last archive can be downloaded until it expires.", retry_after=3_600)
        return 202, self.add_export("queued")

    def archive(self, id, **_):
        self.require_recent(needs_code=False)
        export = self.of({one["id"]: one for one in self.exports}, id)
        if export["state"] != "ready":
            raise Refusal(409, "export_not_ready", "There is no archive to download", state=export["state"])
        return 200, b"PK\x05\x06" + bytes(18)

    def list_documents(self, query, **_):
        return 200, self.page(list(self.documents.values()), query)

    def list_consents(self, **_):
        latest = {record["purpose"]: record for record in reversed(self.records)}
        states = []
        for purpose, record in sorted(latest.items()):
            current, given = self.documents[purpose]["version"], record["decision"] == "given"
            states.append({"record": record, "current_version": current, "given": given, "current": given and record["version"] == current})
        return 200, {"items": states}

    def change_consent(self, body, **_):
        document = self.of(self.documents, body["purpose"])
        if body["decision"] == "given" and body.get("version") != document["version"]:
            raise Refusal(409, "document_outdated", f"The current version is {document['version']}",
                          detail="Show that one: GET /api/v1/consent-documents.")
        version = body.get("version") or next(one["version"] for one in self.records if one["purpose"] == body["purpose"])
        self.records.insert(0, {"id": str(uuid.uuid4()), "purpose": body["purpose"], "version": version, "decision": body["decision"],
                                "source": body["source"], "at": stamp(time.time())})
        return 201, self.records[0]

    def consent_history(self, query, **_):
        return 200, self.page(self.records, query)

    # Teams

    def seen(self, id):
        """A team as the reader sees it; 404 where they are not in it."""
        team = self.of(self.teams, id)
        me = self.of(self.members[id], ME)
        return {**team, "role": me["role"], "member_count": len(self.members[id])}

    def require_role(self, id, *roles):
        role = self.seen(id)["role"]
        if role not in roles:
            who = "an owner" if roles == ("owner",) else "an owner or an admin"
            raise Refusal(403, "team_role_required", f"That takes {who} of the team", role=role)

    def require_to_manage(self, id, *roles):
        self.require_role(id, *(("owner",) if "owner" in roles else ("owner", "admin")))

    def require_another_owner(self, id, member):
        owners = [one for one in self.members[id].values() if one["role"] == "owner"]
        if member["role"] == "owner" and len(owners) < 2:
            raise Refusal(409, "last_owner", "The team would have no owner", detail="Make somebody else an owner first, or delete the team.")

    def list_teams(self, query, **_):
        return 200, self.page([self.seen(id) for id in self.teams if ME in self.members[id]], query)

    def team(self, id, **_):
        return 200, self.seen(id)

    def create_team(self, body, **_):
        if len(self.teams) >= 20:
            raise Refusal(409, "too_many_teams", "One person owns 20 teams at most")
        return 201, self.seen(self.add_team(body["name"], "owner"))

    def rename_team(self, id, body, if_match, **_):
        self.require_role(id, "owner", "admin")
        self.require(self.teams[id], if_match)
        self.teams[id].update(name=body["name"], version=self.teams[id]["version"] + 1)
        return 200, self.seen(id)

    def delete_team(self, id, if_match, **_):
        self.require_role(id, "owner")
        self.require(self.teams[id], if_match)
        for things in (self.teams, self.members, self.invites):
            del things[id]
        return 204, None

    def list_members(self, id, query, **_):
        self.seen(id)
        return 200, self.page(list(self.members[id].values()), query)

    def change_member(self, id, user, body, if_match, **_):
        self.seen(id)
        member = self.of(self.members[id], user)
        self.require_to_manage(id, member["role"], body["role"])
        self.require(member, if_match)
        if body["role"] != "owner":
            self.require_another_owner(id, member)
        member.update(role=body["role"], version=member["version"] + 1)
        return 200, member

    def remove_member(self, id, user, **_):
        self.seen(id)
        member = self.of(self.members[id], user)
        if user != ME:
            self.require_to_manage(id, member["role"])
        self.require_another_owner(id, member)
        del self.members[id][user]
        return 204, None

    def leave(self, id, **_):
        return self.remove_member(id, ME)

    def list_invites(self, id, query, **_):
        self.require_role(id, "owner", "admin")
        return 200, self.page(self.invites[id], query)

    def invite(self, id, body, **_):
        self.require_to_manage(id, body.get("role", "member"))
        if body["email"] == "admin@example.org":
            raise Refusal(409, "already_member", "Whoever has that address is in the team already")
        earlier = next((one for one in self.invites[id] if one["email"] == body["email"]), None)
        if earlier:
            raise Refusal(409, "already_invited", "That address was invited already", detail="Send that invitation again, or revoke it.",
                          invite_id=earlier["id"])
        self.require_mails(body["email"])
        now = time.time()
        self.invites[id].append({"id": str(uuid.uuid4()), "team_id": id, "email": body["email"], "role": body.get("role", "member"),
                                 "state": "pending", "invited_by": ME, "created_at": stamp(now), "sent_at": stamp(now),
                                 "expires_at": stamp(now + DAY * body.get("expires_in_days", 7))})
        return 201, self.invites[id][-1]

    @staticmethod
    def require_mails(email):
        if email.startswith("often@"):
            raise Refusal(429, "invites_limited", "Too many invitations were sent within a day",
                          detail="100 by one person, 5 to one address. Try again tomorrow.", retry_after=3_600)

    def resend(self, id, invite, **_):
        self.require_role(id, "owner", "admin")
        found = self.of({one["id"]: one for one in self.invites[id]}, invite)
        found.update(state="pending", sent_at=stamp(time.time()), expires_at=stamp(time.time() + 7 * DAY))
        return 200, found

    def revoke(self, id, invite, **_):
        self.require_role(id, "owner", "admin")
        self.of({one["id"]: one for one in self.invites[id]}, invite)
        self.invites[id] = [one for one in self.invites[id] if one["id"] != invite]
        return 204, None

    def accept(self, body, **_):
        if body["token"] == "x" * 43:
            raise Refusal(403, "other_address", "The invitation went to another address than your account's",
                          detail="Sign in with the account of that address, or ask for an invitation to yours.")
        if body["token"] != "t" * 43:
            raise Refusal(404, "not_found", "No such invitation", detail="If there was a later mail, take the token of that.")
        if not self.is_verified:
            raise Refusal(403, "email_unverified", "Your address has to be confirmed first",
                          detail="POST /api/v1/auth/verify/resend sends the mail again.")
        return 200, self.seen(self.add_team("Kitchen", "member", [(ordered_id(3), "Ada", "owner")]))

    def decline(self, body, **_):
        if body["token"] != "t" * 43:
            raise Refusal(404, "not_found", "No such invitation", detail="If there was a later mail, take the token of that.")
        return 204, None


AUTH, USER, TEAM = "/api/v1/auth", "/api/v1/users/me", "/api/v1/teams/([^/]+)"
Own.routes = [(pattern, None, name) for pattern, name in (
    (f"POST {AUTH}/verify", "verify"), (f"GET {AUTH}/me/security", "security"), (f"POST {AUTH}/email", "change_email"),
    (f"POST {AUTH}/email/confirm", "confirm_email"),
    (f"GET {AUTH}/second-factor", "second_factor"), (f"POST {AUTH}/second-factor/totp", "enrol"),
    (f"POST {AUTH}/second-factor/totp/confirm", "confirm"), (f"DELETE {AUTH}/second-factor/totp", "remove_factor"),
    (f"POST {AUTH}/second-factor/recovery-codes", "renew_codes"), (f"GET {AUTH}/passkeys", "list_passkeys"),
    (f"POST {AUTH}/passkeys/options", "passkey_options"), (f"POST {AUTH}/passkeys", "add_passkey"),
    (f"POST {AUTH}/step-up/passkey/options", "passkey_request"),
    (f"PATCH {AUTH}/passkeys/([^/]+)", "rename_passkey"), (f"DELETE {AUTH}/passkeys/([^/]+)", "remove_passkey"),
    (f"GET {AUTH}/identities", "list_identities"), (f"POST {AUTH}/identities", "link"), (f"DELETE {AUTH}/identities/([^/]+)", "unlink"),
    (f"GET {USER}", "own_profile"), (f"DELETE {USER}", "erase"), (f"POST {USER}/restore", "restore"),
    (f"GET {USER}/exports", "list_exports"), (f"POST {USER}/exports", "request_export"),
    (f"GET {USER}/exports/([^/]+)/archive", "archive"), ("GET /api/v1/consent-documents", "list_documents"),
    (f"GET {USER}/consents", "list_consents"), (f"POST {USER}/consents", "change_consent"), (f"GET {USER}/consents/history", "consent_history"),
    ("GET /api/v1/teams", "list_teams"), ("POST /api/v1/teams", "create_team"), (f"GET {TEAM}", "team"), (f"PATCH {TEAM}", "rename_team"),
    (f"DELETE {TEAM}", "delete_team"), (f"GET {TEAM}/members", "list_members"), (f"PATCH {TEAM}/members/([^/]+)", "change_member"),
    (f"DELETE {TEAM}/members/([^/]+)", "remove_member"), (f"POST {TEAM}/leave", "leave"), (f"GET {TEAM}/invites", "list_invites"),
    (f"POST {TEAM}/invites", "invite"), (f"POST {TEAM}/invites/([^/]+)/resend", "resend"), (f"DELETE {TEAM}/invites/([^/]+)", "revoke"),
    ("POST /api/v1/team-invites/accept", "accept"), ("POST /api/v1/team-invites/decline", "decline"),
)]
