"""Secrets are never written, whole or in part, in any encoding."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest

from conformance.evidence import redaction
from conformance.evidence.byte_encodings import printed, without_secrets
from conformance.evidence.recorder import Recorder
from conformance.evidence.redaction import MOST_CREATED, Redactor
from tests.oracles.replies import reply

SECRET = "s3cr+t/with=odd&characters%here"
TOKEN = "eyJhbGciOiJFUzI1NiJ9." + "QmFzZTY0dXJsUGF5bG9hZA" * 8 + ".c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"


def knowing(secret: str, name: str = "CT_SECRET") -> Redactor:
    made = Redactor()
    made.learn(name, secret)
    return made


@pytest.fixture
def redactor() -> Redactor:
    made = knowing(SECRET)
    made.learn("FULL_TOKEN", TOKEN)
    return made


@pytest.mark.parametrize("secret", [SECRET, "nothing-odd_in.this~0123456789", TOKEN])
@pytest.mark.parametrize("form", ["%{:02X}", "%{:02x}"])
def test_a_percent_encoded_secret_is_redacted(secret: str, form: str) -> None:
    redactor = knowing(secret)
    every = "".join(form.format(byte) for byte in secret.encode())
    assert redactor.body(f"x=%41&client_secret={every}&b=1") == "x=%41&client_secret=$CT_SECRET_ALL_ENCODED&b=1"
    for altered in (every[:-3], f"%41{every}", f"{every}%2Fx"):
        assert redactor.text(altered).startswith(("$CT_SECRET", "A$CT_SECRET"))


@pytest.mark.parametrize("form", [quote(SECRET, safe=""), quote(SECRET)])
def test_a_secret_is_redacted_in_every_form(redactor: Redactor, form: str) -> None:
    assert redactor.text(f"a={SECRET}&b={form}") == "a=$CT_SECRET&b=$CT_SECRET_PERCENT_ENCODED"
    assert redactor.names_in(["a=$CT_SECRET_PERCENT_ENCODED"]) == ["CT_SECRET_PERCENT_ENCODED"]


@pytest.mark.parametrize("name", ["Cookie", "Set-Cookie", "Authorization"])
def test_several_secrets_in_one_field_are_redacted(redactor: Redactor, name: str) -> None:
    told = redactor.header(name, f"access_token={TOKEN}; token={TOKEN}; a={TOKEN[:-2]}")
    assert told == "access_token=$FULL_TOKEN; token=$FULL_TOKEN; a=$FULL_TOKEN~altered-cut-2"
    assert redactor.header(name, f"{TOKEN} {TOKEN}") == "$FULL_TOKEN $FULL_TOKEN"


@pytest.mark.parametrize("altered", [TOKEN[:-1], TOKEN[1:], TOKEN + "x", TOKEN[:40] + "A" + TOKEN[41:], TOKEN[:60]])
def test_most_of_a_token_is_redacted(redactor: Redactor, altered: str) -> None:
    shown = redactor.header("Authorization", f"Bearer {altered}")
    assert "FULL_TOKEN" in shown
    assert all(TOKEN[start : start + 16] not in shown for start in range(len(TOKEN) - 16))


@pytest.mark.parametrize("before", range(9))
@pytest.mark.parametrize("start", [0, 3, len(SECRET) - 8])
def test_eight_letters_of_a_secret_are_redacted(redactor: Redactor, before: int, start: int) -> None:
    shown = redactor.redact_parts("~" * before + SECRET[start : start + 8].upper() + "~")
    assert shown == "~" * before + "$CT_SECRET~altered~"


def test_basic_credentials_that_resemble_a_token_are_redacted(redactor: Redactor) -> None:
    credentials = base64.b64encode(f"client:{SECRET}".encode()).decode()
    redactor.learn("OTHER_TOKEN", credentials[:24] + "AAAAAAAAAAAAAAAAAAAAAAAA")
    assert redactor.header("Authorization", f"Basic {credentials}") == "Basic <base64 of client:$CT_SECRET>"


@pytest.mark.parametrize("spoil", ["{}*", "*{}", "{}é", "{}A"])
def test_malformed_basic_credentials_are_redacted(redactor: Redactor, spoil: str) -> None:
    credentials = spoil.format(base64.b64encode(f"client:{SECRET}".encode()).decode().rstrip("="))
    shown = redactor.header("Authorization", f"Basic {credentials}")
    assert "$CT_SECRET" in shown
    assert credentials[12:24] not in shown


@pytest.mark.parametrize("secret", ["conformance-password-4711", "registry/pusher-password-4711"])
def test_a_secret_that_contains_a_public_name_redacts_no_name(secret: str) -> None:
    redactor = Redactor()
    redactor.publish("orgs/acme/conformance-cf-")
    redactor.learn("CT_PASSWORD", secret)
    redactor.learn("CT_REGISTRY_PUSHER_PASSWORD", secret[::-1])
    redactor.learn("FULL_TOKEN", TOKEN)
    url = "https://registry.example/v2/orgs/acme/conformance-cf-0tp771m59ee-w-1x-guarded/manifests/v1"
    assert redactor.text(url) == url
    assert redactor.text(f"a={secret}&b={secret[::-1]}") == "a=$CT_PASSWORD&b=$CT_REGISTRY_PUSHER_PASSWORD"
    login = base64.b64encode(f"ct-pull:{secret[::-1]}".encode()).decode()
    told = redactor.header("Authorization", f"Basic {login}")
    assert told == "Basic <base64 of ct-pull:$CT_REGISTRY_PUSHER_PASSWORD>"
    assert redactor.body(f"password={secret[:-1]}") == "password=$CT_PASSWORD~altered-cut-1"
    assert "4711" not in redactor.header("Authorization", f"Bearer x{secret}")


@pytest.mark.parametrize("secret", ["wrong", "changeme", "Admin", "test-secret", "20261202"])
def test_a_secret_that_is_a_common_word_is_not_redacted_in_sentences(secret: str) -> None:
    redactor = knowing(secret, "CT_PASSWORD")
    redactor.learn_login("CT_PASSWORD", "ct-push", secret)
    for text in (f"Got: 401 for a {secret} login", f'{{"detail": "{secret}"}}', f"/a/{secret}", f"{secret}-{secret}s"):
        assert redactor.text(text) == text
        assert redactor.body(text) == text
    assert redactor.header("Authorization", f"Bearer {secret}") == "Bearer $CT_PASSWORD"
    scope = f"AWS4-HMAC-SHA256 Credential={secret}/20261203/us-east-1/s3/aws4_request"
    assert redactor.header("Authorization", scope) == scope.replace(secret, "$CT_PASSWORD", 1)
    assert redactor.body(f'{{"password": "{secret}"}}') == '{"password": "$CT_PASSWORD"}'
    assert redactor.text(f"/?a=1&key={secret}&b={secret}er") == f"/?a=1&key=$CT_PASSWORD&b={secret}er"
    assert redactor.text(base64.b64encode(f"ct-push:{secret}".encode()).decode()) == "$CT_PASSWORD_IN_BASE64"


@pytest.mark.parametrize("quote_marks", [("&quot;", "&#x27;"), ("&#34;", "&#39;"), ("&quot;", "&apos;"), ('"', "'")])
def test_a_secret_is_redacted_in_escaped_xml(quote_marks: tuple[str, str]) -> None:
    redactor = knowing("aB3d&x<9\"w'Q-long-enough")
    double, single = quote_marks
    told = f"<Key>aB3d&amp;x&lt;9{double}w{single}Q-long-enough</Key>"
    assert redactor.text(told) == "<Key>$CT_SECRET</Key>"


def test_a_secret_is_redacted_in_json_within_json() -> None:
    redactor = knowing("aB3d'&x\"w\\Q-long-enough")
    said = json.dumps({"detail": "cannot read " + json.dumps({"key": "aB3d'&x\"w\\Q-long-enough"})})
    assert json.loads(redactor.text(said)) == {"detail": 'cannot read {"key": "$CT_SECRET"}'}


def test_a_secret_is_redacted_in_a_python_literal() -> None:
    redactor = knowing(secret := "aB3d'&x\"w\\Q-long-enough")
    assert redactor.text(repr(f"<Key>{secret}</Key>".encode())) == "b'<Key>$CT_SECRET</Key>'"


@pytest.mark.parametrize(
    "line",
    ["{offset:08x}  {octets:<49} |{text}|", "{offset:04x}: {octets:<49}{text}", "{offset:08x}: {pairs:<41}{text}"],
)
def test_a_secret_is_redacted_in_a_hex_dump(redactor: Redactor, line: str) -> None:
    def dump(content: bytes) -> str:
        rows = [(at, content[at : at + 16]) for at in range(0, len(content), 16)]
        return "".join(
            line.format(offset=at, octets=row.hex(" "), pairs=row.hex(" ", -2), text=row.decode()) + "\n"
            for at, row in rows
        )

    hidden = printed(f"error:\n{dump(f'<a>the key is {SECRET}</a>'.encode())}end\n", redactor)
    assert hidden == "error:\n<hex dump of <a>the key is $CT_SECRET</a>>\nend\n"
    harmless = f"error:\n{dump(b'<a>no such key in this bucket</a>')}end\n"
    assert printed(harmless, redactor) == harmless


@pytest.mark.parametrize("secret", ["aq1qchuo-9kf2anlwtXYZ-0123456789", "a+/q1&qchuo9kf2anlwt0123456789", TOKEN])
def test_a_part_of_a_secret_is_redacted_in_any_text(redactor: Redactor, secret: str) -> None:
    redactor.learn("OTHER_SECRET", secret)
    for part in (secret[-17:], secret[-17:].upper(), secret[-12:]):
        assert part not in redactor.text(f"Got: x-webhook: /hooks/{part}****")
    word = f"{secret[-8:]}-0-9-a"
    assert redactor.text(f"/{word}/") == f"/{word}/"


def test_harmless_samples_are_not_redacted(redactor: Redactor) -> None:
    assert redactor.header("Authorization", "Bearer not-a-token") == "Bearer not-a-token"
    assert redactor.body("client_secret=not-the-secret") == "client_secret=not-the-secret"
    assert redactor.body("client_secret=&password=") == "client_secret=&password="


def test_tokens_of_one_name_are_numbered() -> None:
    redactor = Redactor()
    for token in ("first-0123456789abcdef", "second-0123456789abcdef"):
        redactor.learn_issued(f'{{"access_token": "{token}"}}')
        redactor.learn("FULL_TOKEN", token)

    assert redactor.issued_in(["Bearer first-0123456789abcdef"]) == {"FULL_TOKEN": 1}
    assert redactor.issued_in(["/items", "Bearer second-0123456789abcdef"]) == {"FULL_TOKEN": 2}
    assert redactor.issued_in(["Bearer another-0123456789abcdef"]) == {}


def test_the_path_of_a_secret_url_is_redacted_but_not_its_host() -> None:
    redactor = Redactor()
    redactor.learn("WEBHOOK_URL", "http://127.0.0.1:8080/hooks/Gj5h1lvk20tzduI8tL")

    assert (
        redactor.redact_parts("docker://127.0.0.1:8080/orgs/acme/app:v1") == "docker://127.0.0.1:8080/orgs/acme/app:v1"
    )
    assert "20tzduI8tL" not in redactor.redact_parts("http://127.0.0.1:8080/hooks/Gj5h1lvk20tzduI8t")
    redactor.learn("WITH_PASSWORD", "http://caller:xY7wQ2pL9k@hooks.example/")
    assert "xY7wQ2pL9k" not in redactor.redact_parts("Authorization: xY7wQ2pL9k")


@pytest.mark.parametrize("before", ["Basic ", "basic  ", "BASIC%20", "authorization: Basic "])
def test_repeated_basic_credentials_are_redacted(redactor: Redactor, before: str) -> None:
    encoded = base64.b64encode(f"ct-full:{SECRET}".encode()).decode()
    for shown in (encoded, encoded.replace("/", "\\/"), encoded[:-6]):
        told = redactor.body(f'{{"you sent": "{before}{shown}"}}')
        assert shown not in told and "$CT_SECRET" in told


def test_a_login_and_a_secret_in_base64_are_redacted(redactor: Redactor) -> None:
    redactor.learn_login("NO_PASSWORD", "", "")
    redactor.learn_login("CT_SECRET", "ct-full", SECRET)
    for sent in (f"ct-full:{SECRET}", f"ct-full:{quote(SECRET, safe='')}", SECRET):
        encoded = base64.b64encode(sent.encode()).decode()
        assert redactor.text(f'{{"auth": "{encoded}", "password": "none"}}') == (
            '{"auth": "$CT_SECRET_IN_BASE64", "password": "none"}'
        )


def test_sentences_about_basic_authentication_are_not_redacted(redactor: Redactor) -> None:
    for text in ("Basic authentication is required", 'Basic realm="registry"', "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="):
        assert redactor.body(text) == text


@pytest.mark.parametrize("written", [r"AAAA+bbbb\/cccc==", r"AAAA\u002Bbbbb/cccc\u003d\u003d", "AAAA+bbbb/cccc=="])
def test_a_token_is_redacted_in_any_json_spelling(redactor: Redactor, written: str) -> None:
    text = f'{{"access_token": "{written}", "token_type": "Bearer"}}'
    redactor.learn_issued(text)
    assert redactor.body(text) == '{"access_token": "$ISSUED_TOKEN", "token_type": "Bearer"}'
    assert redactor.issued(text) == [1]
    redactor.learn("FULL_TOKEN", "AAAA+bbbb/cccc==")
    assert redactor.header("Authorization", "Bearer AAAA+bbbb/cccc==") == "Bearer $FULL_TOKEN"


@pytest.mark.parametrize("escape", ["\\u%04x", "\\u%04X"])
def test_an_escaped_secret_is_redacted(redactor: Redactor, escape: str) -> None:
    written = "".join(each if each.isalnum() else escape % ord(each) for each in SECRET)
    assert redactor.text(f'{{"a": "{written}"}}') == '{"a": "$CT_SECRET"}'
    solidus = SECRET.replace("/", "\\/")
    assert redactor.text(f'{{"a": "{solidus}"}}') == '{"a": "$CT_SECRET"}'


@pytest.mark.parametrize("scheme", ["Basics", "Negotiate", "X"])
def test_credentials_under_another_scheme_are_redacted(redactor: Redactor, scheme: str) -> None:
    encoded = base64.b64encode(f"ct-full:{SECRET}".encode()).decode()
    redactor.learn_login("CT_SECRET", "ct-full", SECRET)
    assert redactor.header("Authorization", f"{scheme} {encoded}") == f"{scheme} <base64 of ct-full:$CT_SECRET>"
    assert redactor.header("Authorization", f"{scheme} QWxhZGRpbg==") == f"{scheme} QWxhZGRpbg=="


@pytest.mark.parametrize(
    ("altered", "way"),
    [
        (SECRET[:-1], "cut-1"),
        (SECRET[3:], "from-3"),
        (SECRET.swapcase(), "case"),
        (f"{SECRET[:9]}X{SECRET[10:]}", "at-10-58"),
        (f"\uff53{SECRET[1:]}", "wide-1"),
    ],
)
def test_a_simple_change_of_a_secret_is_described(redactor: Redactor, altered: str, way: str) -> None:
    told = f"$CT_SECRET~altered-{way}"
    assert redactor.body(f'{{"client_secret": "{altered}"}}') == f'{{"client_secret": "{told}"}}'
    assert redactor.body(f"client_secret={quote(altered, safe='')}&x=1") == f"client_secret={told}-encoded&x=1"
    pair = base64.b64encode(f"client:{altered}".encode()).decode()
    assert redactor.header("Authorization", f"Basic {pair}") == f"Basic <base64 of client:{told}>"


HEAD, CLAIMS, SIGNATURE = TOKEN.split(".")
UNSIGNED = base64.urlsafe_b64encode(b'{"alg": "none"}').decode().rstrip("=")


@pytest.mark.parametrize(
    ("forged", "told"),
    [
        (f"{HEAD}.{CLAIMS}.", "$FULL_TOKEN~altered-cut-30"),
        (f"{HEAD}.{CLAIMS}", "$FULL_TOKEN~altered-cut-31"),
        (f"{UNSIGNED}.{CLAIMS}.", f"{UNSIGNED}.$FULL_TOKEN~altered-claims."),
        (f"{HEAD}.eyJzdWIiOiJvdGhlciJ9.{SIGNATURE}", "$FULL_TOKEN~altered-header.eyJzdWIiOiJvdGhlciJ9.$FULL_TOKEN"),
        (f"{HEAD}.{CLAIMS}.{'A' * 86}", f"$FULL_TOKEN~altered-header.$FULL_TOKEN~altered-claims.{'A' * 86}"),
        (f"{HEAD}.{CLAIMS}.{'Ab' * 43}", "$FULL_TOKEN~altered-header.$FULL_TOKEN~altered-claims.$FULL_TOKEN~altered"),
        (TOKEN.swapcase(), "$FULL_TOKEN~altered-case"),
    ],
)
def test_the_parts_of_a_forged_token_are_described(redactor: Redactor, forged: str, told: str) -> None:
    for shown in (redactor.header("Authorization", f"Bearer {forged}"), redactor.text(f"Bearer {forged}")):
        assert shown.startswith(f"Bearer {told}")
        assert CLAIMS[:16] not in shown and SIGNATURE[:16] not in shown


def test_a_secret_in_the_header_of_a_forged_token_is_redacted(redactor: Redactor) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"k": SECRET}).encode()).decode().rstrip("=")
    shown = redactor.header("Authorization", f"Bearer {header}.{CLAIMS}.")
    assert header not in shown


@pytest.mark.parametrize("secret", ["pässwört-geheim", "пароль-и-ключ"])
def test_a_secret_beyond_ascii_is_redacted_in_fields_and_bytes(secret: str) -> None:
    redactor = knowing(secret)
    # Fields are read as Latin-1, and so are bodies that are no text.
    assert redactor.header("X-Echo", f"it was {secret.encode().decode('latin-1')}") == "it was $CT_SECRET"
    assert without_secrets(b"\xff" + secret.encode(), redactor) == b"\xff$CT_SECRET"


def test_the_beginning_of_a_cut_secret_is_redacted(redactor: Redactor) -> None:
    assert redactor.cut(f"it is {SECRET[:-3]}") == "it is $CT_SECRET~altered"
    assert redactor.cut(f"it is {SECRET[:4]}") == f"it is {SECRET[:4]}"
    assert without_secrets(b"\xff" + SECRET[:-3].encode(), redactor) == b"\xff$CT_SECRET~altered"
    opening = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    zipped = opening.compress(SECRET[:-3].encode()) + opening.flush(zlib.Z_SYNC_FLUSH)
    assert gzip.decompress(without_secrets(zipped, redactor)) == b"$CT_SECRET~altered"


@pytest.mark.parametrize("behind", ["far", "in a part of its own"])
def test_a_secret_deep_in_gzip_is_redacted(redactor: Redactor, behind: str) -> None:
    told = gzip.compress(b"a word " * 300_000 + SECRET.encode())
    hidden = told if behind == "far" else gzip.compress(b"a word") + gzip.compress(SECRET.encode())
    kept = without_secrets(hidden, redactor)
    assert SECRET.encode() not in gzip.decompress(kept) and gzip.decompress(kept).startswith(b"a word")


def test_a_token_with_a_lone_surrogate_is_redacted() -> None:
    redactor = Redactor()
    redactor.learn_issued(r'{"access_token": "abcdefgh\ud800xyz"}')
    assert redactor.text("abcdefgh\ud800xyz") == "$ISSUED_TOKEN"
    assert redactor.text(r"abcdefgh\ud800xyz") == "$ISSUED_TOKEN"


def test_a_client_secret_in_an_answer_is_redacted() -> None:
    redactor = Redactor()
    redactor.learn("FULL_SECRET", "known-secret-of-the-target-file")
    answer = '{"clientSecret": "made-just-now-and-shown", "x": {"client_secret": "known-secret-of-the-target-file"}}'
    redactor.learn_created(answer.encode())
    told = redactor.text(f"{answer} and made-just-now-and-shown again")
    assert told.count("$CREATED_SECRET") == 2
    assert told.count("$FULL_SECRET") == 1
    assert "made-just-now" not in told


def test_asterisks_are_no_client_secret_and_the_number_of_secrets_is_bounded() -> None:
    redactor = Redactor()
    redactor.learn_created(b'{"client_secret": "****************"}')
    assert redactor.text("****************") == "****************"
    shown = [f"made {number:05} just now" for number in range(MOST_CREATED + 1)]
    for secret in shown:
        redactor.learn_created(f'{{"client_secret": "{secret}"}}'.encode())
    assert [redactor.text(each) for each in shown[-2:]] == ["$CREATED_SECRET", shown[-1]]


def test_only_the_tokens_in_a_text_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern of them all, new with each, took minutes."""
    redactor, sought = Redactor(), list[str]()

    def pattern_of(secret: str, expected: bool = False) -> str:
        sought.append(secret)
        return re.escape(secret)

    monkeypatch.setattr(redaction, "pattern_of", pattern_of)
    for number in range(100):
        told = f'{{"access_token": "{number:03}wwwwwwwwwwwwwwwwwwwwwwwwwww+/=="}}'
        redactor.learn_issued(told)
        assert f"{number:03}ww" not in redactor.body(told)

    assert 100 <= len(sought) < 1_000


