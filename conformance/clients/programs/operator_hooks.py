"""Runs the operator's commands of the target file, which change what no documented interface can change."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.clients.programs.runner import Outcome, run_program
from conformance.evidence.recorder import Recorder
from conformance.target.description import Hooks
from conformance.vocabulary.finding import Inconclusive, NotDeclared

PATIENCE_S = 30.0
UNDONE_BY = {"revoke": "restore", "promote": "demote", "make_repository": "remove_repository"}
"""Hooks by those whose effect they undo."""


@dataclass
class Operator:
    """The hooks of a target; one that is not declared is NotApplicable, one that fails Inconclusive."""

    hooks: Hooks
    recorder: Recorder

    def revoke(self, client_id: str) -> float:
        """Revokes a credential; returns the monotonic time at which the command had ended."""
        self._run("revoke", client_id=client_id)
        return time.monotonic()

    def restore(self, client_id: str) -> None:
        """Brings a revoked credential back."""
        self._run("restore", client_id=client_id)

    def promote(self, client_id: str) -> float:
        """Gives a credential a role that changes things; returns the monotonic time at which the command had ended.

        NotApplicable too where no hook would undo it.
        """
        self._declared("demote")
        self._run("promote", client_id=client_id)
        return time.monotonic()

    def demote(self, client_id: str) -> float:
        """Takes that role from it again; returns the monotonic time at which the command had ended."""
        self._run("demote", client_id=client_id)
        return time.monotonic()

    def rotate_webhook(self) -> str:
        """Rotates the webhook and returns its new URL, which is made known as a secret."""
        url = self._run("rotate_webhook", secret="WEBHOOKS_URL_ROTATED").strip().splitlines()[-1:]
        if not url or "://" not in url[0]:
            raise Inconclusive("the hook rotate_webhook printed no URL", "a command that prints the new URL")
        return url[0]

    def events(self) -> list[Any]:
        """What the webhook has taken in, as the hook tells it."""
        said = self._run("events")
        try:
            events = json.loads(said)
        except (ValueError, RecursionError):
            events = None
        if not isinstance(events, list):
            raise Inconclusive("the hook events printed no JSON list", "a command that prints a JSON list")
        return events

    def make_repository(self, name: str) -> None:
        """Makes a repository in the registry."""
        self._run("make_repository", repository=name)

    def remove_repository(self, name: str) -> None:
        """Removes a repository that was made so."""
        self._run("remove_repository", repository=name)

    def has(self, name: str) -> bool:
        """Whether a hook is declared."""
        return bool(getattr(self.hooks, name))

    def _declared(self, name: str) -> str:
        """The command of a hook, NotApplicable without one."""
        if not self.has(name):
            raise NotDeclared(f"the target file declares no hook {name} in [targets.X.hooks]", f"hooks.{name}")
        return str(getattr(self.hooks, name))

    def _run(self, name: str, secret: str | None = None, **values: str) -> str:
        template = self._declared(name)
        words = [_filled(word, values) for word in shlex.split(template)]
        undo = getattr(self.hooks, UNDONE_BY.get(name, ""), None) or ""
        undone_by = [_filled(word, values) for word in shlex.split(undo)]

        def learn(output: str) -> None:
            if secret is not None:
                self.recorder.redactor.learn(secret, output.strip())
                self.recorder.redactor.learn(secret, output.strip().rsplit("/", 1)[-1])

        try:
            ended = self._stored(values, learn) or run_program(
                self.recorder, words, os.environ, time_limit_s=PATIENCE_S, learn=learn, hook=name, undo=undone_by
            )
        except Inconclusive as failure:
            raise _not_done(f"the hook {name} did not run: {failure.why}", template) from None
        if ended.exit_code != 0:
            said = self.recorder.redactor.text((ended.errors or ended.output).strip())[-300:]
            raise _not_done(f"the hook {name} ended with {ended.exit_code}: {said}", template)
        return ended.output

    def _stored(self, values: Mapping[str, str], learn: Callable[[str], None]) -> Outcome | None:
        """How the command ended where evidence is judged again; a record knows it by the values that it was given."""
        stored = self.recorder.stored_transcript_where(
            lambda recorded: all(each in " ".join(recorded) for each in values.values()), "a hook"
        )
        if stored is None:
            return None
        learn(stored["output"])
        return Outcome(stored["exit_code"], stored["output"], stored["errors"], stored["id"])


def _not_done(why: str, template: str) -> Inconclusive:
    return Inconclusive(why, f"a command that works: {template}")


def _filled(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace("{" + name + "}", value)
    return word
