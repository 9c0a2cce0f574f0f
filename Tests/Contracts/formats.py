"""What schemathesis has to know of these services beside their OpenAPI documents: what the formats of the platform's own
look like, and how one logs in. Loaded by SCHEMATHESIS_HOOKS."""
import base64
import itertools
import os
import re
import uuid

import requests
import schemathesis
from hypothesis import strategies as st

names = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12)


def register(name, strategy):
    schemathesis.openapi.format(name, strategy)


def version7(number):
    return str(uuid.UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62))


ids = st.integers(0, 2**128 - 1).map(version7)
register("uuid-v7", ids)
# A place in a list whose order is that of ids, as most are.
register("cursor", ids.map(lambda id: base64.urlsafe_b64encode(f"36:{id}".encode()).decode().rstrip("=")))
register("event-pattern", st.sampled_from(["*", "order.*", "product.updated.*", "payment.captured.v1"]))
register("phone-or-blank", st.sampled_from(["", " ", "+4930123456", "+1 (202) 555-0100"]))
register("entity-tags", st.sampled_from(["*", '"v1"', 'W/"v1"', '"v7", "v8"']))
register("time-zone", st.sampled_from(["Europe/Berlin", "America/Argentina/Ushuaia", "Asia/Kolkata", "UTC", "GMT+0"]))
register("language-tag", st.sampled_from(["de", "pt-BR", "zh-Hant-TW", "de-DE-u-co-phonebk", "EN-us", "sgn"]))
register("sku", st.text("ABCxyz019-._ÄЖ例", min_size=1, max_size=100))
register("slug", st.lists(names, min_size=1, max_size=4).map("-".join))
register("payment-method", names.map(lambda name: f"pm_{name}"))
register("order-number", st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=10, max_size=10))
register("iso-3166", st.sampled_from(["HK", "hk", "AE", "IE", "XK", "PA"]))
register("iso-4217", st.sampled_from(["USD", "JPY", "KWD", "CLF", "EUR"]))
register("search-words", st.lists(names, min_size=1, max_size=5).map(" ".join))
register("https-url", names.map(lambda name: f"https://{name}.example/{name}?a=%20"))
register(
    "redirect-uri",
    st.one_of(
        names.map(lambda name: f"https://{name}.example/back"),
        st.just("http://127.0.0.1:9/back"),
        names.map(lambda name: f"org.example.{name}:/back"),
    ),
)


addresses = itertools.count(1)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every request is another one, so it has another key; one that is wrong stays. And it comes from elsewhere, so that
    wrong passwords do not shut out the administrator, whose logins come from here."""
    case.headers = case.headers or {}
    if re.fullmatch("[!#-~]{1,255}", case.headers.get("Idempotency-Key") or ""):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    number = next(addresses)
    case.headers["X-Forwarded-For"] = f"198.18.{number // 256 % 256}.{number % 256}"


@schemathesis.auth(refresh_interval=60)
class Login:
    """The administrator's token, and another one when that has ended: what is tried may end it."""

    def get(self, case, context):
        answer = requests.post(
            os.environ["CONTRACT_LOGIN"],
            json={"email": os.environ["CONTRACT_EMAIL"], "password": os.environ["CONTRACT_PASSWORD"]},
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()["access_token"]

    def set(self, case, token, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {token}"
