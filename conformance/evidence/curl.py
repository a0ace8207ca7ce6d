"""One recorded exchange as a curl command to paste, with secrets as ``$NAMES``."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from conformance.evidence.redaction import ALL_ENCODED, ALTERED, ENCODED, PARTS
from conformance.evidence.run_length import Piece, pieces_of
from conformance.vocabulary.values import AGENT

LEFT_TO_CURL = frozenset(
    {"host", "content-length", "accept-encoding", "connection", "amz-sdk-invocation-id", "amz-sdk-request"}
)
"""Fields that curl adds itself, and those that the AWS SDK adds to number its attempts."""
PLAIN_CONNECTION = frozenset({"close", "keep-alive"})
"""Values of Connection that only manage the connection; one that names other fields is part of the request."""
LONGEST_WORD, LONGEST_WITH_SECRETS = 400, 4000
LONGEST_PRINTED = 1500
"""The most characters of a command that prints a body."""
UNPRINTED = "@body-of-"
"""The start of the placeholder for a body that no short command prints: such a line cannot be pasted."""
SIGNATURE_SCOPE = re.compile(r"Credential=\$(?P<key>[A-Z0-9_]+)/\d{8}/(?P<region>[^/]+)/s3/aws4_request")
CODING = "content-encoding"
CURL = "curl -sS -H 'Accept-Encoding: identity'"
"""curl for output that sed reads: without this field a server may choose any coding (RFC 9110 section 12.5.3)."""
ENCODINGS = {
    ENCODED: "curl -sG -o /dev/null -w '%{url_effective}' --data-urlencode @- file:///dev/null | cut -d '?' -f 2",
    ALL_ENCODED: "od -An -v -tx1 | tr -d ' \\n' | tr a-f A-F | sed 's/../%&/g'",
}
"""Commands that encode a secret on standard input."""
FULL_WIDTH = (
    """LC_ALL=C awk '{{ c = substr($0, {0}, 1); for (i = 33; i < 127; i++) if (sprintf("%c", i) == c) """
    """printf "%s%c%c%c%s",substr($0, 1, {0}-1), 239, 188 + (i > 95), 96 + i - 64 * (i > 95), substr($0, {0}+1) }}'"""
)
"""The command that replaces the character at a place by its full-width form (U+FF01 to U+FF5E in UTF-8)."""
SIGNATURE_FIELDS = frozenset({"authorization", "x-amz-date", "x-amz-content-sha256"})
SIGNED = re.compile(r"(?:wire-(?:cut-)?)?s3-signed(?: with (?P<secret>.+))?|boto3")
IN_CHUNKS = "STREAMING-AWS4-"
"""The beginning of the payload hash of a request whose chunks are signed, each with the signature before it."""
ENCODED_BASIC = re.compile(r"^(?P<scheme>\S+ )<base64 of (?P<plain>.*)>$", re.DOTALL)
NAME = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)")
# The redactor's notation for a simply altered secret, and the variable for it.
ALTERATION = re.compile(
    rf"\$(?P<secret>[A-Z][A-Z0-9_]*){ALTERED}-(?P<way>case|(?:cut|from|wide)-\d+|at-\d+-[0-9a-f]{{2}}|{'|'.join(PARTS)})"
    r"(?P<encoded>-encoded)?(?![A-Za-z0-9_~-])"
)
ALTERED_NAME = re.compile(
    rf"(?P<secret>[A-Z][A-Z0-9_]*)_ALTERED_(?P<way>CASE|CUT|FROM|WIDE|AT|{'|'.join(PARTS).upper()})"
    r"(?:_(?P<count>\d+))?(?:_(?P<code>[0-9A-F]{2}))?"
)


def quoted(text: str, secrets: Sequence[str] = ()) -> str:
    """Return the text as one shell word that expands only the ``$NAMES`` of secrets."""
    variables = re.compile("|".join(rf"\${re.escape(name)}(?![A-Z0-9_])" for name in secrets)) if secrets else None
    if variables is None or not variables.search(text):
        return shlex.quote(text)
    pieces = variables.split(text)
    names = [f"${{{match[1:]}}}" for match in variables.findall(text)]
    plain = [re.sub(r'(["\\`$])', r"\\\1", piece) for piece in pieces]
    return '"' + "".join(part for pair in zip(plain, [*names, ""], strict=True) for part in pair) + '"'


