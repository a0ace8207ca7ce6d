"""Defects of uploads by a browser's form, which the clean gateway does not offer."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import Storage, canonical
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import StoredObject

FIELD = re.compile(rb'name="([^"]+)"[^\r]*\r\n\r\n(.*?)\r\n--', re.DOTALL)


def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form, the file among them; none where it is no form."""
    if request.method != "POST" or not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return {}
    return {name.decode(): value.decode("latin-1") for name, value in FIELD.findall(request.body)}


def stored_by(surface: Storage, request: Request, fields: dict[str, str]) -> Answer:
    """The answer to a form whose file is stored."""
    body = fields["file"].encode("latin-1")
    surface.buckets[surface.target(request)[0]].put(fields["key"], StoredObject(body, "0" * 32, surface.seconds()))
    return Answer(204)


class FormsTakenWithoutPolicy(Defect):
    """SigV4, "Browser-based uploads using POST": without a policy a form is anonymous."""

    surface = "storage"
    noticed_by = ("storage/signature/form-without-permission-is-refused",)

    async def answered(self, original: Any, request: Request) -> Answer:
        fields = fields_of(request)
        if fields and "policy" not in fields:
            return stored_by(gateway(original), request, fields)
        answer: Answer = await original(request)
        return answer


class FormPolicyNotRead(Defect):
    """SigV4, "Browser-based uploads using POST": what a signed policy does not permit is refused."""

    surface = "storage"
    noticed_by = ("storage/signature/form-without-permission-is-refused",)

    async def answered(self, original: Any, request: Request) -> Answer:
        fields, surface = fields_of(request), gateway(original)
        if "policy" in fields:
            access_key, date, region, service, _ = fields["x-amz-credential"].split("/")
            key = surface.known_key(access_key)
            signing_key = canonical.signing_key(key.secret_key if key else "", date, region, service)
            if fields["x-amz-signature"] != canonical.signature(signing_key, fields["policy"]):
                raise Fault("SignatureDoesNotMatch")
            return stored_by(surface, request, fields)
        answer: Answer = await original(request)
        return answer
