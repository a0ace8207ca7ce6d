"""A server that answers 200 with one body to everything is recognised, and a run on it is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.reference.configuration import TargetFile
from conformance.reference.deployment import build
from conformance.reference.http import Answer, Request
from conformance.reference.server import Application
from conformance.runs.reading import read
from conformance.vocabulary.verdict import ExitCode, Verdict
from tests.chaos.trying import command
from tests.run.support import in_a_thread

BODIES = {
    "empty": b"", "list": b"[]", "null": b"null", "text": b'"x"', "object": b"{}", "number": b"9" * 5000,
    "nested": b"[" * 100_000 + b"]" * 100_000,
}  # fmt: skip
FEW = ("oauth/token", "registry/tags", "storage/object", "webhooks/methods")
MOST_REQUESTS = 20_000
LONGEST_S = 300
"""A run takes less than a minute on an idle machine; here only an endless one is ended."""

KEPT = {
    "it accepts every event": (
        "test_post_is_accepted", "test_media_type_parameters_are_accepted", "test_any_json_is_accepted",
        "test_largest_body_is_accepted", "test_chunked_is_accepted", "test_header_fields_do_not_matter",
        "test_concurrent_events_are_accepted", "test_refusals_do_not_block_later_events", "test_too_large_is_refused",
    ),
    "it answers every URL of a webhook alike, so that it reveals none": (
        "test_near_misses_are_answered_as_unknown", "test_other_methods_do_not_reveal_the_url",
        "test_old_url_is_answered_as_unknown", "test_other_methods_are_refused", "test_get_is_not_taken_for_post",
    ),
    "an empty body reveals and repeats nothing": (
        "test_secret_is_not_repeated", "test_unusual_deliveries_do_not_repeat_the_secret", "test_events_are_not_shown",
        "test_errors_contain_no_internals", "test_errors_repeat_no_token", "test_trace_repeats_no_signature",
        "test_error_reveals_nothing_internal", "test_its_host_name_gives_no_listing",
        "test_other_spellings_of_its_name_give_no_listing", "test_json_is_valid", "test_every_warning_has_the_form",
    ),
    "200 is no server error": (
        "test_no_body_is_a_server_error", "test_no_header_field_is_a_server_error", "test_any_name", "test_bad_n",
        "test_authorization_without_credentials_is_no_server_error", "test_unusual_query_is_no_server_error",
        "test_bad_parameter_of_a_list_is_no_server_error", "test_invalid_field_is_no_server_error",
    ),
    "200 is the status that is due": ("test_support_is_answered", "test_every_success_has_its_status"),
    "an empty object has an empty body": ("test_invalid_range_is_ignored_or_refused",),
    "its HTTP server does this, whatever the service answers": (
        "test_malformed_messages_are_refused", "test_responses_have_a_date", "test_every_date_is_a_date",
        "test_paused_upload_blocks_no_reader", "test_no_other_name",
    ),
    "the target file and the operator's hook give the URLs": (
        "test_secret_cannot_be_guessed", "test_new_url_cannot_be_guessed",
    ),
}  # fmt: skip
"""Why a server that answers 200 with an empty body keeps a promise, and the checks of such promises."""


class Nonsense(Application):
    """A surface that answers everything alike."""

    def __init__(self, application: Application, body: bytes) -> None:
        super().__init__(application.alterations.surface)
        self.body = body

    async def _answer(self, request: Request) -> Answer:
        return Answer(200, self.body)


def run_on(body: bytes, folder: Path, *words: str) -> tuple[str, list[str]]:
    """Run the command on such a server; return its output and what is wrong with its end."""
    deployment = build()
    deployment.applications = {name: Nonsense(each, body) for name, each in deployment.applications.items()}
    with in_a_thread(deployment):
        target = TargetFile(deployment, folder / "conformance.toml")
        target.write()
        arguments = ["run", *words, "--config", str(target.path), "--out", str(folder / "run")]
        said, wrong, _ = command(arguments, folder, LONGEST_S, (ExitCode.NON_CONFORMANT, ExitCode.INCONCLUSIVE))
        return said, wrong


@pytest.mark.once
@pytest.mark.parametrize("name", ["empty", "nested"])
def test_it_is_recognised_as_the_first_and_the_last_cause(name: str, tmp_path: Path) -> None:
    said, wrong = run_on(BODIES[name], tmp_path, *FEW, "--workers", "0", "--explore", "1")
    assert not wrong, wrong
    record = read(tmp_path / "run")
    for surface in ("identity", "registry", "storage"):
        cause = f"he {surface} service answers 200 with "
        assert said.count(cause) >= 2, said
        assert cause in (tmp_path / "run" / "summary.md").read_text(encoding="utf-8")
        assert cause in (tmp_path / "run" / "index.html").read_text(encoding="utf-8")
    reasons = {each.reason for each in record.results if each.verdict == Verdict.INCONCLUSIVE}
    assert all("it distinguishes nothing" in each for each in reasons if "webhook" not in each), reasons
    assert any(each.verdict == Verdict.FAIL for each in record.results)


@pytest.mark.nightly
@pytest.mark.parametrize("name", BODIES)
def test_a_whole_run_on_it_is_bounded(name: str, tmp_path: Path) -> None:
    _, wrong = run_on(BODIES[name], tmp_path)
    assert not wrong, wrong
    record = read(tmp_path / "run")
    assert record.complete and record.info.requests < MOST_REQUESTS
    assert not [each.id for each in record.results if each.verdict == Verdict.ERROR]
    if name == "empty":
        passed = {each.nodeid.partition("::")[2].partition("[")[0] for each in record.results if each.verdict == "pass"}
        assert passed == {check for checks in KEPT.values() for check in checks}
