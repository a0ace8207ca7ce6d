"""The OAuth client stores tokens as long as they are valid, and hooks are recorded without secrets."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.jwt.parts import part
from conformance.clients.oauth.client import OAuthClient, reuse_time_s
from conformance.clients.programs import operator_hooks
from conformance.clients.programs.operator_hooks import Operator
from conformance.evidence.curl import CURL
from conformance.evidence.recorder import Recorder
from conformance.target.description import Credential, Hooks, Identity, Secret
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotDeclared
from tests.clients.servers import answering
from tests.oracles.replies import reply


class Server:
    """Stands in for an HTTP client: answers what it is told, remembers what it was sent."""

    base_url, curl = "http://target.example", CURL

    def __init__(self, *documents: Any) -> None:
        self.documents = list(documents)
        self.sent: list[tuple[str, str, Any, bytes]] = []
        self.recorder = Recorder()
        self.limits = Limits()

    def labelled(self, label: str) -> Server:
        return self

    def send(self, method: str, target: str, headers: Any = (), body: bytes = b"") -> Any:
        self.sent.append((method, target, list(headers), body))
        status, document = self.documents.pop(0)
        return reply(status, document)


def client(*documents: Any) -> tuple[OAuthClient, Server]:
    credential = Credential(
        client_id="ct-full", client_secret=Secret("CT_SECRET", "s3cr+t&=%"), scopes=["a:read", "b:read"]
    )
    server = Server(*documents)
    return OAuthClient(
        Identity(url=server.base_url, credentials={"full": credential}), cast(HttpClient, server)
    ), server


@pytest.mark.parametrize(
    ("told", "kept_s"),
    [(3600, 3570), (6, 3), (0, 0), (-5, 0), (10**400, 10**9 - 30), ("3600", math.inf), (None, math.inf)],
)
def test_a_token_is_renewed_before_it_expires(told: Any, kept_s: float) -> None:
    assert reuse_time_s(cast(Any, reply(200, {"access_token": "a", "expires_in": told}))) == kept_s


@pytest.mark.parametrize(
    ("claims", "kept_s"),
    [
        ({"iat": 100, "exp": 160}, 30),
        ({"iat": 100, "exp": 10**6}, 3570),
        ({"iat": 100, "exp": 50}, 0),
        ({"exp": 160}, 3570),
        ({"iat": "x", "exp": {}}, 3570),
        ([], 3570),
    ],
)
def test_a_jwt_that_expires_early_is_renewed_in_time(claims: Any, kept_s: float) -> None:
    answer = {"access_token": f"e30.{part(claims)}.sig", "expires_in": 3600}
    assert reuse_time_s(cast(Any, reply(200, answer))) == kept_s


def test_tokens_are_stored_and_redacted() -> None:
    oauth, server = client(
        (200, {"access_token": "token-value-0123456789"}), (200, {"access_token": "token-value-9876543210"})
    )
    assert oauth.token("full", "a:read") == oauth.token("full", "a:read")
    assert oauth.token("full") == "token-value-9876543210"
    assert len(server.sent) == 2
    assert server.recorder.redactor.text("token-value-0123456789") == "$FULL_A_READ_TOKEN"
    assert "$CT_SECRET" in server.recorder.recipes["FULL_TOKEN"]
    assert "s3cr" not in server.recorder.recipes["FULL_TOKEN"]


def test_the_reported_command_obtains_the_token() -> None:
    body = b'{"access_token": "token-value-0123456789"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    secret = Secret("CT_SECRET", "s3cr+t&=% '\"$x")
    credential = Credential(client_id="it's a+b/%:&=\"$x@acme", client_secret=secret, scopes=["a:read", "b:read"])
    with answering(answer, answer) as (url, received):
        http = HttpClient(url, Recorder())
        OAuthClient(Identity(url=url, credentials={"full": credential}), http).token("full")
        shell = f"{http.recorder.recipes['FULL_TOKEN']}; echo $FULL_TOKEN"
        environment = {**os.environ, secret.name: secret.reveal()}
        told = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True, env=environment).stdout
    assert told == "token-value-0123456789\n"
    asked, again = (parse_qs(each.rpartition(b"\r\n")[2].decode()) for each in chain(*received.connections))
    assert asked == again


def test_a_refused_token_and_a_missing_role_are_reported() -> None:
    oauth, _ = client((401, {"error": "invalid_client"}))
    with pytest.raises(Inconclusive, match="gets no usable token"):
        oauth.token("full")
    with pytest.raises(NotDeclared, match="narrow"):
        oauth.credential("narrow")


def hook(code: str, name: str = "revoke") -> Operator:
    return Operator(Hooks(**{name: f"{sys.executable} -c '{code}' {{client_id}}"}), Recorder())


def test_a_hook_is_recorded_with_its_undo_command() -> None:
    operator = Operator(Hooks(revoke="true {client_id}", restore="echo --id {client_id}"), Recorder())
    operator.revoke("ct-full")
    operator.restore("ct-full")
    revoked, restored = operator.recorder.entries
    assert revoked["undo"] == ["echo", "--id", "ct-full"]
    assert "undo" not in restored


def test_failed_and_missing_hooks_are_reported() -> None:
    with pytest.raises(Inconclusive, match="no such client"):
        hook('import sys; sys.exit("no such client")').revoke("x")
    with pytest.raises(NotApplicable, match="restore"):
        hook("").restore("x")
    with pytest.raises(Inconclusive, match="did not run"):
        Operator(Hooks(revoke="/no/such/command"), Recorder()).revoke("x")


@pytest.mark.parametrize(
    ("ending", "cause"),
    [
        ("exit 1", "ended with 1"),
        ("head -c 1000000 /dev/zero | tr '\\0' x", "printed no URL"),
        ("echo http://h.example/$(head -c 1000000 /dev/zero | tr '\\0' x)", "printed no URL"),
        ("true", "printed no URL"),
        ("sleep 60", "did not end within 0.5 s"),
        ("kill -9 $$", "ended by signal 9"),
    ],
)
def test_a_hook_that_failed_is_not_run_again(
    ending: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_hooks, "PATIENCE_S", 0.5 if "sleep" in ending else 30.0)
    (tmp_path / "hook").write_text(f"echo run >> {tmp_path}/runs\n{ending}\n", encoding="utf-8")
    operator = Operator(Hooks(rotate_webhook=f"sh {tmp_path}/hook"), Recorder())
    causes = set()
    for _ in range(3):
        with pytest.raises(Inconclusive, match=cause) as failed:
            operator.rotate_webhook()
        causes.add(failed.value.why)
    assert len(causes) == 1
    assert (tmp_path / "runs").read_text(encoding="utf-8") == "run\n"
    with pytest.raises(Inconclusive, match=cause):
        operator.trying_again().rotate_webhook()
    assert (tmp_path / "runs").read_text(encoding="utf-8") == "run\nrun\n"


def test_nothing_is_changed_that_cannot_be_undone() -> None:
    operator = Operator(Hooks(revoke="true {client_id}", restore="false {client_id}"), Recorder())
    operator.revoke("x")
    for call in (operator.restore, operator.revoke):
        with pytest.raises(Inconclusive, match="the hook restore ended with 1"):
            call("x")
    slowed = hook('import sys; sys.exit("too many requests")')
    for _ in range(2):
        with pytest.raises(Inconclusive, match="slow down"):
            slowed.revoke("x")
    assert not slowed.failures


def test_a_rotated_url_is_redacted() -> None:
    operator = hook('print("http://h.example/hooks/abcdefghijklmnop")', "rotate_webhook")
    assert operator.rotate_webhook() == "http://h.example/hooks/abcdefghijklmnop"
    assert "abcdefghijklmnop" not in json.dumps(operator.recorder.entries)
    with pytest.raises(Inconclusive, match="no URL"):
        hook("print(1)", "rotate_webhook").rotate_webhook()


def test_a_credential_without_declared_scopes_lacks_none() -> None:
    oauth, _ = client((200, {"access_token": "token-value-0123456789"}))
    bare = oauth.credential("full").model_copy(update={"scopes": []})
    without = OAuthClient(oauth.identity.model_copy(update={"credentials": {"full": bare}}), oauth.http)
    assert oauth.scopes() == oauth.credential("full").scopes
    with pytest.raises(NotApplicable, match="declares no scopes of the credential full"):
        without.scopes()
    # What it holds is not known, so nothing is known to be lacking.
    assert not without.lacks("full", "c:read") and oauth.lacks("full", "c:read")
    assert not oauth.lacks("full", "a:read") and not oauth.lacks("narrow", "a:read")


def test_a_token_that_a_newer_one_invalidated_is_renewed() -> None:
    oauth, server = client(*((200, {"access_token": f"token-{number}-of-full"}) for number in range(1, 5)))
    first, last = oauth.token("full"), oauth.token("full", "a:read")
    assert oauth.renewed([("Authorization", f"Bearer {last}")]) is None
    assert oauth.renewed([("Authorization", "Bearer of-nobody"), ("Accept", first)]) is None
    fields = [("Accept", "*/*"), ("Authorization", f"Bearer {first}")]
    assert oauth.renewed(fields) == [("Accept", "*/*"), ("Authorization", "Bearer token-3-of-full")]
    # As long as nobody has seen that they end, they are kept.
    assert oauth.token("full", "a:read") == last
    oauth.single_active.found = True
    assert oauth.token("full", "a:read") == "token-4-of-full"
    assert len(server.sent) == 4
