"""No file of a run and no output contains a part of a secret, in any encoding that gives it back."""

from __future__ import annotations

import base64
import gzip
import io
import json
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from conformance.reference.deployment import alterations
from conformance.reference.seeds import WORDS
from conformance.target import configuration
from tests.defects import PROGRAM
from tests.rows import noticing, requirement_of
from tests.run.secret_search import PIECE, STEP, leaks_in, parts_in, pieces_of
from tests.run.support import conformance, serving_reference

SECRET = "Gj5h1lvk20tzduI8tL-4NbQ9xWc7/Yp+3Ze"
LEAST = PIECE + STEP - 1
NO_SECRETS = {"STORAGE_ACCESS_KEY", "REGISTRY_EXPIRED_TOKEN"}
"""S3 names an access key in each request; what a JWT says of its issuer and subject is in others, too."""
DEFECTS = (
    "wrong-secret-accepted", "secret-echoed-with-token", "secret-inside-token", "secret-accepted-as-token",
    "token-error-echoes-request", "members-show-secrets", "basic-field-echoed", "refused-address-is-quoted",
    "secret-shown-again", "token-echoed-in-error", "wrong-password-accepted", "wrong-password-echoed",
    "secret-in-error", "near-miss-echoed", "answer-reveals-most-of-url", "browsers-are-shown-the-url",
    "deletion-names-url", "too-large-names-url", "webhook-url-matched-by-prefix", "webhook-url-redirected",
)  # fmt: skip
NOTICED = "oauth/token/wrong-secret-is-refused#look-alike"
NAMED = sorted({requirement_of(each) for name in DEFECTS for each in noticing(alterations()[name])})
OTHERS = ["oauth/client", "oauth/tokens", "registry/login", "storage/presigned", "storage/sdk", "webhooks/rotation"]
"""Checks that send every kind of secret."""


def zipped(content: bytes) -> bytes:
    """A zip archive of one file."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", content)
    return kept.getvalue()


def full_width(text: str) -> str:
    """A text in full-width forms, which NFKC and NFKD bring back."""
    return "".join(chr(ord(each) + 0xFEE0) for each in text)


FORMS: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "full-width": lambda text: full_width(text).encode(),
    "with accents": lambda text: unicodedata.normalize("NFD", "".join(f"{each}\u0301" for each in text)).encode(),
    "in capitals": lambda text: text.upper().encode(),
    "in other case": lambda text: text.swapcase().encode(),
    "reversed": lambda text: text[::-1].encode(),
    "the first part": lambda text: text[: LEAST + 2].encode(),
    "the last part": lambda text: text[-LEAST - 2 :].encode(),
    "in base64": lambda text: base64.b64encode(f"id:{text}".encode()),
    "in URL-safe base64": lambda text: base64.urlsafe_b64encode(text.encode()),
    "in other case in base64": lambda text: base64.b64encode(text.swapcase().encode()),
    "in hexadecimal digits": lambda text: text.encode().hex().encode(),
    "percent-encoded": lambda text: "".join(f"%{each:02x}" for each in text.encode()).encode(),
    "percent-encoded twice": lambda text: quote(quote(text, safe=""), safe="").encode(),
    "escaped in JSON": lambda text: "".join(f"\\u{ord(each):04x}" for each in text).encode(),
    "full-width in JSON": lambda text: json.dumps({"a": full_width(text)}).encode(),
    "escaped in XML": lambda text: "".join(f"&#{ord(each)};" for each in text).encode(),
    "in gzip": lambda text: gzip.compress(text.encode()),
    "in gzip in base64": lambda text: base64.b64encode(gzip.compress(text.encode())),
    "in a zip archive": lambda text: zipped(text.encode()),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_search_finds_a_secret_in_each_form(form: str) -> None:
    pieces = pieces_of({"CT_SECRET": SECRET})
    alone = FORMS[form](SECRET)
    assert {name for name, _, _ in parts_in(alone, pieces)} == {"CT_SECRET"}
    if not form.startswith("in gzip") and not form.startswith("in a zip"):
        assert parts_in(b'{"text": "' + alone + b'"}', pieces) != []
    assert parts_in(FORMS[form]("another-word-of-chance-0123456789"), pieces) == []


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "selected"),
    [
        pytest.param([], [], marks=pytest.mark.nightly),
        pytest.param(["--odd-secrets"], [], marks=pytest.mark.nightly),
        (["--odd-secrets"], [*NAMED, *OTHERS]),
    ],
    ids=["plain-secrets", "odd-secrets", "some-checks"],
)
def test_a_run_with_failing_defects_leaves_no_secret(tmp_path: Path, options: list[str], selected: list[str]) -> None:
    with serving_reference(*options, switched=DEFECTS, program=PROGRAM) as reference:
        target = configuration.load(reference.target_config, tmp_path).choose(None)[1]
        secrets = {secret.name: secret.reveal() for secret in configuration.secrets(target)}
        ran = conformance(tmp_path, "run", *selected, "--config", str(reference.target_config), "--workers", "2")
    (tmp_path / "terminal.txt").write_text(ran.output, encoding="utf-8")

    verdicts = ran.verdicts()
    assert verdicts[NOTICED] == "fail" and list(verdicts.values()).count("fail") > len(DEFECTS), ran.output
    assert list(verdicts.values()).count("inconclusive") < len(verdicts) / 10, ran.output
    assert list(ran.record.folder.glob("reproduce/*/*.sh")) and list(ran.record.folder.glob("allure-results/*.json"))
    # Of a URL, the path alone is secret; the words of odd secrets are in public names, too.
    sought = {name: value.rpartition("/hooks/")[2] for name, value in secrets.items() if name not in NO_SECRETS}
    assert len(sought) > 15
    assert leaks_in(tmp_path, pieces_of(sought, public=[WORDS])) == []
