"""Run records to render: every verdict, hostile text, and as many checks as one likes."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from conformance.evidence.recorder import Recorder
from conformance.runs.reading import Record, read
from conformance.runs.record import CheckResult, EvidenceWriter, RecordWriter, RunInfo
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.operation import error_code
from conformance.vocabulary.verdict import Verdict

EVIDENCE = "evidence/main.ndjson.gz"
STATUS = re.compile(r"([1-5]\d\d)(?!\S)")
TYPE = re.compile(r"(?<= )\w+/\w+")
DUE = re.compile(r"(?:[1-5](?:\d\d|xx)(?:, | or |$))+|[1-5](?:\d\d|xx)(?= )")

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=http://evil.example/x onerror=\"document.title='owned'\">"
    " \u202edetrevni\u202c nul:\x00 esc:\x1b[31m surrogate:\ud800 | `tick` ]]> <!-- @everyone {{ 7*7 }}"
)
TOKEN = "sample-token-that-is-redacted"
CLAUSES = {
    "oauth": ("RFC 6749 (OAuth 2.0)", "section 5.2", "https://www.rfc-editor.org/rfc/rfc6749#section-5.2"),
    "registry": ("OCI Distribution Specification 1.1", "Pulling manifests", "https://distribution.example/spec"),
    "storage": ("Amazon S3 API Reference", "GetObject", "https://docs.aws.example/AmazonS3/API_GetObject.html"),
    "webhooks": ("NextEpoch documentation", "Webhooks", "https://docs.nextepoch.example/credentials-webhooks"),
}
QUOTE = (
    'If the client attempted to authenticate via the "Authorization" request header field, the authorization server '
    'MUST respond with an HTTP 401 (Unauthorized) status code and include the "WWW-Authenticate" response header field.'
)
CONFIGURATION = {
    "organization": "acme",
    "identity": {
        "url": "https://identity.staging.example",
        "credentials": {"full": {"client_id": "ct-full", "client_secret": "$CT_FULL_SECRET"}},
    },
    "registry": {"url": "https://registry.staging.example", "repository": "orgs/acme/conformance"},
    "storage": {"endpoint": "https://s3.staging.example", "buckets": ["conformance-a"]},
    "webhooks": {"url": "$CT_WEBHOOK_URL"},
}
LINE = 'curl -sS -i https://identity.staging.example/oauth/token -H "Authorization: Bearer ${TOKEN_FULL}"'
RECIPE = "TOKEN_FULL=$(curl -sS https://identity.staging.example/oauth/token -d grant_type=client_credentials)"


def _preflight() -> list[dict[str, Any]]:
    looks: dict[str, tuple[list[list[str]], float | None]] = {
        "identity": ([["ok", "token for full"], ["ok", "token for narrow"]], 0.012),
        "registry": ([["ok", "login of pusher"], ["warn", "clock 4 s ahead"]], 0.031),
        "storage": ([["ok", "one object put and deleted"]], 0.02),
        "webhooks": ([["fail", "connection refused"]], None),
    }
    return [
        {"surface": surface, "reachable": round_trip is not None, "lines": lines, "round_trip_s": round_trip,
         "cause": "" if round_trip else "connection refused"}
        for surface, (lines, round_trip) in looks.items()
    ]  # fmt: skip


def info(**changes: Any) -> RunInfo:
    """A run's description."""
    values: dict[str, Any] = {
        "run_id": "20260301T101500Z-staging", "target": "staging", "started": "2026-03-01T10:15:00Z",
        "suite_version": "0.4.0", "contract_version": "2026.1", "contract_digest": "9f2c4e" * 10 + "abcd",
        "seed": 20260301, "explore": 50, "profile": "full", "selection": [], "shard": None, "strict": False,
        "workers": 2, "configuration": CONFIGURATION, "fingerprint": "77aa01" * 10 + "ffff", "preflight": _preflight(),
        "features": ["registry.delete", "storage.multipart", "storage.conditional-write"],
        "recipes": {"TOKEN_FULL": RECIPE}, "environment": {"python": "3.11.7", "platform": "Linux"},
        "finished": "2026-03-01T10:15:14Z", "duration_s": 14.2, "requests": 1840, "exit_code": 1,
    }  # fmt: skip
    return RunInfo(**{**values, **changes})


