"""What a script removes at its end: each thing with a name of this suite that one of its requests may have made.

The removal of a request is a request of its own, with the same login. It is sent only where the first was accepted.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from conformance.evidence.curl import SIGNATURE_SCOPE
from conformance.reporting.reproduce_bodies import content
from conformance.runs.record import RunInfo

Entry = Mapping[str, Any]
Asking = Callable[[int, Entry, dict[str, str]], tuple[list[str], list[str]]]
OURS = re.compile(r"cf-[0-9a-z]{11}-", re.IGNORECASE)
SESSION = re.compile(r"/v2/(?P<name>.+)/blobs/uploads/")
MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/[^/]+$")
FORM_KEY = re.compile(r'name="key"\r\n\r\n([^\r]+)\r\n')
PLACE = "@removed-{}@"
"""What stands in a removal's URL for what only the answer names."""
REMOVES = 10_000
"""What is added to the number of a request for that of its removal."""
NOTHING = hashlib.sha256(b"").hexdigest()
CLEANUP = r"""
# Removes what was made, the last first, and tells what stays.
accepted() { case $(cat "$answers/$1.status" 2>/dev/null) in 2??) ;; *) return 1 ;; esac; }
remove() {
    code=$(curl -sS --globoff --max-time 60 -K - -o /dev/null -w '%{http_code}')
    case $code in 2?? | 404 | 410) return ;; esac
    printf 'left behind: what request %s made (its removal is answered %s)\n' "$1" "$code"
}
"""


@dataclass(frozen=True)
class Removal:
    """The request that removes what another made; ``found`` is the command that finds ``PLACE`` in its answer."""

    entry: Entry
    found: str = ""


def cleanup(removed: Sequence[tuple[int, Removal]], asked: Asking) -> str:
    """Return the functions that remove what was made; ``asked`` returns assignments and what curl is told."""
    lines = [f"{CLEANUP}clean_up() {{"]
    for number, removal in removed:
        marks = {PLACE.format(number): f"\0REMOVED_{number}\0"} if removal.found else {}
        assigned, told = asked(REMOVES + number, removal.entry, marks)
        found = [f"REMOVED_{number}=$({removal.found})"] if removal.found else []
        lines += [f"if accepted {number}; then", *found, *assigned, f"remove {number} <<CURL", *told, "CURL\nfi"]
    return "\n".join([*lines, "}"])


def removals(exchanges: Sequence[tuple[int, Entry]], info: RunInfo) -> list[tuple[int, Removal]]:
    """Return the removals of what requests may have made, by the numbers of these, the last first; each once."""
    made: dict[str, tuple[int, Removal]] = {}
    for number, entry in exchanges:
        if entry["method"] in ("PUT", "POST"):
            for removal in _of(number, entry, info):
                key = f"{number} {removal.found}" if removal.found else str(removal.entry["url"])
                made.setdefault(key, (number, removal))
    return [*reversed(made.values())]


def _of(number: int, entry: Entry, info: RunInfo) -> Iterator[Removal]:
    """The removals of what one request may have made."""
    for name, address, found in (
        ("storage", "endpoint", _objects), ("registry", "url", _images), ("identity", "url", _items),
    ):  # fmt: skip
        table = info.configuration.get(name) or {}
        if table and str(entry["url"]).startswith(f"{str(table.get(address)).rstrip('/')}/"):
            yield from found(number, entry, table, info)


def _objects(number: int, entry: Entry, table: Mapping[str, Any], info: RunInfo) -> Iterator[Removal]:
    """An object, or an upload that was opened."""
    at = urlsplit(entry["url"])
    names = parse_qs(at.query, keep_blank_values=True)
    path = at.path
    if entry["method"] == "POST" and not path.strip("/").count("/"):
        key = FORM_KEY.search(str(entry["request_body"].get("text", "")))
        path = f"{path.rstrip('/')}/{quote(key[1])}" if key else path
    if not OURS.search(path) or (entry["method"] == "PUT" and "uploadId" in names):
        return
    url = f"{at.scheme}://{at.netloc}{path}"
    key_name = next(iter(info.secret_names), "")
    signed = _signed(entry, key_name, str(table.get("region") or "us-east-1"))
    if "uploads" in names:
        yield Removal(
            _deletion(f"{url}?uploadId={PLACE.format(number)}", signed, key_name), f"upload_of {number} | encoded"
        )
    else:
        yield Removal(_deletion(url, signed, key_name))


