"""``conformance reference``, and ``python -m conformance.reference``: options, and serving until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import inspect
import shutil
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.reference.alteration import Alteration
    from conformance.reference.deployment import Reference
    from conformance.reference.server import Running

SURFACES = ("identity", "registry", "storage", "webhooks")
DONE, USAGE = 0, 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add = parser.add_argument
    add("--write-config", metavar="FILE", type=Path, help="write a target file for it, secrets in a folder next to it")
    add("--port", metavar="BASE", type=int, default=0, help="use the ports BASE to BASE+4 (default: free ports)")
    add(
        "--defect",
        metavar="NAME",
        action="append",
        default=[],
        help="break a promise, by the id of the promise or defect",
    )
    add(
        "--variant",
        metavar="NAME",
        action="append",
        default=[],
        help="serve a permitted variant of the behaviour, by its name",
    )
    add("--odd-secrets", action="store_true", help="secrets with characters that are special in URLs, forms and shells")
    add("--list-defects", action="store_true", help="list the defects, each with the promise that it breaks")
    add("--list-variants", action="store_true", help="list the variants")
    # For a parent process: it ends with its standard input, and removes the folder of its target file.
    add("--embedded", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """List, or serve until SIGINT or SIGTERM; return the exit code."""
    from conformance.reference.alteration import Defect, Variant
    from conformance.reference.deployment import named

    if arguments.list_defects or arguments.list_variants:
        defects = _by_promise(named(Defect)) if arguments.list_defects else {}
        return _listing(defects | (named(Variant) if arguments.list_variants else {}))
    try:
        return asyncio.run(_serve(arguments))
    except (ValueError, OSError) as mistake:
        print(f"the reference cannot be served: {mistake}", file=sys.stderr)
        return USAGE


def _listing(alterations: dict[str, type[Alteration]]) -> int:
    width = max(map(len, alterations), default=0)
    for name, each in alterations.items():
        print(f"{promise_of(each) or each.surface:<10} {name:<{width}}  {sentence(each)}")
    return DONE


def sentence(alteration: type[Alteration]) -> str:
    """Return the description of a defect or variant on one line."""
    from conformance.vocabulary.documented import docstrings

    text = alteration.__doc__ or docstrings(Path(inspect.getfile(alteration)))[alteration.__name__]
    return " ".join(text.split())


def _by_promise(defects: dict[str, type[Alteration]]) -> dict[str, type[Alteration]]:
    """Return the defects sorted by promise, those without one at the end."""
    order = {name: promise_of(each) for name, each in defects.items()}
    return {name: defects[name] for name in sorted(defects, key=lambda name: (not order[name], order[name]))}


def _named_by_promise(words: Iterable[str], defects: dict[str, type[Alteration]]) -> list[str]:
    """Return the names of defects; a promise's id names the defect that breaks it."""
    names = {promise_of(each): name for name, each in defects.items() if promise_of(each)}
    return [names.get(word, word) for word in words]


def promise_of(alteration: type[Alteration]) -> str:
    """Return the promise that a defect of the showcase breaks; subclasses are not in the showcase."""
    return str(vars(alteration).get("promise", ""))


def _chosen(words: Iterable[str], option: str, known: Iterable[str]) -> list[str]:
    names = list(known)
    for word in words:
        if word not in names:
            near = difflib.get_close_matches(word, names, n=1)
            raise ValueError(f'no {option} "{word}"' + (f'; did you mean "{near[0]}"?' if near else ""))
    return list(words)


async def _serve(arguments: argparse.Namespace) -> int:
    from conformance.reference.alteration import Defect, Variant
    from conformance.reference.deployment import build, named
    from conformance.reference.server import Running

    deployment = build()
    if arguments.odd_secrets:
        deployment.seeds.put_reserved_characters_in_secrets()
    defects = named(Defect)
    names = _chosen(_named_by_promise(arguments.defect, defects), "defect", defects)
    names += _chosen(arguments.variant, "variant", named(Variant))
    if not 0 <= arguments.port <= 65531:
        raise ValueError(f"--port {arguments.port}: must be from 1 to 65531")
    running = Running(deployment, arguments.port)
    deployment.switch(names)
    try:
        await running.start()
        _announce(deployment, arguments.write_config)
        await _until_stopped(running, arguments.embedded)
    finally:
        await running.stop()
        if arguments.embedded and arguments.write_config:
            shutil.rmtree(arguments.write_config.parent, ignore_errors=True)
    return DONE


def _announce(deployment: Reference, path: Path | None) -> None:
    if path is not None:
        from conformance.reference.configuration import TargetFile

        file = TargetFile(deployment, path)
        file.write()
        deployment.webhook_moved = file.webhook_moved
    for surface in SURFACES:
        print(f"{surface:<9} {deployment.urls[surface]}")
    if path is not None:
        print(f"target file {path}")
    print("ready", flush=True)


async def _until_stopped(running: Running, embedded: bool) -> None:
    """Wait for SIGINT or SIGTERM, for the end of a server, or if embedded for the end of the input."""
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    if embedded:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, *running.tasks], return_when=asyncio.FIRST_COMPLETED)


def main() -> int:
    """Run the command line of ``python -m conformance.reference``."""
    parser = argparse.ArgumentParser(prog="conformance reference", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args())