def derivation(name: str, variable: str = "") -> str:
    """Return the assignment of the name of an encoded or altered secret; "" for any other name.

    ``variable`` contains the unaltered secret, if not the variable of the secret's own name.
    """
    for suffix, command in ENCODINGS.items():
        if name.endswith(suffix):
            return f'{name}=$(printf %s "${name.removesuffix(suffix)}" | {command})'
    altered = ALTERED_NAME.fullmatch(name)
    if altered is None:
        return ""
    way, count, code = altered["way"], altered["count"], altered["code"]
    command = {
        "CASE": "tr 'A-Za-z' 'a-zA-Z'",
        "CUT": f"sed 's/.\\{{{count}\\}}$//'",
        "FROM": f"sed 's/^.\\{{{count}\\}}//'",
        "WIDE": FULL_WIDTH.format(count),
        "AT": f"sed 's/./{chr(int(code or '0', 16))}/{count}'",
        **{part.upper(): f"cut -d. -f{place}" for place, part in enumerate(PARTS, 1)},
    }[way]
    return f'{name}=$(printf %s "${variable or altered["secret"]}" | {command})'


def secret_of(name: str) -> str:
    """Return the name of the secret behind an altered one's name; any other name unchanged."""
    altered = ALTERED_NAME.fullmatch(name)
    return altered["secret"] if altered else name


def altered_name(match: re.Match[str]) -> str:
    """Return the variable for a simply altered secret that ``ALTERATION`` matched."""
    return f"{match['secret']}_ALTERED_{match['way'].upper().replace('-', '_')}{ENCODED if match['encoded'] else ''}"


