"""One recorded exchange as a curl command that anyone can paste, secrets as ``$NAMES``."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.evidence.redaction import ALL_ENCODED, ALTERED, ENCODED
from conformance.vocabulary.values import AGENT

LEFT_TO_CURL = frozenset({"host", "content-length", "accept-encoding", "connection"})
LONGEST_BODY, LONGEST_PRINTED = 4000, 1024
SIGNATURE_SCOPE = re.compile(r"Credential=\$(?P<key>[A-Z0-9_]+)/\d{8}/(?P<region>[^/]+)/s3/aws4_request")
ENCODINGS = {
    ENCODED: "curl -sG -o /dev/null -w '%{url_effective}' --data-urlencode @- file:///dev/null | cut -d '?' -f 2",
    ALL_ENCODED: "od -An -v -tx1 | tr -d ' \\n' | tr a-f A-F | sed 's/../%&/g'",
}
"""What makes of a secret on standard input the form in which it stood in a request."""
SIGNATURE_FIELDS = frozenset({"authorization", "x-amz-date", "x-amz-content-sha256"})
ENCODED_BASIC = re.compile(r"^(?P<scheme>\S+ )<base64 of (?P<plain>.*)>$", re.DOTALL)
NAME = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)")
# What the redactor writes for a secret that was altered in a simple way, and the name that this gets.
ALTERATION = re.compile(
    rf"\$(?P<secret>[A-Z][A-Z0-9_]*){ALTERED}-(?P<way>case|(?:cut|from)-\d|at-\d+-[0-9a-f]{{2}})(?P<encoded>-encoded)?"
    r"(?![A-Za-z0-9_.~-])"
)
ALTERED_NAME = re.compile(
    r"(?P<secret>[A-Z][A-Z0-9_]*)_ALTERED_(?P<way>CASE|CUT|FROM|AT)(?:_(?P<count>\d+))?(?:_(?P<code>[0-9A-F]{2}))?"
)


def quoted(text: str, secrets: Sequence[str] = ()) -> str:
    """The text as one shell word, in which the ``$NAMES`` of secrets, and no others, are still expanded."""
    variables = re.compile("|".join(rf"\${re.escape(name)}(?![A-Z0-9_])" for name in secrets)) if secrets else None
    if variables is None or not variables.search(text):
        return shlex.quote(text)
    pieces = variables.split(text)
    names = [f"${{{match[1:]}}}" for match in variables.findall(text)]
    plain = [re.sub(r'(["\\`$])', r"\\\1", piece) for piece in pieces]
    return '"' + "".join(part for pair in zip(plain, [*names, ""], strict=True) for part in pair) + '"'


def made_of(name: str) -> str:
    """The assignment of a name that stands for a secret in another form, encoded or altered; "" for any other."""
    for suffix, made in ENCODINGS.items():
        if name.endswith(suffix):
            return f'{name}=$(printf %s "${name.removesuffix(suffix)}" | {made})'
    altered = ALTERED_NAME.fullmatch(name)
    if altered is None:
        return ""
    way, count, code = altered["way"], altered["count"], altered["code"]
    made = {
        "CASE": "tr 'A-Za-z' 'a-zA-Z'",
        "CUT": f"sed 's/.\\{{{count}\\}}$//'",
        "FROM": f"sed 's/^.\\{{{count}\\}}//'",
        "AT": f"sed 's/./{chr(int(code or '0', 16))}/{count}'",
    }[way]
    return f'{name}=$(printf %s "${altered["secret"]}" | {made})'


def with_alterations(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry in whose request what was made of a secret in a simple way has a name of its own."""
    names = set(entry.get("secrets", ()))

    def named(match: re.Match[str]) -> str:
        if match["secret"] not in names:
            return match[0]
        way = match["way"].upper().replace("-", "_")
        made = f"{match['secret']}_ALTERED_{way}{ENCODED if match['encoded'] else ''}"
        used.add(made)
        return f"${made}"

    used: set[str] = set()
    body = entry["request_body"]
    changed = {
        **entry,
        "url": ALTERATION.sub(named, entry["url"]),
        "request_headers": [[name, ALTERATION.sub(named, value)] for name, value in entry["request_headers"]],
        "request_body": {**body, "text": ALTERATION.sub(named, body["text"])} if "text" in body else body,
    }
    return {**changed, "secrets": sorted(names | used)} if used else entry


def made_names(text: str, recipes: Mapping[str, str]) -> dict[str, str]:
    """The names in a text that were made during the run, each with its assignment behind those that this needs."""
    made: dict[str, str] = {}
    for name in dict.fromkeys(NAME.findall(text)):
        if recipe := recipes.get(name) or made_of(name):
            made |= {**made_names(recipe, recipes), name: recipe}
    return made


def encoding(basic: re.Match[str], secrets: Sequence[str]) -> str:
    """The command that prints what ``<base64 of …>`` stands for."""
    # A NUL can stand in no word, but in what printf makes of its format.
    pieces = basic["plain"].split("\0")
    told = " ".join(
        ["printf", shlex.quote("\\0".join(["%s"] * len(pieces))), *(quoted(each, secrets) for each in pieces)]
    )
    return f"{told} | base64 -w0"


