"""Defects of forms that a policy permits in part: by the letters of a value, by one of two ranges, by a status."""

from __future__ import annotations

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.forms import FormsTaken


class FormChoosesAnyStatus(FormsTaken, Defect):
    """S3 API Reference, POST Object, success_action_status: an invalid value is answered with 204."""

    surface = "storage"
    noticed_by = ("storage/object/form-does-as-asked",)

    def _status(self, fields: dict[str, str]) -> int:
        return int(fields.get("success_action_status", "204"))
