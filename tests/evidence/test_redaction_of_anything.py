"""Any secret, changed in any simple way, is redacted."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.evidence.redaction import Redactor
from conformance.strategies.oauth import AUTHORIZATION_CHANGES, FORM_CHANGES
from tests.run.secret_search import parts_in, pieces_of

PUBLIC = ("orgs/acme/conformance-cf-", "registry.example", "REGISTRY_PUSHER_PASSWORD")
LETTERS = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
# What an address has in common with all of its host is told of it: that of a webhook is its path alone.
SECRETS = st.text(LETTERS, min_size=4, max_size=40).filter(lambda text: "://" not in text) | st.builds(
    "{}{}".format, st.sampled_from(PUBLIC), st.text(LETTERS, max_size=20)
)
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": lambda secret: secret,
    "cut": lambda secret: secret[:-1],
    "from the second letter": lambda secret: secret[1:],
    "in other case": lambda secret: secret.swapcase(),
    "another letter": lambda secret: secret[: len(secret) // 2] + "Q" + secret[len(secret) // 2 + 1 :],
    "padded": lambda secret: f"{secret}x",
}


def knowing(secret: str) -> Redactor:
    redactor = Redactor()
    for each in PUBLIC:
        redactor.publish(each)
    redactor.learn("CT_PASSWORD", secret)
    redactor.learn_login("CT_PASSWORD", "ct-push", secret)
    return redactor


@settings(max_examples=100, deadline=None)
@given(SECRETS, st.sampled_from(sorted(WAYS)), st.sampled_from(["ct-push", "nobody"]))
def test_any_basic_credentials_are_redacted(secret: str, way: str, user: str) -> None:
    sent = WAYS[way](secret)
    pair = base64.b64encode(f"{user}:{sent}".encode()).decode()
    told = knowing(secret).header("Authorization", f"Basic {pair}")
    assert pair not in told
    assert sent not in told.removeprefix(f"Basic <base64 of {user}:")


@settings(max_examples=100, deadline=None)
@given(SECRETS, st.sampled_from(sorted(WAYS)), st.sampled_from([quote_plus, quote]))
def test_any_form_is_redacted(secret: str, way: str, encoded: Callable[[str], str]) -> None:
    sent = WAYS[way](secret)
    told = knowing(secret).body(f"a=1&password={encoded(sent)}&b=2")
    value = told.removeprefix("a=1&password=").removesuffix("&b=2")
    assert encoded(sent) not in value and sent not in value


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=30, max_size=30), st.sampled_from(["", " +/=%&$'\"\\"]), st.floats(0, 0.999))
@pytest.mark.parametrize("kind", sorted({*FORM_CHANGES, *AUTHORIZATION_CHANGES}))
def test_any_change_of_a_valid_request_is_redacted(kind: str, octets: bytes, marks: str, place: float) -> None:
    letters = base64.urlsafe_b64encode(octets).decode()
    secret = f"{letters[:20]}{marks}{letters[20:]}"
    redactor = knowing(secret)
    form = [("grant_type", "client_credentials"), ("client_id", "ct-push"), ("client_secret", secret)]
    told = b""
    if kind in FORM_CHANGES:
        told += redactor.body(FORM_CHANGES[kind][1](form, place, ("scope", "x")).decode("latin-1")).encode()
    if kind in AUTHORIZATION_CHANGES:
        field = AUTHORIZATION_CHANGES[kind][1](("ct-push", quote_plus(secret)), place, b"Bearer x")
        told += redactor.header("Authorization", field.decode("latin-1")).encode()
    assert told and parts_in(told, pieces_of({"CT_PASSWORD": secret})) == []
