"""Defects of what is taken as a repository's name, and of which repository it is the name."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.state import Repository


class NameGrammarUnchecked(Defect):
    """distribution-spec 1.1, Pulling manifests: a repository name of another grammar is refused."""

    surface = "registry"
    noticed_by = (
        "registry/name/no-other-name-is-taken#capital",
        "registry/name/no-other-name-is-taken#component-of-a-dash",
        "registry/name/no-other-name-is-taken#dash-and-underscore",
        "registry/name/no-other-name-is-taken#dash-first",
        "registry/name/no-other-name-is-taken#dash-last",
        "registry/name/no-other-name-is-taken#dot-and-dash",
        "registry/name/no-other-name-is-taken#dot-first",
        "registry/name/no-other-name-is-taken#dot-last",
        "registry/name/no-other-name-is-taken#not-ascii",
        "registry/name/no-other-name-is-taken#plus",
        "registry/name/no-other-name-is-taken#three-underscores",
        "registry/name/no-other-name-is-taken#two-dots",
        "registry/name/no-other-name-is-taken#underscore-first",
        "registry/name/no-other-name-is-taken#underscore-last",
    )

    def is_name(self, original: Any, text: str) -> bool:
        return True


class NameWithSeparatorsRefused(Defect):
    """distribution-spec 1.1, Pulling manifests: ``.``, ``__`` and ``-`` may stand within a name."""

    surface = "registry"
    noticed_by = ("registry/name/every-app-slug-is-taken#dashes",)

    def is_name(self, original: Any, text: str) -> bool:
        return bool(original(text)) and not any(separator in text for separator in ("__", ".", "--"))


class NamesFolded(Defect):
    """distribution-spec 1.1, Pulling manifests: names that differ in a separator are two names."""

    surface = "registry"
    noticed_by = (
        "registry/name/each-name-is-its-own#dashes",
        "registry/name/each-name-is-its-own#dot",
        "registry/name/each-name-is-its-own#two-underscores",
        "registry/name/each-name-is-its-own#underscore",
    )

    def stored(self, original: Any, name: str) -> Repository:
        stored: Repository = original(self._kept_as(name))
        return stored

    def opened(self, original: Any, name: str) -> Repository:
        opened: Repository = original(self._kept_as(name))
        return opened

    def _kept_as(self, name: str) -> str:
        return re.sub("[-._]+", "-", name)


class OneLetterComponentFails(Defect):
    """API Reference, Error Handling: a component may be one letter, which is no failure of the platform's."""

    surface = "registry"
    noticed_by = (
        "registry/name/each-name-is-its-own#one-digit-component",
        "registry/name/any-name-is-a-callers-affair#empty-component",
    )

    def is_name(self, original: Any, text: str) -> bool:
        if any(len(each) == 1 for each in text.split("/")):
            raise Refusal("NAME_INVALID", status=500)
        return bool(original(text))


class LongNameFails(Defect):
    """API Reference, Error Handling: a name too long is 4xx, not 500 (distribution #2670)."""

    surface = "registry"
    noticed_by = (
        "registry/name/any-name-is-a-callers-affair#many-components",
        "registry/name/any-name-is-a-callers-affair#too-long",
        "registry/name/any-name-is-a-callers-affair#very-long",
    )

    def is_name(self, original: Any, text: str) -> bool:
        if len(text) > 255:
            raise Refusal("NAME_INVALID", status=500)
        return bool(original(text))


class EmptyComponentFails(Defect):
    """API Reference, Error Handling: a name with an empty component is the caller's fault, not the platform's."""

    surface = "registry"
    noticed_by = (
        "registry/name/any-name-is-a-callers-affair#slash-first",
        "registry/name/any-name-is-a-callers-affair#slash-last",
    )

    def is_name(self, original: Any, text: str) -> bool:
        if "" in text.split("/"):
            raise Refusal("NAME_INVALID", status=500)
        return bool(original(text))
