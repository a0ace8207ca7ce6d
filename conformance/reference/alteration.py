"""Defects and variants, and their activation on a running surface.

A defect is a class whose docstring names the broken clause. Each of its public methods replaces the surface's method of
the same name, and gets the original method as its first argument:

    class WrongSecretAccepted(Defect):
        '''RFC 6749 section 5.2: a client whose authentication fails gets no token.'''

        surface = "identity"
        noticed_by = ("oauth/token/wrong-secret-is-refused",)

        def secret_matches(self, original, client, secret):
            return True

``rewrite`` changes a response of the surface; ``intercept`` may respond before the surface. Each activation makes a new
instance with its own copy of each set, dict and list of its class, so state starts anew. Variants (correct in another
way) work alike with another base class.
"""

from __future__ import annotations

import copy
import functools
import inspect
import re
import traceback
from collections.abc import Iterable
from typing import Any, ClassVar

from conformance.reference.http import Answer, Request
from conformance.reference.surface import Surface

SURFACES = ("identity", "registry", "storage", "webhooks")


class Alteration:
    """The base of defects and variants: a surface, and methods that replace the surface's.

    ``crashes`` are exceptions that it raises on purpose: the surface returns 500, and the suite's tests accept that.
    ``impatient``: if the head of a request decides the response, it is sent before the body is read.
    """

    surface: ClassVar[str] = ""
    crashes: ClassVar[tuple[type[Exception], ...]] = ()
    impatient: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Take the surface from the name of the package, unless the class states one."""
        package = cls.__module__.split(".")[-2:][0]
        if not cls.surface and package in SURFACES:
            cls.surface = package

    def __init__(self) -> None:
        for name, state in inspect.getmembers(type(self), lambda each: isinstance(each, (set, dict, list))):
            if not name.startswith("__"):
                setattr(self, name, copy.copy(state))

    @classmethod
    def kebab_name(cls) -> str:
        """Return the name on the command line, such as ``wrong-secret-accepted`` for ``WrongSecretAccepted``."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", cls.__name__)
        return words.replace("_", "-").lower()

    def intercept(self, request: Request) -> Answer | None:
        """Return a response before the surface handles the request, or None to let the surface respond."""
        return None

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Return the response to send instead of the surface's."""
        return answer


class Defect(Alteration):
    """Breaks one promise. ``noticed_by`` names the checks that must fail.

    A check is named by its id: the requirement, and ``#case`` if it has cases (``#case,case`` names several). A
    requirement without a case means that one of its cases must fail.
    ``shortest``: for defects that only properties find, the least number of requests and hooks that show it.
    ``shipped``: a real product was released with it. ``promise``: in the showcase, the promise that it breaks.
    """

    noticed_by: ClassVar[tuple[str, ...]] = ()
    shortest: ClassVar[int] = 0
    shipped: ClassVar[bool] = False
    promise: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not isinstance(cls.noticed_by, str):
            cls.noticed_by = tuple(check for text in cls.noticed_by for check in _checks_of(text))


def _checks_of(text: str) -> list[str]:
    """Return each check id of a text such as ``requirement#case,case``."""
    requirement, _, cases = text.partition("#")
    return [f"{requirement}#{case}" for case in cases.split(",")] if cases else [requirement]


class Variant(Alteration):
    """Keeps every promise, but in a different way than the clean reference.

    ``without``: features that it does not claim. ``misses``: SHOULD requirements that it does not meet; their checks
    are skipped. ``alone``: no other variant runs with it, since it would prevent or slow down their checks.
    ``conflicts``: variants that cannot be active at the same time.
    """

    without: ClassVar[tuple[str, ...]] = ()
    misses: ClassVar[tuple[str, ...]] = ()
    alone: ClassVar[bool] = False
    conflicts: ClassVar[tuple[str, ...]] = ()


def overridden_names(alteration: type[Alteration]) -> list[str]:
    """Return the names of the surface's methods that an alteration replaces."""
    own = (name for name, _ in inspect.getmembers(alteration, inspect.isfunction))
    return [name for name in own if not name.startswith("_") and not hasattr(Alteration, name)]


class Alterations:
    """The active alterations of one surface. ``idle`` are those without an effect so far."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        self.active: list[Alteration] = []
        self.idle: set[Alteration] = set()

    def activate(self, alterations: Iterable[type[Alteration]]) -> None:
        """Activate new instances of these instead of the active ones; TypeError if a method does not exist."""
        self.deactivate()
        for alteration in alterations:
            instance = alteration()
            for name in overridden_names(alteration):
                self._override(instance, name)
            self.active.append(instance)
            self.idle.add(instance)

    def _override(self, instance: Alteration, name: str) -> None:
        original: Any = getattr(self.surface, name, None)
        if original is None:
            raise TypeError(f"{type(instance).__name__}.{name}: {self.surface.name} has no method of that name")
        method = getattr(instance, name)

        def tracked(*arguments: Any, **keywords: Any) -> Any:
            self.idle.discard(instance)
            return method(*arguments, **keywords)

        self.surface.__dict__[name] = functools.partial(tracked, original)

    def deactivate(self) -> None:
        for instance in self.active:
            for name in overridden_names(type(instance)):
                self.surface.__dict__.pop(name, None)
        self.active = []
        self.idle.clear()

    @property
    def impatient(self) -> bool:
        """Whether one of them is impatient."""
        return any(each.impatient for each in self.active)

    def is_intended(self, failure: Exception) -> bool:
        """Return whether an alteration raised the failure on purpose: its kind of exception, through its own file."""
        files = {frame.f_code.co_filename for frame, _ in traceback.walk_tb(failure.__traceback__)}
        failing = [each for each in self.active if isinstance(failure, each.crashes)]
        intending = [each for each in failing if _files_of(type(each)) & files]
        self.idle.difference_update(intending)
        return bool(intending)

    async def answer(self, request: Request) -> Answer:
        """Return the surface's response under the active alterations."""
        for alteration in self.active:
            early = alteration.intercept(request)
            if early is not None:
                self.idle.discard(alteration)
                return early
        answer = await self.surface.handle(request)
        for alteration in self.active:
            before = _shown(answer) if alteration in self.idle else None
            answer = alteration.rewrite(request, answer)
            if before and before != _shown(answer):
                self.idle.discard(alteration)
        return answer


def _files_of(alteration: type[Alteration]) -> set[str]:
    """Return the files of an alteration's class and its bases, without this module."""
    return {inspect.getfile(each) for each in alteration.__mro__[:-1]} - {__file__}


def _shown(answer: Answer) -> tuple[object, ...]:
    """Return the current content of a response, to compare it later."""
    return answer.status, answer.body, answer.headers.items(), answer.astray, answer.wire
