"""The secret part of a webhook URL is found, and a short secret is reported, which no defect can show."""

from __future__ import annotations

import base64
import secrets
import uuid

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.webhooks import WebhookClient, changed_part, origin_without_secret, replaced
from conformance.evidence.recorder import Recorder
from conformance.oracles.webhooks import random_secret
from conformance.target.description import Secret, Webhooks
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from tests.clients.check_files import checks_of
from tests.oracles.replies import reply

SECRECY = checks_of("webhooks", "secret_url")
CHECK = SECRECY.test_secret_cannot_be_guessed
NEAR_MISSES = SECRECY.test_near_misses_are_refused


def webhook(path: str) -> WebhookClient:
    described = Webhooks(url=Secret("CT_URL", f"https://hooks.example{path}"))
    limits = Limits(connect_s=1, answer_s=1, answer_bytes=1000)
    return WebhookClient(described, lambda url: HttpClient(url, Recorder(), limits))


@pytest.mark.parametrize(
    "secret",
    [
        "wq3Yt0-xTz1bZ8Jm_5RkVd7nLhUe2sPaGfC9oXiB4Qc",
        "3f9c0a7be1d2458690cbd4a7f1e26b53",
        "7b1f0c52-93d4-4e6a-8f0b-2c5d9e1a7364",
    ],
    ids=["base64url", "hex", "uuid"],
)
def test_a_long_secret_passes(secret: str) -> None:
    CHECK(webhook(f"/v1/hooks/{secret}"))


@pytest.mark.parametrize("secret", ["acme-deploys", "4711", "9c41f0b7d2e6853a"], ids=["word", "number", "hex"])
def test_a_short_secret_is_found(secret: str) -> None:
    with pytest.raises(NonConformance, match="bits at most"):
        CHECK(webhook(f"/v1/hooks/{secret}"))


def test_only_the_secret_of_the_path_is_replaced() -> None:
    given = webhook("/v1/hooks/0123456789abcdef/in?x=1")
    assert given.secret == "0123456789abcdef"
    assert given.path_with("other") == "/v1/hooks/other/in?x=1"


def test_the_part_that_a_rotation_changed_is_the_secret() -> None:
    old, new = (f"/workflows/{'0' * 60}/invoke?v=1&sig={each * 40}" for each in "ab")
    assert changed_part(old, new) == ("a" * 40, "b" * 40)
    assert replaced(old, "a" * 40, "x") == f"/workflows/{'0' * 60}/invoke?v=1&sig=x"


def test_a_changed_character_changes_the_decoded_secret() -> None:
    for secret in (b"\0" * 32, b"k" * 32, b"\xff" * 32, b"A" * 16, bytes(range(16)), b"\x9c\x41\xf0\xb7" * 4):
        written = base64.urlsafe_b64encode(secret).decode().rstrip("=")
        for place in (0, 2 * len(written) // 3, len(written) - 1):
            changed = SECRECY.changed_at(written, place)
            assert base64.urlsafe_b64decode(changed + "==") != secret
            assert sum(one != other for one, other in zip(written, changed, strict=True)) == 1


FUNCTION = "https://abcdefghijklmnopqrstuvwxyz012345.functions.example/"


def test_the_host_name_may_be_the_secret() -> None:
    given = webhook("/")
    given.rotate_to(FUNCTION)
    assert (given.in_host, given.secret, given.url) == (True, "abcdefghijklmnopqrstuvwxyz012345", FUNCTION)
    assert origin_without_secret(FUNCTION) == "https://secret.functions.example"
    CHECK(given)
    with pytest.raises(NotApplicable, match="secret in the host name"):
        given.path_with("other")
    assert changed_part(FUNCTION, FUNCTION.replace("abc", "xyz")) == (given.secret, "xyz" + given.secret[3:])
    assert not webhook("/hooks/deploys").in_host


@pytest.mark.parametrize(
    ("kinds", "kind", "event"),
    [
        (["text/plain", "application/json"], "application/json", b'{"mark": "a"}'),
        (["application/x-www-form-urlencoded"], "application/x-www-form-urlencoded", b"mark=a"),
        (["application/xml"], "application/xml", b'<event mark="a"/>'),
        (["text/plain"], "text/plain", b'{"mark": "a"}'),
    ],
)
def test_an_event_has_a_declared_media_type(kinds: list[str], kind: str, event: bytes) -> None:
    given = webhook("/hooks/deploys")
    given.described = given.described.model_copy(update={"content_types": kinds})
    assert (given.kind, given.event(mark="a")) == (kind, event)
    assert len(given.event_of_size(1000, mark="a")) == 1000


@pytest.mark.parametrize("secret", [str(uuid.UUID(int=0xABCDEF)), "7KQ2", "7kq2-n", "4711"])
def test_a_case_insensitive_secret_is_not_tried_in_other_case(secret: str) -> None:
    for check in (NEAR_MISSES, SECRECY.test_near_misses_are_answered_as_unknown):
        with pytest.raises(NotApplicable, match="other case"):
            check(Taking(secret), "case-changed")


@pytest.mark.parametrize(
    "secret",
    [secrets.token_urlsafe(32), secrets.token_hex(16), str(uuid.uuid4()), "7KQ2-N4XZ"],
    ids=["base64url", "hex", "uuid", "base32"],
)
def test_an_invented_secret_has_the_form_of_the_live_one(secret: str) -> None:
    other = random_secret(secret)
    assert other != secret and len(other) == len(secret) and set(other) <= set(secret)
    assert [each.isalnum() for each in other] == [each.isalnum() for each in secret]
    if secret.count("-") == 4 and len(secret) == 36:
        assert (uuid.UUID(other).version, uuid.UUID(other).variant) == (4, uuid.RFC_4122)


class Taking:
    """A webhook that takes everything."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def path_with(self, secret: str) -> str:
        return f"/hooks/{secret}"

    def deliver(self) -> Exchange:
        return reply(202)