@pytest.mark.parametrize(
    "secret", ["AKIAIOSFODNN7EXAMPLE", "CTEX4MPLEK3Y0001", "Ct-Acc3ss-K1", "wJalrXUt/K7MDENG+bPxRfiCY", "pass Word 9!x"]
)
@pytest.mark.parametrize("case", [str.upper, str.lower, str.swapcase])
def test_a_secret_in_another_letter_case_is_replaced(secret: str, case: Callable[[str], str]) -> None:
    redactor = Redactor()
    redactor.learn("A_KEY", secret)
    for text in ("<Key>{}</Key>", "/x?AWSAccessKeyId={}&y=1", "the key {} is unknown, {}"):
        shown = redactor.text(text.format(*[case(secret)] * 2))
        assert case(secret) not in shown and "$A_KEY" in shown, shown


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, zstd", "utf-16"])
def test_a_token_in_an_unreadable_body_is_not_stored(coding: str) -> None:
    recorder = Recorder()
    recorder.redactor.learn("A_TOKEN", token := "abcdefghijklmnopqrstuvwxyz0123456789")
    text = f'{{"access_token": "{token}"}}'
    body = text.encode(coding) if "utf" in coding else zlib.compress(text.encode())
    recorder.exchange(reply(200, body, {} if "utf" in coding else {"Content-Encoding": coding}))
    shown = recorder.entries[0]["response_body"]
    assert shown["size"] == len(body)
    stored = base64.b64decode(shown.get("base64", "")) + shown.get("text", "").encode()
    assert token.encode() not in stored.replace(b"\0", b"")
    assert zlib.compress(text.encode())[:20] not in stored
