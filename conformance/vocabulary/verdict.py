"""Verdicts of checks (ISO/IEC 9646 and TTCN-3, with not-applicable for features that are not claimed)."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Verdict(StrEnum):
    """The verdict of a check, in order from best to worst."""

    NOT_APPLICABLE = "not-applicable"
    PASS = "pass"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"
    ERROR = "error"


class ExitCode:
    """Exit codes of a run: pytest's where pytest has one."""

    CONFORMANT = 0
    NON_CONFORMANT = 1
    INTERRUPTED = 2
    SUITE_ERROR = 3
    USAGE = 4
    NOTHING_SELECTED = 5
    INCONCLUSIVE = 7

    MEANINGS: ClassVar[dict[int, str]] = {
        CONFORMANT: "Everything was judged and nothing fails.",
        NON_CONFORMANT: "A MUST fails, or a waiver has expired or is stale.",
        INTERRUPTED: "The run was interrupted (^C, SIGTERM, --max-requests). The results so far are stored.",
        SUITE_ERROR: "The suite itself has an error. The target is not blamed.",
        USAGE: "The command line or the configuration is wrong. The message names the place.",
        NOTHING_SELECTED: "Nothing was checked: the profile contains no selected check.",
        INCONCLUSIVE: "A MUST could not be judged. The report says what it needs.",
    }
