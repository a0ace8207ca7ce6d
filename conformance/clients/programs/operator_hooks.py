"""The operator's commands in the target file, which change state that no documented API can change."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.clients.programs.runner import RATE_LIMITED, Outcome, run_program
from conformance.evidence.recorder import Recorder
from conformance.target.description import Hooks
from conformance.vocabulary.finding import Inconclusive, NotDeclared

PATIENCE_S = 30.0
LONGEST_URL = 8000
UNDONE_BY = {"revoke": "restore", "promote": "demote", "make_repository": "remove_repository"}
"""Hooks, and the hooks that undo them."""


@dataclass
class Operator:
    """The hooks of a target; an undeclared one is NotApplicable, a failing one Inconclusive.

    A hook that failed is not run again, nor is one that it undoes: its failure is the cause of all checks that need it.
    """

    hooks: Hooks
    recorder: Recorder
    failures: dict[str, Inconclusive] = field(default_factory=dict)
    """The failures so far, by hook."""

    def trying_again(self) -> Operator:
        """Return an operator that has seen no failure, for the clean-up at the end."""
        return replace(self, failures={})

    def revoke(self, client_id: str) -> float:
        """Revoke a credential; return the monotonic time at the end of the command."""
        self._run("revoke", client_id=client_id)
        return time.monotonic()

    def restore(self, client_id: str) -> None:
        """Restore a revoked credential."""
        self._run("restore", client_id=client_id)

    def promote(self, client_id: str) -> float:
        """Give a credential a role that permits changes; return the monotonic time at the end of the command.

        NotApplicable too if no hook undoes it.
        """
        self._declared("demote")
        self._run("promote", client_id=client_id)
        return time.monotonic()

    def demote(self, client_id: str) -> float:
        """Take that role away again; return the monotonic time at the end of the command."""
        self._run("demote", client_id=client_id)
        return time.monotonic()

    def rotate_webhook(self) -> str:
        """Rotate the webhook and return its new URL, which is redacted as a secret."""
        url = _last_line(self._run("rotate_webhook", secret="WEBHOOKS_URL_ROTATED"))
        if "://" not in url or len(url) > LONGEST_URL:
            raise self._failed("rotate_webhook", "printed no URL", "a command that prints the new URL")
        return url

    def events(self) -> list[Any]:
        """Return the events that the webhook accepted, as the hook prints them."""
        try:
            events = json.loads(self._run("events"))
        except (ValueError, RecursionError):
            events = None
        if not isinstance(events, list):
            raise self._failed("events", "printed no JSON list", "a command that prints a JSON list")
        return events

    def make_repository(self, name: str) -> None:
        """Create a repository in the registry."""
        self._run("make_repository", repository=name)

    def remove_repository(self, name: str) -> None:
        """Remove a repository that ``make_repository`` created."""
        self._run("remove_repository", repository=name)

    def has(self, name: str) -> bool:
        """Return whether a hook is declared."""
        return bool(getattr(self.hooks, name))

    def _declared(self, name: str) -> str:
        """Return the command of a hook; NotApplicable without one."""
        if not self.has(name):
            raise NotDeclared(f"the target file declares no hook {name} in [targets.X.hooks]", f"hooks.{name}")
        return str(getattr(self.hooks, name))

    def _run(self, name: str, secret: str | None = None, **values: str) -> str:
        template = self._declared(name)
        for each in (name, UNDONE_BY.get(name, "")):
            if each in self.failures:
                raise self.failures[each]
        works = f"a command that works: {template}"
        words = [_filled(word, values) for word in shlex.split(template)]
        undo = getattr(self.hooks, UNDONE_BY.get(name, ""), None) or ""
        undone_by = [_filled(word, values) for word in shlex.split(undo)]

        def learn(output: str) -> None:
            if secret is not None and len(url := _last_line(output)) <= LONGEST_URL:
                self.recorder.redactor.learn(secret, url)
                self.recorder.redactor.learn(secret, url.rsplit("/", 1)[-1])

        try:
            outcome = self._stored(values, learn) or run_program(
                self.recorder, words, os.environ, time_limit_s=PATIENCE_S, learn=learn, hook=name, undo=undone_by
            )
        except Inconclusive as failure:
            raise self._failed(name, f"did not run: {failure.why}", works) from None
        if outcome.exit_code != 0:
            text = self.recorder.redactor.text((outcome.errors or outcome.output).strip())[-300:]
            raise self._failed(name, f"ended with {outcome.exit_code}: {text}", works)
        return outcome.output

    def _failed(self, name: str, why: str, needs: str) -> Inconclusive:
        failure = Inconclusive(f"the hook {name} {why}", needs)
        if not RATE_LIMITED.search(why):
            self.failures[name] = failure
        return failure

    def _stored(self, values: Mapping[str, str], learn: Callable[[str], None]) -> Outcome | None:
        """Return the recorded outcome when rejudging; the values identify the command."""
        stored = self.recorder.stored_transcript_where(
            lambda recorded: all(each in " ".join(recorded) for each in values.values()), "a hook"
        )
        if stored is None:
            return None
        learn(stored["output"])
        return Outcome(stored["exit_code"], stored["output"], stored["errors"], stored["id"])


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or [""])[-1]


def _filled(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace("{" + name + "}", value)
    return word