def _header(name: str, value: str, secrets: Sequence[str]) -> str:
    basic = ENCODED_BASIC.match(value)
    if basic:
        return f'-H "{name}: {basic["scheme"]}$({encoding(basic, secrets)})"'
    return "-H " + quoted(f"{name}: {value}" if value else f"{name};", secrets)


def _data(body: dict[str, Any], secrets: Sequence[str]) -> tuple[str, list[str]]:
    """What prints a body for curl to read, where it can stand in no word and is short; and curl's own words for it."""
    if not body["size"]:
        return "", []
    if "sha256" in body:
        return "", [f"--data-binary @body-of-{body['size']}-bytes  # sha256 {body['sha256']}"]
    if "text" in body and "\0" not in body["text"] and len(body["text"]) <= LONGEST_BODY:
        return "", [f"--data-binary {quoted(body['text'], secrets)}"]
    content = body["text"].encode() if "text" in body else base64.b64decode(body["base64"])
    if len(content) <= LONGEST_PRINTED:
        return f"{_printing(content, secrets)} | ", ["--data-binary @-"]
    return "", [f"--data-binary @body-of-{body['size']}-bytes"]


def _printing(content: bytes, secrets: Sequence[str]) -> str:
    """The command that prints bytes: readable where most of them are, as base64 where that is shorter."""
    pieces = [content]
    names: list[str] = []
    if secrets:
        found = re.split(rb"\$(" + "|".join(map(re.escape, secrets)).encode() + rb")(?![A-Z0-9_])", content)
        pieces, names = found[::2], [name.decode() for name in found[1::2]]
    told = " ".join(["printf", f"'{'%s'.join(map(_escaped, pieces))}'", *(f'"${{{name}}}"' for name in names)])
    encoded = f"printf %s {base64.b64encode(content).decode()} | base64 -d"
    return told if names or len(told) <= len(encoded) else encoded


def _escaped(piece: bytes) -> str:
    """Bytes within quotes as printf's format names them."""
    plain = "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\{byte:03o}" for byte in piece)
    return plain.replace("%", "%%")


def signature_scope(entry: Mapping[str, Any], secret_names: Mapping[str, str]) -> re.Match[str] | None:
    """Key name and region that an honestly signed S3 request was signed with; None for any other request."""
    for name, value in entry["request_headers"] if entry["client"] == "s3-signed" else []:
        scope = SIGNATURE_SCOPE.search(value)
        if name.lower() == "authorization" and scope and scope["key"] in secret_names:
            return scope
    return None


def _signature(entry: dict[str, Any], secret_names: dict[str, str]) -> tuple[list[str], frozenset[str]]:
    """How curl signs an honestly signed S3 request anew (``--aws-sigv4``), and the fields it then sets itself."""
    scope = signature_scope(entry, secret_names)
    if scope is None:
        return [], frozenset()
    user = f'"${{{scope["key"]}}}:${{{secret_names[scope["key"]]}}}"'
    return [f"--aws-sigv4 aws:amz:{scope['region']}:s3 --user {user}"], SIGNATURE_FIELDS


def command_of(entry: dict[str, Any], secret_names: dict[str, str] | None = None) -> str:
    """What shows a recorded entry once more: curl for an exchange, the program's own command line for a transcript."""
    if entry["kind"] == "transcript":
        return " ".join(quoted(word, entry.get("secrets", [])) for word in entry["command"])
    return curl(entry, secret_names)


def curl(entry: dict[str, Any], secret_names: dict[str, str] | None = None) -> str:
    """The command for a recorded exchange; ``secret_names`` maps the name of an S3 access key to its secret's name.

    A body that can stand in no word is printed into curl's standard input; one that is too long as well is told by its
    size, and by its digest where it was not kept whole.
    """
    entry = with_alterations(entry)
    secrets = entry.get("secrets", [])
    signature, signed_fields = _signature(entry, secret_names or {})
    # curl refuses the two together, and signs the path as it is given.
    words = ["curl", "-sS", "-i", *([] if signature else ["--path-as-is"])]
    if entry["method"] == "HEAD":
        words += ["--head"]
    elif not (entry["method"] == "GET" and not entry["request_body"]["size"]):
        words += ["-X", entry["method"]]
    words += [quoted(entry["url"], secrets)]
    words += signature
    left_out = LEFT_TO_CURL | signed_fields
    headers = [pair for pair in entry["request_headers"] if pair[0].lower() not in left_out and pair[1] != AGENT]
    if not any(name.lower() == "content-type" for name, _ in headers) and entry["request_body"]["size"]:
        words += ["-H 'Content-Type:'"]
    words += [_header(name, value, secrets) for name, value in headers]
    printing, data = _data(entry["request_body"], secrets)
    return printing + " ".join(words + data)
