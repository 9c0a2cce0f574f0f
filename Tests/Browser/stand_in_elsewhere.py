"""Auth's own pages in the stand-in: they lead straight back to the console, with a code or with what a test wants."""
import base64
import hashlib
import urllib.parse
import uuid

CLIENT = "00000000-0000-8000-8063-6f6e736f6c65"


class Elsewhere:
    """`answer`: fields of the answer that are to be others; None leaves one out."""

    def __init__(self, issuer):
        self.issuer, self.providers, self.answer = issuer, ["Acme", "Globex"], {}
        # What the console asked for, and the codes that are good.
        self.asked, self.codes = [], {}

    def metadata(self):
        return {"issuer": self.issuer, "identity_providers": self.providers,
                "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"]}

    def authorize(self, query):
        """Where the browser goes on; None where nobody may be sent there."""
        if (query.get("client_id"), query.get("redirect_uri")) != (CLIENT, self.issuer + "/console/signed-in"):
            return None
        self.asked.append(query)
        code = uuid.uuid4().hex
        self.codes[code] = query["code_challenge"]
        answer = {"code": code, "state": query["state"], "iss": self.issuer, **self.answer}
        return query["redirect_uri"] + "?" + urllib.parse.urlencode({name: text for name, text in answer.items() if text is not None})

    def exchange(self, form):
        """Whether the code is good, which it is once."""
        challenge = self.codes.pop(form.get("code"), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        return (challenge == base64.urlsafe_b64encode(digest).decode().rstrip("=") and form.get("client_id") == CLIENT
                and form.get("grant_type") == "authorization_code" and form.get("redirect_uri") == self.issuer + "/console/signed-in")
