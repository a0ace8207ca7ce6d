"""Unreported leftovers in the storage of a docker-registry are found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.real_servers.storage import REPOSITORIES, main, untold

RUN = "0tp1gro373d"
OURS = f"orgs/acme/conformance-cf-{RUN}-w0-1-shared"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"run_id": RUN}), encoding="utf-8")
    told = [{"what": f"upload session of {OURS} at /v2/{OURS}/blobs/uploads/told", "reason": "404"}]
    (folder / "leftovers.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def put(data: Path, path: str) -> None:
    file = data / REPOSITORIES / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("x", encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (f"{OURS}/_uploads/open/startedat", f"{OURS}/_uploads/open"),
        (f"{OURS}/_layers/sha256/aa/link", f"{OURS}/_layers/sha256/aa/link"),
        (f"{OURS}/_manifests/tags/v1/current/link", f"{OURS}/_manifests/tags/v1/current/link"),
        (f"{OURS}/_uploads/told/startedat", None),
        (f"{OURS}/_uploads/cancelled/hashstates/sha256/0", None),
        ("orgs/acme/production/_layers/sha256/aa/link", None),
    ],
)
def test_unreported_leftovers_are_found(tmp_path: Path, run: Path, path: str, found: str | None) -> None:
    put(tmp_path / "data", path)
    assert untold(tmp_path / "data", run) == ([found] if found else [])
    assert main([str(tmp_path / "data"), str(run)]) == (1 if found else 0)


SESSIONS = ["_uploads/open-1/startedat", "_uploads/open-2/startedat"]


@pytest.mark.parametrize(
    ("left", "code"),
    [(SESSIONS[:1], 0), (["_layers/sha256/aa/link"], 1), (SESSIONS, 1)],
    ids=["one", "no session", "more than were under way"],
)
def test_upload_sessions_of_a_killed_run_may_remain(tmp_path: Path, run: Path, left: list[str], code: int) -> None:
    for each in left:
        put(tmp_path / "data", f"{OURS}/{each}")
    assert main([str(tmp_path / "data"), str(run), "1"]) == code
