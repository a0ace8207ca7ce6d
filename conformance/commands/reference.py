"""``conformance reference``: serves the embedded deployment, optionally with a defect."""

from __future__ import annotations

import argparse

from conformance.reference import service


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    service.add_arguments(
        subparsers.add_parser(
            "reference", description="Serves the embedded deployment on loopback until SIGINT or SIGTERM."
        )
    )


def run(arguments: argparse.Namespace) -> int:
    """List, or serve; return the exit code."""
    return service.run(arguments)
