"""Verdicts of checks (ISO/IEC 9646 and TTCN-3, with not-applicable for features that are not claimed)."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What a check says of the target; the order is from best to worst."""

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