def _signed(entry: Entry, key_name: str, region: str) -> Entry:
    """A request signed honestly with the key of the target file; its day, moment and signature are made anew."""
    held = next((value for name, value in entry["request_headers"] if name.lower() == "authorization"), "")
    scope = SIGNATURE_SCOPE.search(held)
    day = "00000000"
    credential = f"Credential=${key_name}/{day}/{scope['region'] if scope else region}/s3/aws4_request"
    signature = f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={'0' * 64}"
    fields = [["Host", urlsplit(entry["url"]).netloc], ["x-amz-date", f"{day}T000000Z"]]
    fields += [["x-amz-content-sha256", NOTHING], ["Authorization", f"AWS4-HMAC-SHA256 {credential}, {signature}"]]
    return {"client": "s3-signed", "request_headers": fields, "secrets": [key_name]}


def _images(number: int, entry: Entry, table: Mapping[str, Any], info: RunInfo) -> Iterator[Removal]:
    """A manifest, a blob, or an upload session."""
    at = urlsplit(entry["url"])
    root, path = f"{at.scheme}://{at.netloc}/v2/", unquote(at.path)
    session, manifest = SESSION.search(path), MANIFEST.search(path)
    found = session or manifest
    if found is None or not OURS.search(found["name"]):
        return
    if session and entry["method"] == "POST":
        place = f"address_of {number} {shlex.quote(f'{at.scheme}://{at.netloc}')}"
        yield Removal(_deletion(PLACE.format(number), entry), place)
    if "registry.delete" in info.features:
        asked = parse_qs(at.query)
        digests = [*asked.get("digest", []), *asked.get("mount", [])] if session else [_digest(entry["request_body"])]
        kind = "blobs" if session else "manifests"
        yield from (Removal(_deletion(f"{root}{found['name']}/{kind}/{each}", entry)) for each in digests[:1])


def _digest(body: Mapping[str, Any]) -> str:
    return f"sha256:{body.get('sha256') or hashlib.sha256(content(body)).hexdigest()}"


def _items(number: int, entry: Entry, table: Mapping[str, Any], info: RunInfo) -> Iterator[Removal]:
    """An item of a resource that the target file lets the suite delete."""
    at = urlsplit(entry["url"])
    for resource in table.get("resources") or []:
        item, foreign = resource.get("item") or {}, resource.get("foreign") or {}
        places = {resource["path"]: item.get("path"), foreign.get("path"): foreign.get("item")}
        place, slug = places.get(unquote(at.path)), _member(entry, resource.get("unique") or "slug")
        if place and resource.get("delete") and OURS.search(slug):
            url = f"{at.scheme}://{at.netloc}{place.replace('{slug}', quote(slug, safe=''))}"
            yield Removal(_deletion(url, entry, method=resource["delete"].get("method") or "DELETE"))


def _member(entry: Entry, name: str) -> str:
    """The text of a member of a request's JSON body."""
    try:
        told = json.loads(entry["request_body"].get("text") or "")
    except (ValueError, RecursionError):
        return ""
    return str(told.get(name, "")) if isinstance(told, dict) else ""


def _deletion(url: str, login: Entry, key_name: str = "", method: str = "DELETE") -> Entry:
    """A request that deletes, with the login of another."""
    kept = ("host", "authorization", "x-amz-date", "x-amz-content-sha256")
    fields = [[name, value] for name, value in login["request_headers"] if name.lower() in kept]
    used = [
        each for each in login.get("secrets", []) if each == key_name or any(f"${each}" in value for _, value in fields)
    ]
    return {
        "kind": "exchange", "id": "", "client": login["client"], "method": method, "url": url, "status": 0,
        "request_headers": fields, "request_body": {"size": 0, "text": ""}, "response_headers": [],
        "response_body": {"size": 0, "text": ""}, "secrets": used, "tokens": login.get("tokens", {}),
    }  # fmt: skip
