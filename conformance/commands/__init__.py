"""The command ``conformance``: one file a subcommand, each with ``add_parser(subparsers)`` and ``run(arguments)``.

Only the called subcommand is imported, so that others cost no time.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import errno
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from conformance import __version__
from conformance.vocabulary.verdict import ExitCode

GROUPS = {
    "describe a target": ("init", "reference", "preflight", "list", "explain"),
    "check it": ("run", "replay", "sweep"),
    "read a run": ("show", "report", "rejudge"),
    "several runs": ("merge", "compare", "history", "waive"),
    "certify": ("certify", "verify", "statement"),
}
"""Every command, in the groups of the overall help."""
EXAMPLES = {
    "init": "--preset registry-only --target staging",
    "reference": "--defect AC-06 --write-config conformance.toml",
    "preflight": "--target staging",
    "list": "registry --format json",
    "explain": "AC-06",
    "run": "registry oauth/token --target staging --profile quick",
    "replay": "reports/20260301T021700-staging",
    "sweep": "--target staging --older-than 2d",
    "show": "reports/20260301T021700-staging oauth/client/client-id-is-compared-exactly",
    "report": "reports/20260301T021700-staging --format html",
    "rejudge": "reports/20260301T021700-staging",
    "merge": "part-1 part-2 --out whole",
    "compare": "production staging --fail-on regression",
    "history": "nights --add whole --keep 30",
    "waive": "oauth/client/client-id-is-compared-exactly --reason known --issue URL --until 2030-01-31",
    "certify": "certified-run --key vendor.pem --out acme.intoto.jsonl",
    "verify": "acme.intoto.jsonl certified-run --key vendor.public.pem",
    "statement": "show acme.intoto.jsonl",
}
"""One call of each command, without its name, for its help."""
DEBUG = "CONFORMANCE_DEBUG"
LONGEST = 12


class UsageMistake(Exception):
    """The command cannot run: the reason, and how to call it (exit code 4)."""


class Parser(argparse.ArgumentParser):
    """An argument parser that exits with code 4 for wrong usage."""

    def error(self, message: str) -> NoReturn:
        """Print the mistake and exit."""
        self.print_usage(sys.stderr)
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; exceptions are only raised under CONFORMANCE_DEBUG."""
    # Not list(…): the submodule ``list``, once imported, replaces the builtin in this namespace.
    arguments = [*(sys.argv[1:] if argv is None else argv)]
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            # The parent process closed it: redirect it to nowhere, so that no connection gets its file descriptor.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r" if name == "stdin" else "w"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Characters that the terminal's encoding lacks are escaped.
            stream.reconfigure(errors="backslashreplace")
    try:
        return _flushed(_run(arguments))
    except SystemExit as end:
        return _code_of(end)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of the output ended; Python's flush at exit must not fail again. The exit code is that of SIGPIPE:
        # nothing was decided, so ``compare … | head`` must not pass as a gate.
        from conformance.reporting.terminal import give_up

        give_up(sys.stdout)
        return 128 + signal.SIGPIPE
    except Exception as failure:
        return _report_failure(failure)


def _code_of(end: SystemExit) -> int:
    if isinstance(end.code, str):
        print(end.code, file=sys.stderr)
        return ExitCode.USAGE
    return end.code or 0


def _flushed(code: int) -> int:
    sys.stdout.flush()
    return code


def _run(arguments: list[str]) -> int:
    known = command_names()
    if arguments and not arguments[0].startswith("-") and arguments[0] not in known:
        near = difflib.get_close_matches(arguments[0], known, 1)
        hint = f'did you mean "{near[0]}"?' if near else f"one of {', '.join(known)}"
        raise UsageMistake(f'unknown command "{arguments[0]}"; {hint}')
    parser = _empty_parser()
    if not arguments or arguments[0] not in known:
        return _help(parser, arguments)
    command = importlib.import_module(f"conformance.commands.{arguments[0]}")
    subparser = _add_command(parser.add_subparsers(metavar="COMMAND"), arguments[0])
    if subparser._subparsers:
        return int(command.run(subparser.parse_args(arguments[1:])))
    # Selectors and folders may come before options, after them, or both.
    return int(command.run(subparser.parse_intermixed_args(arguments[1:])))


def whole_parser() -> Parser:
    """Return the parser with every command, as ``shtab`` and the documentation read it. It imports all commands."""
    parser = _empty_parser()
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for name in command_names():
        _add_command(subparsers, name)
    return parser


def _empty_parser() -> Parser:
    parser = Parser(prog="conformance", description="Checks a NextEpoch deployment against its contract.")
    parser.add_argument("--version", action="version", version=f"conformance {__version__}")
    return parser


def _add_command(subparsers: argparse._SubParsersAction[Parser], name: str) -> Parser:
    importlib.import_module(f"conformance.commands.{name}").add_parser(subparsers)
    subparser = subparsers.choices[name]
    subparser.epilog = f"example: conformance {name} {EXAMPLES[name]}"
    return subparser


def _help(parser: Parser, arguments: list[str]) -> int:
    """Print the overall help; a command's line is the first line of its file's docstring, read without an import."""
    parser.usage = "conformance [-h] [--version] COMMAND ..."
    parser.epilog = "conformance COMMAND --help says more about one. example: conformance run registry"
    for title, names in GROUPS.items():
        group = parser.add_argument_group(title)
        for name in names:
            group.add_argument(name, nargs="?", help=first_line(name).replace("%", "%%"))
    parser.parse_args(arguments)
    parser.print_help(sys.stderr)
    return ExitCode.USAGE


def command_names() -> list[str]:
    """Return every command, in the order of the overall help."""
    return [name for names in GROUPS.values() for name in names]


def first_line(name: str) -> str:
    """Return the summary of a command from the docstring of its file."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    line = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
    return line.partition(": ")[2].rstrip(".").replace("``", "")


def _shortened(text: str) -> str:
    lines = text.splitlines() or [""]
    more = [f"and {len(lines) - LONGEST} lines more"] if len(lines) > LONGEST else []
    return "\n".join(lines[:LONGEST] + more)


def _report_failure(failure: Exception) -> int:
    """Print one clear message; raise only under CONFORMANCE_DEBUG."""
    if os.environ.get(DEBUG):
        raise failure
    from conformance.contract.catalogue import ContractError
    from conformance.reporting.text import visible
    from conformance.target.configuration import ConfigurationError, NoConfiguration

    if isinstance(failure, UsageMistake | ConfigurationError | NoConfiguration):
        print(visible(str(failure)), file=sys.stderr)
        return ExitCode.USAGE
    if isinstance(failure, OSError) and failure.errno == errno.ENOSPC:
        print(f"{failure.filename or 'the output'}: cannot be written ({failure.strerror})", file=sys.stderr)
        return ExitCode.USAGE
    message = str(failure) if isinstance(failure, ContractError) else f"{type(failure).__name__}: {failure}"
    print(f"error in the suite: {visible(_shortened(message))}; set {DEBUG}=1 for the traceback", file=sys.stderr)
    return ExitCode.SUITE_ERROR
