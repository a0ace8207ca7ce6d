"""The webhook's URL: which part of it is secret, and that a check tells a short one, which no defect can make."""

from __future__ import annotations

import base64
import json
import re
import secrets
import uuid

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.webhooks import BOUNDARY, WebhookClient, differing, origin_told, replaced, told_as, written
from conformance.evidence.recorder import Recorder
from conformance.oracles.webhooks import expect_url_not_repeated, random_secret
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
    "secret", [secrets.token_urlsafe(32), secrets.token_hex(16), str(uuid.uuid4())], ids=["base64url", "hex", "uuid"]
)
def test_a_long_secret_is_in_order(secret: str) -> None:
    CHECK(webhook(f"/v1/hooks/{secret}"))


@pytest.mark.parametrize("secret", ["acme-deploys", "4711", secrets.token_hex(8)], ids=["word", "number", "hex"])
def test_a_short_secret_is_told(secret: str) -> None:
    with pytest.raises(NonConformance, match="bits at most"):
        CHECK(webhook(f"/v1/hooks/{secret}"))


def test_the_secret_is_replaced_and_the_rest_of_the_path_kept() -> None:
    given = webhook("/v1/hooks/0123456789abcdef/in?x=1")
    assert given.secret == "0123456789abcdef"
    assert given.path_with("other") == "/v1/hooks/other/in?x=1"


def test_the_secret_may_stand_in_the_query() -> None:
    given = webhook("/v1/hooks/in?v=1&key=0123456789abcdef")
    assert given.secret == "0123456789abcdef"
    assert given.path_with("other") == "/v1/hooks/in?v=1&key=other"


def test_a_long_value_of_the_query_is_no_secret_beside_one_in_the_path() -> None:
    secret = secrets.token_hex(16)
    assert webhook(f"/hooks/{secret}?source=the-repositories-of-all-our-production-services").secret == secret


def test_what_a_rotation_changed_is_the_secret_though_a_longer_part_stays() -> None:
    old, new = (f"/workflows/{'0' * 60}/invoke?v=1&sig={each * 40}" for each in "ab")
    assert differing(old, new) == ("a" * 40, "b" * 40)
    assert replaced(old, "a" * 40, "x") == f"/workflows/{'0' * 60}/invoke?v=1&sig=x"


def test_of_two_long_parts_one_may_be_told() -> None:
    given = webhook(f"/workflows/{'0' * 32}/invoke?sig={'a' * 40}")
    assert given.long_parts == ["0" * 32, "a" * 40]
    expect_url_not_repeated(reply(202, b"0" * 32), given.long_parts)
    with pytest.raises(NonConformance, match="does not repeat"):
        expect_url_not_repeated(reply(202, b"0" * 32 + b"a" * 40), given.long_parts)


def test_a_secret_that_never_was_keeps_escapes() -> None:
    assert re.fullmatch(r"[ab]{30}%2F[ab]%3D", random_secret(f"{'ab' * 15}%2Fa%3D"))


def test_a_character_is_changed_in_more_than_the_bits_that_base64_leaves_open() -> None:
    for secret in (b"\0" * 32, b"k" * 32, b"\xff" * 32, b"A" * 16, bytes(range(16)), secrets.token_bytes(16)):
        written = base64.urlsafe_b64encode(secret).decode().rstrip("=")
        for place in (0, 2 * len(written) // 3, len(written) - 1):
            changed = SECRECY.changed_at(written, place)
            assert base64.urlsafe_b64decode(changed + "==") != secret
            assert sum(one != other for one, other in zip(written, changed, strict=True)) == 1


@pytest.mark.parametrize("letters", ["ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789", "0123456789abcdef"])
def test_a_character_is_changed_to_one_of_the_same_alphabet(letters: str) -> None:
    secret = letters * 2
    assert {letter for place in range(len(secret)) for letter in SECRECY.changed_at(secret, place)} == set(letters)


def test_an_escape_is_left_whole() -> None:
    assert re.fullmatch("[a-z0-9]{4}%3D", SECRECY.changed_at("abcd%3D", 6))


FUNCTION = "https://abcdefghijklmnopqrstuvwxyz012345.functions.example/"


def test_the_secret_may_be_the_name_of_the_host() -> None:
    given = webhook("/")
    given.turn_to(FUNCTION)
    assert (given.in_host, given.secret, given.url) == (True, "abcdefghijklmnopqrstuvwxyz012345", FUNCTION)
    assert origin_told(FUNCTION) == "https://secret.functions.example"
    CHECK(given)
    with pytest.raises(NotApplicable, match="secret in the host name"):
        given.path_with("other")
    assert differing(FUNCTION, FUNCTION.replace("abc", "xyz")) == (given.secret, "xyz" + given.secret[3:])
    assert not webhook("/hooks/deploys").in_host


def test_a_uuid_of_time_and_place_is_told() -> None:
    with pytest.raises(NonConformance, match="version 1"):
        CHECK(webhook(f"/hooks/{uuid.uuid1()}"))


@pytest.mark.parametrize(
    ("kinds", "kind", "event"),
    [
        (["text/plain", "application/json"], "application/json", b'{"mark": "a"}'),
        (["application/x-www-form-urlencoded"], "application/x-www-form-urlencoded", b"mark=a"),
        (["application/xml"], "application/xml", b'<event mark="a"/>'),
        (["text/plain"], "text/plain", b'{"mark": "a"}'),
    ],
)
def test_a_plain_event_is_of_a_type_that_is_declared(kinds: list[str], kind: str, event: bytes) -> None:
    given = webhook("/hooks/deploys")
    given.described = given.described.model_copy(update={"content_types": kinds})
    assert (given.kind, given.event(mark="a")) == (kind, event)
    assert len(given.event_of_size(1000, mark="a")) == 1000


def test_parts_of_a_form_and_events_of_clouds_are_whole() -> None:
    assert told_as("multipart/form-data").endswith(f"boundary={BOUNDARY}")
    assert written("multipart/form-data", {"a": "b"}).count(f"--{BOUNDARY}".encode()) == 2
    assert json.loads(written("application/cloudevents+json", {"a": "b"})).keys() >= {"a", "specversion", "id"}


@pytest.mark.parametrize("secret", [str(uuid.UUID(int=0xABCDEF)), "7KQ2", "7kq2-n", "4711"])
def test_a_secret_without_letters_of_both_cases_is_the_same_in_other_case(secret: str) -> None:
    for check in (NEAR_MISSES, SECRECY.test_near_misses_are_answered_as_unknown):
        with pytest.raises(NotApplicable, match="other case"):
            check(Taking(secret), "case-changed")


@pytest.mark.parametrize(
    "secret",
    [secrets.token_urlsafe(32), secrets.token_hex(16), str(uuid.uuid4()), "7KQ2-N4XZ"],
    ids=["base64url", "hex", "uuid", "base32"],
)
def test_a_secret_that_never_was_has_the_form_of_the_live_one(secret: str) -> None:
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
