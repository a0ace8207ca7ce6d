"""Defects of forms that a policy permits in part: by the letters of a value, by one of two ranges, by a status."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.forms import FormsTaken, equals


class FormValuesInAnyCase(FormsTaken, Defect):
    """SigV4, "Browser-based uploads using POST", condition matching: an exact match is of the very value."""

    surface = "storage"
    noticed_by = ("storage/signature/form-without-permission-is-refused",)

    def _equals(self, policy: Any, fields: dict[str, str]) -> bool:
        lowered = json.loads(json.dumps(policy).lower())
        return equals(lowered, {name: value.lower() for name, value in fields.items()})


class FormsByTheirLastRange(FormsTaken, Defect):
    """SigV4, "Browser-based uploads using POST", conditions: each of them is to hold, of two ranges both."""

    surface = "storage"
    noticed_by = ("storage/signature/form-without-permission-is-refused",)

    def _fits(self, policy: Any, fields: dict[str, str]) -> bool:
        ranges = [each for each in policy["conditions"] if isinstance(each, list) and each[0] == "content-length-range"]
        return super()._fits({"conditions": ranges[-1:]}, fields)


class FormChoosesAnyStatus(FormsTaken, Defect):
    """S3 API Reference, POST Object, success_action_status: an invalid value is answered with 204."""

    surface = "storage"
    noticed_by = ("storage/object/form-does-as-asked",)

    def _status(self, fields: dict[str, str]) -> int:
        return int(fields.get("success_action_status", "204"))
