"""A script removes everything that it made, and nothing else."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.reporting.reproduce.requests import SCRIPT
from conformance.reporting.reproduce.script import Script, removals
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples
from tests.reporting.samples import RUN_MADE as OURS
from tests.reporting.samples import entry

S3, REGISTRY, IDENTITY = "http://s3", "http://r", "http://i"
BODY = {"size": 2, "text": "{}"}
DIGEST = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
CONFIGURATION = {
    "storage": {"endpoint": S3, "region": "r1", "access_key": "$KEY"},
    "registry": {"url": REGISTRY},
    "identity": {
        "url": IDENTITY,
        "resources": [{"path": "/p", "unique": "slug", "item": {"path": "/p/{slug}"}, "delete": {"method": "DELETE"}}],
    },
}


def removed(tmp_path: Path, *requests: tuple[str, str, dict[str, Any]]) -> list[tuple[list[int], str, str]]:
    """The removals of requests that were accepted: numbers, URL, how its place is found."""
    record = samples.written(tmp_path / "run", [], samples.recorder())
    info = replace(
        record.info, configuration=CONFIGURATION, secret_names={"KEY": "SECRET"}, features=["registry.delete"]
    )
    made = [
        (n, {**entry(n, method, request_body=body), "url": url}) for n, (method, url, body) in enumerate(requests, 1)
    ]
    return [(numbers, str(each.entry["url"]), each.command) for numbers, each in removals(made, info)]


@pytest.mark.parametrize(
    ("method", "url", "body", "urls"),
    [
        ("PUT", f"{S3}/b/{OURS}-k?x-id=Put", BODY, [f"{S3}/b/{OURS}-k"]),
        ("POST", f"{S3}/b/{OURS}-k?uploads=", BODY, [f"{S3}/b/{OURS}-k?uploadId=@removed-1@"]),
        ("PUT", f"{S3}/b/{OURS}-k?uploadId=u&partNumber=1", BODY, []),
        ("PUT", f"{S3}/a/{OURS}-d/../../b/{OURS}-k", BODY, [f"{S3}/a/{OURS}-d/../../b/{OURS}-k"]),
        ("PUT", f"{S3}/a/{OURS}-d/../../b/theirs", BODY, []),
        ("PUT", f"{S3}/b/theirs", BODY, []),
        ("PUT", f"{REGISTRY}/v2/o/{OURS}-r/manifests/v1", BODY, [f"{REGISTRY}/v2/o/{OURS}-r/manifests/{DIGEST}"]),
        (
            "PUT",
            f"{REGISTRY}/v2/o/{OURS}-r/blobs/uploads/1?digest=a%3Ab",
            BODY,
            [f"{REGISTRY}/v2/o/{OURS}-r/blobs/a:b"],
        ),
        ("POST", f"{REGISTRY}/v2/o/{OURS}-r/blobs/uploads/", BODY, ["@removed-1@"]),
        ("POST", f"{IDENTITY}/p", {"size": 9, "text": f'{{"slug": "{OURS} x"}}'}, [f"{IDENTITY}/p/{OURS}%20x"]),
        ("POST", f"{IDENTITY}/p", {"size": 9, "text": '{"slug": "theirs"}'}, []),
    ],
)
def test_created_things_are_removed(
    tmp_path: Path, method: str, url: str, body: dict[str, Any], urls: list[str]
) -> None:
    assert [each for _, each, _ in removed(tmp_path, (method, url, body))] == urls


def test_a_thing_created_twice_is_removed_once_and_the_last_thing_first(tmp_path: Path) -> None:
    one, other = f"{S3}/b/{OURS}-1", f"{S3}/b/{OURS}-2"
    found = removed(tmp_path, ("PUT", one, BODY), ("PUT", other, BODY), ("PUT", one, BODY))
    assert [(numbers, url) for numbers, url, _ in found] == [([2], other), ([1, 3], one)]


CURL = """#!/bin/sh
while [ $# -gt 0 ]; do case $1 in -o) body=$2 ;; esac; shift; done
cat >>"$LOG"
case $body in */1.body) printf 200 ;; */2.body) eval "$SECOND" ;; *) printf 204 ;; esac
"""


@pytest.mark.parametrize(
    ("second", "code"),
    [("printf 500", 1), ("printf 200", 0), ("printf 503", 2), ("kill -TERM $PPID", 2)],
    ids=["shows", "passes", "cannot tell", "interrupted"],
)
def test_a_script_cleans_up_however_it_ends(tmp_path: Path, second: str, code: int) -> None:
    record = samples.written(tmp_path / "run", [], samples.recorder())
    record.info = replace(record.info, configuration=CONFIGURATION, secret_names={"KEY": "SECRET"})
    url = f"{S3}/b/{OURS}-k"
    sequence = [{**entry(1, "PUT"), "url": url}, {**entry(2, status=500), "url": url}]
    finding = {**samples.finding("200", "500", "x-2"), "proof": {"exchange": "x-2", "statuses": [200]}}
    Script(record, samples.check("storage/a/b", Verdict.FAIL, findings=[finding]), finding, sequence).write(
        tmp_path / "s"
    )
    (tmp_path / "curl").write_text(CURL, encoding="utf-8")
    (tmp_path / "curl").chmod(0o755)

    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(tmp_path / "log"), "SECOND": second}
    secrets = {"KEY": "k", "SECRET": "s"}
    ran = subprocess.run(["sh", str(tmp_path / "s" / SCRIPT)], env=environment | secrets, check=False)

    asked = (tmp_path / "log").read_text(encoding="utf-8")
    assert ran.returncode == code
    assert asked.count('request = "DELETE"') == 1 and asked.rindex("DELETE") > asked.rindex("GET")
