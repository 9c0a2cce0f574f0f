"""python-fido2, Yubico's WebAuthn client, against the auth service: it reads the options, decides by origin and domain
as a browser does, speaks CTAP 2 to an authenticator, and writes what the service takes.

passkey_client.py BASE_URL < a JSON object of what the test prepared > prints the name of each step that went well.
"""
import hashlib
import json
import secrets
import sys
import urllib.error
import urllib.request

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2 import cbor
from fido2.client import ClientError, DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.cose import CoseKey
from fido2.ctap import CtapDevice, CtapError
from fido2.hid import CAPABILITY
from fido2.webauthn import AttestedCredentialData, AuthenticatorData
from fido2.webauthn import PublicKeyCredentialCreationOptions, PublicKeyCredentialRequestOptions

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


def done(step):
    print(step, flush=True)


class Verifying(UserInteraction):
    """Somebody who shows a finger whenever they are asked for one."""

    def request_uv(self, permissions, rd_id):
        return True


class Authenticator(CtapDevice):
    """CTAP 2.1 (§6) in software, with keys of one algorithm. It counts, as security keys do."""

    def __init__(self, algorithm):
        self.algorithm, self.passkeys, self.count = algorithm, [], 0

    capabilities = CAPABILITY.CBOR

    @classmethod
    def list_devices(cls):
        return iter(())

    def call(self, cmd, data=b"", event=None, on_keepalive=None):
        command, fields = data[0], cbor.decode(data[1:]) if data[1:] else {}
        if command == 0x04:
            return self.answer({
                1: ["FIDO_2_0", "FIDO_2_1"], 3: bytes(16), 4: {"rk": True, "up": True, "uv": True}, 5: 4096, 6: [2],
                7: 8, 8: 64, 9: ["usb"], 10: [{"type": "public-key", "alg": self.algorithm}]})
        try:
            if command == 0x01:
                return self.make(fields)
            if command == 0x02:
                return self.sign(fields)
            raise CtapError(CtapError.ERR.INVALID_COMMAND)
        except CtapError as error:
            return bytes([error.code])

    @staticmethod
    def answer(fields):
        return b"\0" + cbor.encode(fields)

    def private_key(self):
        if self.algorithm == -7:
            return ec.generate_private_key(ec.SECP256R1())
        if self.algorithm == -8:
            return ed25519.Ed25519PrivateKey.generate()
        return rsa.generate_private_key(65537, 2048)

    def data(self, domain, flags, credential=b""):
        self.count += 1
        return AuthenticatorData.create(hashlib.sha256(domain.encode()).digest(), flags, self.count, credential)

    def make(self, fields):
        """authenticatorMakeCredential."""
        domain, user, parameters = fields[2]["id"], fields[3], fields[4]
        if self.algorithm not in [one["alg"] for one in parameters]:
            raise CtapError(CtapError.ERR.UNSUPPORTED_ALGORITHM)
        excluded = [one["id"] for one in fields.get(5, [])]
        if any(one["id"] in excluded for one in self.passkeys):
            raise CtapError(CtapError.ERR.CREDENTIAL_EXCLUDED)
        assert fields[7] == {"rk": True, "uv": True}, fields[7]
        key = self.private_key()
        one = {"id": secrets.token_bytes(32), "key": key, "domain": domain, "user": user["id"]}
        self.passkeys.append(one)
        public = CoseKey.for_alg(self.algorithm).from_cryptography_key(key.public_key())
        attested = AttestedCredentialData.create(bytes(16), one["id"], public)
        return self.answer({1: "none", 2: self.data(domain, 0b1000101, attested), 3: {}})

    def sign(self, fields):
        """authenticatorGetAssertion."""
        domain, allowed = fields[1], [one["id"] for one in fields.get(3, [])]
        known = [one for one in self.passkeys if one["domain"] == domain and (not allowed or one["id"] in allowed)]
        if not known:
            raise CtapError(CtapError.ERR.NO_CREDENTIALS)
        one, options = known[-1], fields.get(5, {})
        data = self.data(domain, (0b1 if options.get("up", True) else 0) | (0b100 if options.get("uv") else 0))
        return self.answer({
            1: {"type": "public-key", "id": one["id"]}, 2: data, 3: self.signature(one["key"], data + fields[2]),
            4: {"id": one["user"]}})

    def signature(self, key, message):
        if self.algorithm == -7:
            return key.sign(message, ec.ECDSA(hashes.SHA256()))
        if self.algorithm == -8:
            return key.sign(message)
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def client(device, origin):
    return Fido2Client(device, DefaultClientDataCollector(origin), Verifying(), extensions=[])