def check(check_id: str, verdict: Verdict = Verdict.PASS, **changes: Any) -> CheckResult:
    """One check's result; the area decides its class and clause."""
    area = check_id.split("/", 1)[0]
    document, section, url = CLAUSES.get(area, CLAUSES["oauth"])
    requirement = check_id.partition("#")[0]
    values: dict[str, Any] = {
        "id": check_id, "requirement": requirement, "area": area, "level": "MUST", "conformance_class": f"{area}-core",
        "title": requirement.rsplit("/", 1)[1].replace("-", " ").capitalize(),
        "clause": {"document": document, "section": section, "quote": QUOTE, "url": url},
        "verdict": verdict.value, "duration_s": 0.0123, "nodeid": f"suites/{area}/test_{area}.py::test_it",
        "purpose": "a client that cannot prove itself gets no token.", "worker": "gw0",
        "method": ["ask for a token with a known client id and a wrong secret",
                   'expect 401 with error "invalid_client", and no token'],
    }  # fmt: skip
    return CheckResult(**{**values, **changes})


def finding(expected: str, observed: str, *ids: str, **more: Any) -> dict[str, Any]:
    """One finding as the plugin writes it: about a status if both sides begin with one, else about a body."""
    due, status = statuses_in(expected), STATUS.match(observed)
    response: dict[str, Any] = {
        "deviation": {"kind": "status", "statuses": due} if due and status else {"kind": "body"}
    }
    if status:
        size = 0 if "no body" in observed or observed == status[1] else 1
        media_type = TYPE.search(observed)
        response |= {"status": int(status[1]), "code": error_code(observed), "size": size}
        response |= {"media_type": media_type[0] if media_type else ""}
    if asked := more.get("asked"):
        method, _, path = asked.partition(" ")
        response |= {"method": method, "url": f"http://h{path}"}
    return {"expected": expected, "observed": observed, "hint": "", "exchanges": list(ids), **response, **more}


def statuses_in(text: str) -> list[str]:
    """The statuses that an expectation begins with: ``401, 403 or 404``, ``2xx``."""
    found = DUE.match(text)
    return re.findall(r"[1-5](?:\d\d|xx)", found[0]) if found else []


RUN_MADE = "cf-0tpeune425a-w-7x"
"""A name that a run made."""


def entry(number: int = 1, method: str = "GET", status: int = 200, **more: Any) -> dict[str, Any]:
    """One recorded exchange; each begins after the one before has ended."""
    body = {"size": 0, "text": ""}
    return {
        "kind": "exchange", "id": f"x-{number}", "client": "http", "method": method, "url": "http://h/b/k",
        "request_headers": [], "request_body": body, "status": status, "response_headers": [], "response_body": body,
        "started": float(number), "duration_s": 0.1, "error": None, "secrets": [], **more,
    }  # fmt: skip


def recorder() -> Recorder:
    """A recorder that knows the secret of the samples."""
    made = Recorder()
    made.redactor.learn("TOKEN_FULL", TOKEN)
    return made


def exchange(
    recorder: Recorder,
    status: int = 200,
    body: bytes = b'{"ok":true}',
    url: str = "https://identity.staging.example/oauth/token",
    **more: Any,
) -> str:
    """Records one exchange; returns its id."""
    media_type = more.get("media_type", "application/json")
    asked = Headers([("Host", "identity.staging.example"), ("Content-Type", "application/x-www-form-urlencoded"),
                     ("Authorization", f"Bearer {TOKEN}")])  # fmt: skip
    date = ("Date", "Sun, 01 Mar 2026 10:15:01 GMT")
    answered = Headers([("Content-Type", media_type), date, *more.get("headers", [])])
    sent = more.get("request_body", b"grant_type=client_credentials&client_id=ct-full")
    made = Exchange(
        recorder.next_id(), more.get("method", "POST"), url, asked, sent, status, answered, body, 1772360101.0, 0.004
    )
    if status:
        recorder.exchange(made)
    else:
        recorder.failed_request(made, "connection closed without an answer")
    return made.id


def evidence_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of evidence, as they are written."""
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def write_evidence(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Writes a file of evidence with these lines."""
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))


def written(
    folder: Path, results: list[CheckResult], recorder: Recorder | None = None, complete: bool = True, **changes: Any
) -> Record:
    """Writes a run's folder as the suite does and reads it back."""
    writer = RecordWriter(folder, info(**changes))
    for result in results:
        writer.check(result)
    lines = recorder.entries if recorder else []
    evidence = EvidenceWriter(folder / EVIDENCE)
    evidence.write(lines)
    evidence.close()
    writer.evidence(Path(EVIDENCE).name, evidence.digest)
    writer.close(complete, {})
    return read(folder)


def every_verdict(folder: Path, **changes: Any) -> Record:
    """A run with each verdict, a waiver, a property, a transcript, a body of each kind and hostile text."""
    recording = recorder()
    results = [*_oauth(recording), *_registry(recording), *_storage(recording), *_webhooks(recording)]
    folder.mkdir(parents=True, exist_ok=True)
    leftover = {"surface": "storage", "name": "cf-123/key", "why": "500"}
    (folder / "leftovers.json").write_text(json.dumps([leftover]), encoding="utf-8")
    return written(folder, results, recording, **changes)


