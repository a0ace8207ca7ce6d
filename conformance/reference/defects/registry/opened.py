"""Defects of how an upload is opened where a mount was asked for."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer
from conformance.reference.registry.routing import Asked


class _InPlaceOfAMount(Defect):
    """What is wrong where a session is opened for what cannot be mounted."""

    surface = "registry"

    def session_opened(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = original(asked)
        if asked.request.parameter("mount"):
            self._spoil(answer)
        return answer

    def _spoil(self, answer: Answer) -> None:
        raise NotImplementedError


class UploadInPlaceOfAMountHasBegun(_InPlaceOfAMount):
    """Docker Registry V2, Upload Progress: Range tells of no byte where none was received."""

    noticed_by = ("registry/upload/opened-has-received-nothing",)

    def _spoil(self, answer: Answer) -> None:
        answer.headers["Range"] = "0-1"


class UploadInPlaceOfAMountIsLocatedTwice(_InPlaceOfAMount):
    """RFC 9110 section 5.3: an answer has one Location."""

    noticed_by = ("registry/pull/fields-of-one-value-stand-once",)

    def _spoil(self, answer: Answer) -> None:
        answer.headers.append("Location", answer.headers["Location"])


class UploadInPlaceOfAMountIsTheOneBefore(Defect):
    """distribution-spec 1.1, POST then PUT: Location has a unique session ID, for whatever it is opened."""

    surface = "registry"
    noticed_by = ("registry/upload/each-session-is-its-own",)

    def session_opened(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        here = [each for each in registry.uploads.values() if each.repository == asked.name]
        if here and asked.request.parameter("mount"):
            return registry.upload_answer(202, asked.request, here[-1])
        answer: Answer = original(asked)
        return answer
