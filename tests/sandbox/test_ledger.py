"""The ledger survives its process: a later sweep can read what remains."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.sandbox.ledger import Ledger, StillRunning, ledgers_of, lines_of


def test_an_intention_is_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger" / "w0.ndjson"
    ledger = Ledger(path)
    assert not path.exists()
    ledger.intends("upload", location="/u1")
    assert list(lines_of(path)) == [{"kind": "upload", "location": "/u1"}]


def test_a_cut_line_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "w0.ndjson"
    path.write_text('{"kind": "upload", "location": "/u1"}\n[1]\n{"kind": 4}\n{"kind": "uplo', encoding="utf-8")
    assert list(lines_of(path)) == [{"kind": "upload", "location": "/u1"}]


def test_the_file_remains_if_something_remains(tmp_path: Path) -> None:
    def broken() -> None:
        raise RuntimeError("in the way")

    ledger = Ledger(tmp_path / "ledger" / "w0.ndjson")
    ledger.intends("upload", location="/u1")
    ledger.created("repository a", lambda: [("manifest 1", "405")])
    ledger.created("repository b", broken)
    assert ledger.clean_up() == [
        {"what": "repository b", "reason": "in the way"},
        {"what": "manifest 1", "reason": "405"},
    ]
    assert [path.name for path in ledgers_of(tmp_path)] == ["w0.ndjson"]


def test_a_running_run_is_not_swept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger" / "w0.ndjson")
    ledger.intends("upload", location="/u1")
    with pytest.raises(StillRunning, match="still going on"):
        ledgers_of(tmp_path)
    ledger.created("it", lambda: [("it", "stays")])
    ledger.clean_up()
    assert len(ledgers_of(tmp_path)) == 1


def test_things_of_a_check_are_removed_before_shared_things() -> None:
    ledger, gone = Ledger(), list[str]()
    ledger.created("stays", lambda: gone.append("stays"))
    ledger.shared(lambda: ledger.created("shared", lambda: gone.append("shared"), temporary=True))
    ledger.created("own", lambda: gone.append("own"), temporary=True)
    ledger.end_check()
    assert gone == ["own"]
    ledger.end_check(also_shared=True)
    assert gone == ["own", "shared"]
    assert (ledger.clean_up(), gone) == ([], ["own", "shared", "stays"])


def test_things_of_an_example_are_removed_before_the_next() -> None:
    ledger, gone = Ledger(), list[str]()
    ledger.begin_check()
    for name in ("before", "first", "second"):
        ledger.created(name, lambda name=name: gone.append(name), temporary=True)  # type: ignore[misc]
        ledger.begin_example()
    assert gone == ["first", "second"]
    ledger.end_check()
    assert gone == ["first", "second", "before"]


def test_a_failed_removal_is_repeated_at_the_end() -> None:
    tries = list[str]()

    def broken() -> None:
        tries.append("try")
        raise RuntimeError("in the way")

    ledger = Ledger()
    ledger.created("it", broken, temporary=True)
    ledger.end_check()
    ledger.end_check()
    assert (ledger.clean_up(), tries) == ([{"what": "it", "reason": "in the way"}], ["try", "try"])
