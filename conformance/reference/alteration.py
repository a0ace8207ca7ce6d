"""What defects and variants are, and how they are put into a running surface and taken out again.

A defect is a class whose docstring names the promise it breaks. Each public method of it that bears the
name of a method of its surface replaces that method and is given the original first:

    class WrongSecretAccepted(Defect):
        '''RFC 6749 section 5.2: a client whose authentication fails gets no token.'''

        surface = "identity"
        noticed_by = ("oauth/token/wrong-secret-is-refused",)

        def secret_matches(self, original, client, secret):
            return True

``rewrite`` changes an answer after the surface has given it; ``intercept`` may answer before the surface is
asked. A new instance is made each time a defect is switched on. It gets its own copy of each set, dict and list of
its class, so all state starts anew.
Variants (correct in another way) are the same thing under another base class.
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
    """What defects and variants have in common: a surface, and methods that replace the surface's.

    ``crashes`` are what it means to fail by: the surface answers 500, as wherever anything fails, and nobody takes that
    for a mistake of its own. ``impatient``: what the head of a request decides is answered before its body is read,
    whether that waits or not.
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
        """``wrong-secret-accepted`` on the command line, for ``WrongSecretAccepted`` or the same in snake case."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", cls.__name__)
        return words.replace("_", "-").lower()

    def intercept(self, request: Request) -> Answer | None:
        """An answer given before the surface is asked, or None to let the surface answer."""
        return None

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """The answer to send in place of the surface's own."""
        return answer


class Defect(Alteration):
    """Breaks one promise. ``noticed_by`` names the checks that must fail.

    A check is named by its id: the requirement, and ``#case`` where it has cases (``#case,case`` names several). A
    requirement alone stands for any of its cases, of which one must fail.
    ``shortest`` is said by defects that only properties find: how many requests and hooks show it at least.
    ``shipped``: a real product was released with it. ``promise``: in the showcase, the promise that it breaks.
    """

    noticed_by: ClassVar[tuple[str, ...]] = ()
    shortest: ClassVar[int] = 0
    shipped: ClassVar[bool] = False
    promise: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not isinstance(cls.noticed_by, str):
            cls.noticed_by = tuple(check for named in cls.noticed_by for check in _checks_of(named))


def _checks_of(named: str) -> list[str]:
    """Each check id of a text that names several cases of one requirement: ``requirement#case,case``."""
    requirement, _, cases = named.partition("#")
    return [f"{requirement}#{case}" for case in cases.split(",")] if cases else [requirement]


class Variant(Alteration):
    """Keeps every promise in another way than the clean reference does.

    ``without`` names the features that a target of this kind does not claim, ``misses`` the SHOULDs that it does
    not do (requirements): their checks are not asked of it. Beside one that is to be tried ``alone`` others could not
    be judged, or would take much longer. ``conflicts`` names variants that no deployment can be at the same time.
    """

    without: ClassVar[tuple[str, ...]] = ()
    misses: ClassVar[tuple[str, ...]] = ()
    alone: ClassVar[bool] = False
    conflicts: ClassVar[tuple[str, ...]] = ()


def overridden_names(alteration: type[Alteration]) -> list[str]:
    """The surface's methods that an alteration replaces."""
    own = (name for name, _ in inspect.getmembers(alteration, inspect.isfunction))
    return [name for name in own if not name.startswith("_") and not hasattr(Alteration, name)]


class Alterations:
    """The alterations in force on one surface. ``idle`` are those that have done nothing yet."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        self.active: list[Alteration] = []
        self.idle: set[Alteration] = set()

    def put_in(self, alterations: Iterable[type[Alteration]]) -> None:
        """Replaces what is in force by new instances of these; TypeError where a method does not exist."""
        self.take_out()
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

        def noted(*given: Any, **named: Any) -> Any:
            self.idle.discard(instance)
            return method(*given, **named)

        self.surface.__dict__[name] = functools.partial(noted, original)

    def take_out(self) -> None:
        """Makes the surface clean again."""
        for instance in self.active:
            for name in overridden_names(type(instance)):
                self.surface.__dict__.pop(name, None)
        self.active = []
        self.idle.clear()

    @property
    def impatient(self) -> bool:
        """Whether one of them is."""
        return any(each.impatient for each in self.active)

    def meant(self, failure: Exception) -> bool:
        """Whether one of them means to fail so: by an exception of that kind that went through its own file."""
        through = {frame.f_code.co_filename for frame, _ in traceback.walk_tb(failure.__traceback__)}
        failing = [each for each in self.active if isinstance(failure, each.crashes)]
        meaning = [each for each in failing if _files_of(type(each)) & through]
        self.idle.difference_update(meaning)
        return bool(meaning)

    async def answer(self, request: Request) -> Answer:
        """What the surface answers under the alterations in force."""
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
    """The files that an alteration is written in: its own, and those of what it inherits from beyond this one."""
    return {inspect.getfile(each) for each in alteration.__mro__[:-1]} - {__file__}


def _shown(answer: Answer) -> tuple[object, ...]:
    """What an answer is, as it is now."""
    return answer.status, answer.body, answer.headers.items(), answer.astray, answer.wire