def _oauth(recording: Recorder) -> Iterator[CheckResult]:
    """A pass, one failure in two cases, a failing SHOULD, a property, and what was not judged."""
    good = [exchange(recording) for _ in range(6)]
    wrong = exchange(recording, 200, b'{"access_token":"$TOKEN_X","a":1,"a":2,"n":1.00}', headers=[("X-Note", HOSTILE)])
    given = ("401 or 400", "200 OK with an access token", wrong)
    yield check("oauth/token/good-request-gets-a-token", exchanges=good, requests=6)
    for case, exchanges, hint in (("wrong", [*good[:2], wrong], "the secret is not compared"), ("empty", [wrong], "")):
        name = f"oauth/token/wrong-secret-is-refused#{case}"
        yield check(name, Verdict.FAIL, exchanges=exchanges, findings=[finding(*given, hint=hint, curl=LINE)])
    no_store = finding('header "Cache-Control: no-store"', "no Cache-Control header", good[0])
    yield check("oauth/token/cache-control-is-no-store", Verdict.FAIL, level="SHOULD", exchanges=good[:1],
                findings=[no_store])  # fmt: skip
    events = {"form": 640, "duplicate parameter": 210, "not UTF-8": 350}
    yield check("oauth/token/body-is-never-a-5xx", exchanges=good[-2:], requests=1200, events=events)
    yield check("oauth/limits/too-many-requests-are-told", Verdict.NOT_APPLICABLE, feature="limits.token_requests",
                reason="the feature limits.token_requests is not claimed")  # fmt: skip
    yield check("oauth/token/revoked-credential-is-refused", Verdict.INCONCLUSIVE,
                reason="no revoked credential is described",
                needs="[targets.staging.identity.credentials.revoked] in conformance.toml")  # fmt: skip


def _registry(recording: Recorder) -> Iterator[CheckResult]:
    """Bytes that are no text, a transcript with a waiver, and an error of the suite."""
    binary = exchange(recording, 200, bytes(range(256)) * 300, media_type="application/octet-stream")
    command = ["docker", "push", "registry.staging.example/orgs/acme/app:1"]
    told = ("The push refers to repository\n", "denied: \x1b[31mrequested access\x1b[0m")
    transcript = recording.transcript(command, 1, *told, 1.2)
    shown = " ".join(command)
    waiver = {"reason": "proxy upgrade under way", "issue": "https://issues.example/77", "until": "2026-04-01"}
    yield check("registry/pull/manifest-by-digest", exchanges=[binary], title="A manifest can be pulled by its digest")
    yield check("registry/push/client-can-push#docker", Verdict.FAIL, exchanges=[binary, transcript], waiver=waiver,
                findings=[finding("exit code 0", "exit code 1: denied", transcript, curl=shown)])  # fmt: skip
    yield check("registry/pull/blob-range", Verdict.ERROR, level="MAY",
                reason="ZeroDivisionError: division by zero in oracles/ranges.py")  # fmt: skip


def _storage(recording: Recorder) -> Iterator[CheckResult]:
    """Two failures of one cause, and a long body."""
    error = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>&lt;b&gt;</Message></Error>"
    xml = exchange(recording, 500, error, "https://s3.staging.example/conformance-a/k",
                   method="GET", media_type="application/xml", request_body=b"")  # fmt: skip
    long = exchange(recording, 200, b"x" * 100_000, media_type="text/plain")
    for name, expected in (("get/range-is-honoured", "206 Partial Content"), ("list/page-is-not-cut-short", "200 OK")):
        findings = [finding(expected, "500 Internal Server Error", xml, script=True)]
        yield check(f"storage/{name}", Verdict.FAIL, exchanges=[long, xml], findings=findings)
    yield check("storage/put/long-line", exchanges=[long])


def _webhooks(recording: Recorder) -> Iterator[CheckResult]:
    """Hostile text wherever the target's words are shown, no answer at all, and what was not judged."""
    html = exchange(recording, 502, HOSTILE.encode("utf-8", "surrogatepass"), media_type="text/html")
    silent = exchange(recording, 0)
    clause = {"document": "D", "section": "S", "quote": HOSTILE, "url": "javascript:document.title='owned'"}
    yield check("webhooks/post/hostile", Verdict.FAIL, title="Hostile " + HOSTILE, exchanges=[html, silent],
                findings=[finding(HOSTILE, HOSTILE + "y" * 100_000, html)], clause=clause)  # fmt: skip
    yield check("webhooks/post/accepted", Verdict.INCONCLUSIVE, reason="webhooks: connection refused",
                needs="a webhook that answers")  # fmt: skip