def with_alterations(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry in whose request simply altered secrets are variables."""
    names = set(entry.get("secrets", ()))

    def named(match: re.Match[str]) -> str:
        if match["secret"] not in names:
            return match[0]
        used.add(name := altered_name(match))
        return f"${name}"

    used: set[str] = set()
    body = entry["request_body"]
    changed = {
        **entry,
        "url": ALTERATION.sub(named, entry["url"]),
        **({"raw": {**entry["raw"], "head": ALTERATION.sub(named, entry["raw"]["head"])}} if "raw" in entry else {}),
        "request_headers": [[name, ALTERATION.sub(named, value)] for name, value in entry["request_headers"]],
        "request_body": {**body, "text": ALTERATION.sub(named, body["text"])} if "text" in body else body,
    }
    return {**changed, "secrets": sorted(names | used)} if used else entry


def assignments_of(text: str, recipes: Mapping[str, str]) -> dict[str, str]:
    """Return the variables in a text that commands can assign, after those that they need."""
    assignments: dict[str, str] = {}
    for name in dict.fromkeys(NAME.findall(text)):
        if recipe := recipes.get(name) or derivation(name):
            assignments |= {**assignments_of(recipe, recipes), name: recipe}
    return assignments


def from_file(name: str, path: str) -> str:
    """Return the assignment of a secret from a file."""
    return f"{name}=$(cat {shlex.quote(path)})"


def encoding(plain: str, secrets: Sequence[str]) -> str:
    """Return the command that prints the base64 of a text."""
    # A shell word cannot contain NUL, but printf's format can produce it.
    pieces = plain.split("\0")
    command = " ".join(
        ["printf", shlex.quote("\\0".join(["%s"] * len(pieces))), *(quoted(each, secrets) for each in pieces)]
    )
    return f"{command} | base64 -w0"


def _header(name: str, value: str, secrets: Sequence[str]) -> str:
    basic = ENCODED_BASIC.match(value)
    if basic:
        return f'-H "{name}: {basic["scheme"]}$({encoding(basic["plain"], secrets)})"'
    field = f"{name}: {value}" if value else f"{name};"
    content = octets(field)
    try:
        return "-H " + quoted(content.decode("utf-8"), secrets)
    except UnicodeDecodeError:
        return f'-H "$({_printing(content, secrets)})"'


def octets(field: str) -> bytes:
    """Return the bytes of a field as Latin-1, in which fields are stored; other text as UTF-8."""
    try:
        return field.encode("latin-1")
    except UnicodeEncodeError:
        return field.encode("utf-8", "replace")


def _is_given(name: str, value: str, left_out: frozenset[str], url: str) -> bool:
    """Return whether a field is passed to curl."""
    coded = name.lower() == "accept-encoding" and value != "identity"
    return name.lower() not in left_out or coded or is_special(name, value, url)


def was_compressed(entry: Mapping[str, Any]) -> bool:
    """Return whether a response was gzip although the request asked for identity."""
    coding = next((value for name, value in entry.get("response_headers", ()) if name.lower() == CODING), "")
    plain = ["Accept-Encoding", "identity"] in entry["request_headers"]
    return plain and "gzip" in coding.lower() and bool(entry["response_body"].get("text"))


def is_special(name: str, value: str, url: str) -> bool:
    """Return whether curl would not send this value by default: a Connection that names fields, or another Host."""
    if name.lower() == "host":
        return value.lower() not in (authority := urlsplit(url).netloc.lower(), authority.rpartition(":")[0])
    return name.lower() == "connection" and value.lower() not in PLAIN_CONNECTION


def _data(body: dict[str, Any], secrets: Sequence[str]) -> tuple[str, list[str]]:
    """Return a command that prints the body for curl to read, "" if none is needed; and curl's options for the body."""
    if not body["size"]:
        return "", []
    text = body.get("text")
    if text is not None and "sha256" not in body and "\0" not in text:
        inline = quoted(text, secrets)
        if len(text) <= (LONGEST_WITH_SECRETS if inline.startswith('"') else LONGEST_WORD):
            return "", [f"--data-binary {inline}"]
    command = _short(body, secrets)
    if command:
        return f"{command} | ", ["--data-binary @-"]
    note = f"  # sha256 {body['sha256']}" if "sha256" in body else ""
    return "", [f"--data-binary {UNPRINTED}{body['size']}-bytes{note}"]


def _short(body: Mapping[str, Any], secrets: Sequence[str]) -> str:
    """Return the shortest command that prints a body; "" if none is short enough."""
    found = []
    pieces = [(base64.b64decode(each["base64"]), each["times"]) for each in body.get("pieces", [])]
    if "sha256" not in body:
        content = body["text"].encode() if "text" in body else base64.b64decode(body["base64"])
        # A command that prints plain content is longer than the content.
        found = [_printing(content, secrets)] if len(content) <= LONGEST_PRINTED else []
        pieces = [] if found and len(found[0]) <= LONGEST_PRINTED else _repeats(content)
    repeated = [_repeating(unit, times) for unit, times in pieces]
    if repeated and all(repeated) and not any(f"${name}".encode() in unit for name in secrets for unit, _ in pieces):
        found.append(repeated[0] if len(repeated) == 1 else f"{{ {'; '.join(repeated)}; }}")
    return min((each for each in found if len(each) <= LONGEST_PRINTED), key=len, default="")


@lru_cache(maxsize=64)
def _repeats(content: bytes) -> list[Piece]:
    """Return the pieces of a whole body; cached, since one body is sent and returned many times."""
    return pieces_of(content)


def _repeating(unit: bytes, times: int) -> str:
    """Return the command that prints a unit this many times; "" if there is no simple one."""
    if times == 1:
        return f"printf '{_format([unit])}'"
    if len(unit) == 1:
        letter = unit.decode() if unit.isalnum() else f"\\{unit[0]:03o}"
        return f"head -c {times} /dev/zero" + ("" if unit == bytes(1) else f" | tr '\\0' '{letter}'")
    if unit.isascii() and unit.decode("ascii", "replace").isprintable() and not unit.startswith(b"-"):
        return f"yes {shlex.quote(unit.decode())} | tr -d '\\n' | head -c {len(unit) * times}"
    return ""


def _printing(content: bytes, secrets: Sequence[str]) -> str:
    """Return the command that prints bytes: as text or, if shorter, as base64."""
    pieces = [content]
    if secrets:
        names = "|".join(map(re.escape, secrets)).encode()
        pieces = re.split(rb"(<base64 of [^\r\n]*>|\$(?:" + names + rb")(?![A-Z0-9_]))", content)
    command = formatted(pieces[::2], [_argument(each.decode(), secrets) for each in pieces[1::2]])
    encoded = f"printf %s {base64.b64encode(content).decode()} | base64 -d"
    return command if len(pieces) > 1 or len(command) <= len(encoded) else encoded


def _argument(found: str, secrets: Sequence[str]) -> str:
    """Return a secret of a request, plain or within Basic credentials, as a shell word."""
    if found.startswith("$"):
        return f'"${{{found[1:]}}}"'
    return f'"$({encoding(found.removeprefix("<base64 of ")[:-1], secrets)})"'


def formatted(pieces: Sequence[bytes], arguments: Sequence[str]) -> str:
    """Return the printf command for pieces of bytes, with one of the shell words between each two."""
    return " ".join(["printf", f"'{_format(pieces)}'", *arguments])


def _format(pieces: Sequence[bytes]) -> str:
    """Return a printf format with a placeholder between pieces; a leading hyphen would be an option."""
    text = "%s".join(map(_escaped, pieces))
    return "\\055" + text[1:] if text.startswith("-") else text


def _escaped(piece: bytes) -> str:
    """Return bytes escaped for a quoted printf format."""
    plain = "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\{byte:03o}" for byte in piece)
    return plain.replace("%", "%%").replace("\\015\\012", "\\r\\n")


def signature_scope(entry: Mapping[str, Any], secret_names: Mapping[str, str]) -> re.Match[str] | None:
    """Return the key name and region of a signed S3 request, for curl to sign it; None for any other request."""
    if any(value.startswith(IN_CHUNKS) for _, value in entry["request_headers"]):
        return None
    for name, value in entry["request_headers"] if SIGNED.fullmatch(entry["client"]) else []:
        scope = SIGNATURE_SCOPE.search(value)
        if name.lower() == "authorization" and scope and scope["key"] in secret_names:
            return scope
    return None