def plain(response):
    return json.loads(json.dumps(dict(response)))


def enrol(device, token, origin=given["origin"]):
    status, options = send("POST", "/api/v1/auth/passkeys/options", token=token)
    assert status == 200, options
    made = client(device, origin).make_credential(PublicKeyCredentialCreationOptions.from_dict(options))
    return send("POST", "/api/v1/auth/passkeys", {"name": "Key", "credential": plain(made)}, token)


def sign(device, options, origin=given["origin"]):
    chosen = client(device, origin).get_assertion(PublicKeyCredentialRequestOptions.from_dict(options))
    return plain(chosen.get_response(0))


def login_options():
    status, options = send("POST", "/api/v1/auth/login/passkey/options")
    assert status == 200, options
    return options


def login(device):
    return send("POST", "/api/v1/auth/login/passkey", {"credential": sign(device, login_options())})


status, tokens = send("POST", "/api/v1/auth/login", {"email": given["email"], "password": given["password"]})
assert status == 200, tokens
access = tokens["access_token"]
devices = {"es256": Authenticator(-7), "eddsa": Authenticator(-8), "rs256": Authenticator(-257)}
for name, device in devices.items():
    status, passkey = enrol(device, access)
    assert status == 201 and passkey["name"] == "Key" and not passkey["backed_up"], passkey
    for _ in range(2):
        status, tokens = login(device)
        assert status == 200 and tokens["refresh_token"], tokens
    done(name)

try:
    enrol(devices["es256"], access)
    raise SystemExit("a second passkey was made")
except ClientError as error:
    assert error.code == ClientError.ERR.DEVICE_INELIGIBLE, error
done("excluded")

for ceremony in (lambda: enrol(Authenticator(-7), access, "https://evil.example"),
                 lambda: sign(devices["es256"], login_options(), "https://evil.example")):
    try:
        ceremony()
        raise SystemExit("it was made for another origin")
    except ClientError as error:
        assert error.code == ClientError.ERR.BAD_REQUEST, error
done("origin")

options = login_options()
signed = sign(devices["es256"], options)
status, tokens = send("POST", "/api/v1/auth/login/passkey", {"credential": signed})
assert status == 200, tokens
status, problem = send("POST", "/api/v1/auth/login/passkey", {"credential": signed})
assert status == 401 and problem["code"] == "invalid_passkey", problem
done("replay")

devices["es256"].count -= 2
status, problem = login(devices["es256"])
assert status == 401 and problem["code"] == "invalid_passkey", problem
done("counter")

status, options = send("POST", "/api/v1/auth/step-up/passkey/options", token=access)
assert status == 200 and len(options["allowCredentials"]) == 3, options
status, stepped = send("POST", "/api/v1/auth/step-up", {"passkey": sign(devices["eddsa"], options)}, access)
assert status == 200, stepped
done("step_up")

status, passkeys = send("GET", "/api/v1/auth/passkeys", token=access)
assert status == 200 and len(passkeys["items"]) == 3, passkeys
for passkey in passkeys["items"]:
    status, nothing = send("DELETE", "/api/v1/auth/passkeys/" + passkey["id"], token=stepped["access_token"])
    assert status == 204, nothing
status, problem = login(devices["rs256"])
assert status == 401, problem
done("remove")
