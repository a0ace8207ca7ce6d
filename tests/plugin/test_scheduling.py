"""Files are dealt out so that what takes longest does not come last."""

from __future__ import annotations

from conformance.plugin.scheduling import longest_first


def test_checks_that_start_programs_come_before_many_that_do_not() -> None:
    files = {
        "suites/oauth/test_b.py": {f"b{number}": False for number in range(50)},
        "suites/oauth/test_a.py": {f"a{number}": False for number in range(60)},
        "suites/interoperability/test_aws_cli.py": {f"c{number}": False for number in range(6)},
    }

    order = longest_first(files)

    assert list(order) == [
        "suites/interoperability/test_aws_cli.py",
        "suites/oauth/test_a.py",
        "suites/oauth/test_b.py",
    ]
    assert order == files


def test_files_that_wait_come_before_those_of_as_many_checks_that_do_not() -> None:
    files = {
        "suites/oauth/test_a.py": {f"a{number}": False for number in range(20)},
        "suites/errors/test_rate_limit.py": {f"b{number}": False for number in range(5)},
        "suites/authorization/test_bearer_answers.py": {f"c{number}": False for number in range(5)},
    }

    assert [each.rsplit("/", 1)[1] for each in longest_first(files)] == [
        "test_bearer_answers.py",
        "test_rate_limit.py",
        "test_a.py",
    ]