def signing_secret(entry: Mapping[str, Any], key: str, secret_names: Mapping[str, str]) -> str:
    """Return the secret that a request was signed with, as ``$NAME``: its key's, or a wrong one."""
    signed = SIGNED.fullmatch(entry["client"])
    return (signed["secret"] if signed else None) or f"${secret_names[key]}"


def payload_hash(entry: Mapping[str, Any]) -> list[list[str]]:
    """Return the field that states a payload hash other than the body's; curl would not send it by default."""
    body = entry["request_body"]
    content = body["text"].encode("utf-8", "replace") if "text" in body else base64.b64decode(body.get("base64", ""))
    stated = [[name, value] for name, value in entry["request_headers"] if name.lower() == "x-amz-content-sha256"]
    whole = body.get("sha256") or hashlib.sha256(content).hexdigest()
    return [pair for pair in stated if pair[1] != whole]


def _signature(entry: dict[str, Any], secret_names: dict[str, str]) -> tuple[list[str], frozenset[str]]:
    """Return curl's options that sign an S3 request, and the fields that curl then sets."""
    scope = signature_scope(entry, secret_names)
    if scope is None:
        return [], frozenset()
    known = [scope["key"], secret_names[scope["key"]], *entry.get("secrets", [])]
    user = quoted(f"${scope['key']}:{signing_secret(entry, scope['key'], secret_names)}", known)
    return [f"--aws-sigv4 aws:amz:{scope['region']}:s3 --user {user}"], SIGNATURE_FIELDS


def command_of(entry: dict[str, Any], secret_names: dict[str, str] | None = None) -> str:
    """Return the command that repeats an entry: curl for an exchange, the program's command line for a transcript."""
    if entry["kind"] == "transcript":
        return " ".join(quoted(word, entry.get("secrets", [])) for word in entry["command"])
    return curl(entry, secret_names)


def curl(entry: dict[str, Any], secret_names: dict[str, str] | None = None) -> str:
    """Return the curl command for an exchange; ``secret_names`` maps S3 access keys to their secrets, both by name.

    A body that fits no shell word is piped into curl. If that command is too long, a placeholder states the size.
    """
    entry = with_alterations(entry)
    secrets = entry.get("secrets", [])
    if "raw" in entry:
        return _raw_command(entry)
    signature, signed_fields = _signature(entry, secret_names or {})
    # curl refuses --path-as-is with --aws-sigv4, and signs the unchanged path.
    words = ["curl", "-sS", "-i", *([] if signature else ["--path-as-is"])]
    if entry["method"] == "HEAD":
        words += ["--head"]
    elif not (entry["method"] == "GET" and not entry["request_body"]["size"]):
        words += ["-X", entry["method"]]
    words += [quoted(entry["url"], secrets)]
    words += signature
    left_out = LEFT_TO_CURL | signed_fields
    fields = [(name, value) for name, value in entry["request_headers"] if value != AGENT]
    headers = [(name, value) for name, value in fields if _is_given(name, value, left_out, entry["url"])]
    if not any(name.lower() == "content-type" for name, _ in headers) and entry["request_body"]["size"]:
        words += ["-H 'Content-Type:'"]
    words += [_header(name, value, secrets) for name, value in headers]
    words += [_header(name, value, secrets) for name, value in payload_hash(entry) if signature]
    if was_compressed(entry):
        words += ["--compressed", "-H 'Accept-Encoding: identity'"]
    printing, data = _data(entry["request_body"], secrets)
    return printing + " ".join(words + data)


def endpoint_of(origin: str) -> tuple[str, str, int]:
    """Return the scheme, the host and the port of an origin."""
    parts = urlsplit(origin)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _raw_command(entry: Mapping[str, Any]) -> str:
    """The command that sends a raw request byte for byte, and prints until the connection closes.

    curl would write the request anew. Of TLS this takes openssl, else bash, whose /dev/tcp is a connection.
    """
    body, (scheme, host, port) = entry["request_body"], endpoint_of(entry["raw"]["origin"])
    content = octets(f"{entry['raw']['head']}\r\n\r\n")
    content += body["text"].encode() if "text" in body else base64.b64decode(body["base64"])
    if "sha256" in body or len(content) > LONGEST_WITH_SECRETS:
        return f"{UNPRINTED}{body['size']}-bytes"
    connection = f"exec 3<>/dev/tcp/{host}/{port}; cat >&3; cat <&3"
    program = f"bash -c {shlex.quote(connection)}"
    if scheme == "https":
        program = f"openssl s_client -quiet -connect {shlex.quote(f'{host}:{port}')} -servername {shlex.quote(host)}"
    return f"{_printing(content, entry.get('secrets', []))} | {program}"
