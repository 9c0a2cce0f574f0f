"""Authlib, a library of others, as the OpenID provider that people sign in with.

openid_provider.py FOLDER reads given.json there, and writes its port into port.

Everybody who comes to its authorization endpoint is the person that the test's last `POST /person` named, and says yes.
`POST /rotate` gives it another key; `POST /twist` has it say something else in its ID tokens.
"""
import json
import os
import pathlib
import sys
import time
from wsgiref.simple_server import WSGIRequestHandler, make_server

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector  # noqa: E402
from authlib.jose import JsonWebKey  # noqa: E402
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, grants  # noqa: E402
from authlib.oauth2.rfc6750 import BearerTokenValidator  # noqa: E402
from authlib.oauth2.rfc7636 import CodeChallenge  # noqa: E402
from authlib.oidc.core import UserInfo  # noqa: E402
from authlib.oidc.core.grants import OpenIDCode as OpenIDExtension  # noqa: E402
from flask import Flask, jsonify, request  # noqa: E402

folder = pathlib.Path(sys.argv[1])
given = json.loads((folder / "given.json").read_text())
app = Flask(__name__)
state = {"person": None, "codes": {}, "tokens": {}, "issuer": "", "twist": {}}


def new_key():
    return JsonWebKey.generate_key(given["kty"], given["curve"], {"alg": given["alg"], "use": "sig"}, is_private=True)


state["key"] = new_key()


class Client(ClientMixin):
    """The one that knows the test's platform."""

    def get_client_id(self):
        return given["client_id"]

    def get_default_redirect_uri(self):
        return given["redirect_uri"]

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == given["redirect_uri"]

    def check_client_secret(self, client_secret):
        return client_secret == given["client_secret"]

    def check_endpoint_auth_method(self, method, endpoint):
        return method == given["method"]

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


class Code(AuthorizationCodeMixin):
    def __init__(self, **fields):
        self.__dict__.update(fields, auth_time=int(time.time()))

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return state["twist"].get("nonce", self.nonce)

    def get_auth_time(self):
        return self.auth_time

    def get_acr(self):
        return None

    def get_amr(self):
        return None


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

    def save_authorization_code(self, code, request):
        payload = getattr(request, "payload", None)
        data = payload.data if payload else request.data
        state["codes"][code] = Code(
            code=code, client_id=given["client_id"], redirect_uri=data.get("redirect_uri"), scope=request.scope,
            nonce=data.get("nonce"), code_challenge=data.get("code_challenge"),
            code_challenge_method=data.get("code_challenge_method"), user=state["person"])
        return code

    def query_authorization_code(self, code, client):
        return state["codes"].get(code)

    def delete_authorization_code(self, authorization_code):
        state["codes"].pop(authorization_code.code, None)

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class OpenID(OpenIDExtension):
    def exists_nonce(self, nonce, request):
        return any(code.nonce == nonce for code in state["codes"].values())

    def get_jwt_config(self, grant):
        key = state["key"]
        return {
            "key": key, "kid": key.thumbprint(), "alg": given["alg"], "exp": 300,
            "iss": state["twist"].get("iss", state["issuer"])}

    def get_audiences(self, request):
        return [state["twist"].get("aud", given["client_id"])]

    def generate_user_info(self, user, scope):
        return UserInfo(**({"sub": user["sub"]} if given["userinfo_only"] else user))


server = AuthorizationServer(app, query_client=lambda id: Client() if id == given["client_id"] else None,
                             save_token=lambda token, request: state["tokens"].update(
                                 {token["access_token"]: (token, request.user)}))
server.register_grant(CodeGrant, [OpenID(require_nonce=True), CodeChallenge(required=True)])


class Token:
    def __init__(self, token, user):
        self.token, self.user = token, user

    def is_expired(self):
        return False

    def is_revoked(self):
        return False

    def get_scope(self):
        return self.token["scope"]


class Validator(BearerTokenValidator):
    def authenticate_token(self, token_string):
        found = state["tokens"].get(token_string)
        return Token(*found) if found else None


protector = ResourceProtector()
protector.register_token_validator(Validator())


@app.get("/.well-known/openid-configuration")
def discovery():
    base = state["issuer"]
    return jsonify(
        issuer=base, authorization_endpoint=base + "/authorize", token_endpoint=base + "/token",
        jwks_uri=base + "/jwks", userinfo_endpoint=base + "/userinfo", response_types_supported=["code"],
        subject_types_supported=["public"], id_token_signing_alg_values_supported=[given["alg"]],
        token_endpoint_auth_methods_supported=[given["method"]])


@app.get("/jwks")
def jwks():
    return jsonify(keys=[dict(state["key"].as_dict(is_private=False), kid=state["key"].thumbprint())])


@app.get("/authorize")
def authorize():
    return server.create_authorization_response(grant_user=state["person"])


@app.post("/token")
def token():
    return server.create_token_response()


@app.get("/userinfo")
@protector("profile")
def userinfo():
    from authlib.integrations.flask_oauth2 import current_token
    return jsonify(current_token.user)


@app.post("/person")
def person():
    state["person"] = request.get_json()
    return "", 204


@app.post("/twist")
def twist():
    state["twist"] = request.get_json()
    return "", 204


@app.post("/rotate")
def rotate():
    state["key"] = new_key()
    return "", 204


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


http = make_server("127.0.0.1", 0, app, handler_class=Quiet)
state["issuer"] = f"http://127.0.0.1:{http.server_port}"
pending = folder / "port.new"
pending.write_text(str(http.server_port))
pending.rename(folder / "port")
http.serve_forever()
