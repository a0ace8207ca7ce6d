"""Defects of uploads by a browser's form, which the clean gateway does not offer."""

from __future__ import annotations

import base64
import calendar
import hashlib
import json
import re
import time
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import Storage, canonical, xml
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import StoredObject

FIELD = re.compile(rb'name="([^"]+)"[^\r]*\r\n\r\n(.*?)\r\n--', re.DOTALL)
_UNNAMED = {"policy", "x-amz-signature", "file", "submit"}
_NEEDED = {"key", "file", "x-amz-credential", "x-amz-signature"}


def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form, the file among them; none where it is no form."""
    if request.method != "POST" or not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return {}
    return {name.decode(): value.decode("latin-1") for name, value in FIELD.findall(request.body)}


def _text(field: str) -> str:
    """A field as text: fields are taken in as latin-1, for the bytes of the file."""
    return field.encode("latin-1").decode()


def stored_by(surface: Storage, request: Request, fields: dict[str, str]) -> Answer:
    """The answer to a form whose file is stored."""
    body = fields["file"].encode("latin-1")
    surface.buckets[surface.target(request)[0]].put(fields["key"], StoredObject(body, "0" * 32, surface.seconds()))
    return Answer(204)


class _FormPolicyNotRead(Defect):
    """SigV4, "Browser-based uploads using POST": what a signed policy does not permit is refused."""

    surface = "storage"

    async def answered(self, original: Any, request: Request) -> Answer:
        fields, surface = fields_of(request), gateway(original)
        if "policy" in fields:
            if not signed(surface, fields):
                raise Fault("SignatureDoesNotMatch")
            if not self._permits(surface, request, fields):
                raise Fault("AccessDenied")
            return stored_by(surface, request, fields)
        answer: Answer = await original(request)
        return answer

    def _permits(self, surface: Storage, request: Request, fields: dict[str, str]) -> bool:
        return True


class FormsIntoForeignBuckets(_FormPolicyNotRead):
    """Provisioning Storage: an access key writes to the buckets of its own organization only, by a form too."""

    noticed_by = ("storage/service/foreign-bucket-is-refused#by-a-form",)

    def _permits(self, surface: Storage, request: Request, fields: dict[str, str]) -> bool:
        policy, bucket = json.loads(base64.b64decode(fields["policy"])), surface.target(request)[0]
        named = {"bucket": bucket} in policy["conditions"]
        return named and in_time(policy, surface.now()) and fits(policy, fields) and of_key(policy, fields)


def signed(surface: Storage, fields: dict[str, str]) -> bool:
    """Whether a known key signed the policy of a form."""
    access_key, date, region, service, _ = fields["x-amz-credential"].split("/")
    key = surface.known_key(access_key)
    signing_key = canonical.signing_key(key.secret_key if key else "", date, region, service)
    return fields["x-amz-signature"] == canonical.signature(signing_key, fields["policy"])


def is_own(surface: Storage, request: Request, fields: dict[str, str]) -> bool:
    """Whether the bucket is one of the organization's whose key signed."""
    key = surface.known_key(fields["x-amz-credential"].partition("/")[0])
    return key is not None and surface.buckets[surface.target(request)[0]].organization == key.organization


def in_time(policy: Any, now: float) -> bool:
    """Whether a policy says of an end, which has not come."""
    ends = policy.get("expiration")
    return ends is not None and calendar.timegm(time.strptime(ends, "%Y-%m-%dT%H:%M:%SZ")) > now


def of_key(policy: Any, fields: dict[str, str]) -> bool:
    """Whether a policy permits the key."""
    begins = [each[2] for each in policy["conditions"] if isinstance(each, list) and each[1] == "$key"]
    return all(fields["key"].startswith(each) for each in begins)


def names_all(policy: Any, fields: dict[str, str]) -> bool:
    """Whether a policy has a condition for each field but those that none is needed for."""
    named = {str(each[1])[1:] if isinstance(each, list) else min(each) for each in policy["conditions"]}
    return fields.keys() - _UNNAMED <= {name.lower() for name in named}


def fits(policy: Any, fields: dict[str, str]) -> bool:
    """Whether a policy permits so many bytes."""
    ranges = [each[1:] for each in policy["conditions"] if isinstance(each, list) and each[0] == "content-length-range"]
    return all(least <= len(fields["file"]) <= most for least, most in ranges)


def equals(policy: Any, fields: dict[str, str]) -> bool:
    """Whether each field has just the value that a policy names for it."""
    wanted = {
        name.lower(): value for each in policy["conditions"] if isinstance(each, dict) for name, value in each.items()
    }
    return all(fields.get(name, value) == value for name, value in wanted.items())


class FormsTaken:
    """Uploads by a form as S3 takes them: what a signed policy permits is stored with its fields, and told as asked."""

    async def answered(self, original: Any, request: Request) -> Answer:
        fields, surface = {name.lower(): value for name, value in fields_of(request).items()}, gateway(original)
        if "policy" not in fields:
            answer: Answer = await original(request)
            return answer
        if not fields.keys() >= _NEEDED or not signed(surface, fields):
            raise Fault("SignatureDoesNotMatch")
        policy, bucket = json.loads(base64.b64decode(fields["policy"])), surface.target(request)[0]
        named = {"bucket": bucket} in policy["conditions"] and is_own(surface, request, fields)
        named = named and self._equals(policy, fields)
        lives, fitting = self._lives(policy, surface.now()), self._fits(policy, fields)
        if not (named and lives and fitting and self._of_key(policy, fields) and self._names_all(policy, fields)):
            raise Fault("AccessDenied")
        surface.buckets[bucket].put(self._key(fields), self._stored(fields, surface.seconds()))
        return self._told(surface, bucket, fields)

    def _told(self, surface: Storage, bucket: str, fields: dict[str, str]) -> Answer:
        answer = Answer(self._status(fields))
        if answer.status == 201:
            told = surface.document("PostResponse", *(xml.element(*each) for each in self._named(bucket, fields)))
            answer.headers["Content-Type"], answer.body = "application/xml", told.body
        return answer

    def _named(self, bucket: str, fields: dict[str, str]) -> list[tuple[str, str]]:
        return [("Bucket", bucket), ("Key", self._key(fields))]

    def _lives(self, policy: Any, now: float) -> bool:
        return in_time(policy, now)

    def _names_all(self, policy: Any, fields: dict[str, str]) -> bool:
        return names_all(policy, fields)

    def _fits(self, policy: Any, fields: dict[str, str]) -> bool:
        return fits(policy, fields)

    def _of_key(self, policy: Any, fields: dict[str, str]) -> bool:
        return of_key(policy, fields)

    def _equals(self, policy: Any, fields: dict[str, str]) -> bool:
        return equals(policy, fields)

    def _key(self, fields: dict[str, str]) -> str:
        return _text(fields["key"]).replace("${filename}", "f")

    def _stored(self, fields: dict[str, str], now: int) -> StoredObject:
        body, owned = fields["file"].encode("latin-1"), "x-amz-meta-"
        headers: dict[str, str] = {name: fields[name] for name in ("content-type", "cache-control") if name in fields}
        metadata = {name.removeprefix(owned): value for name, value in fields.items() if name.startswith(owned)}
        return StoredObject(body, hashlib.md5(body).hexdigest(), now, headers, metadata)

    def _status(self, fields: dict[str, str]) -> int:
        asked = fields.get("success_action_status", "204")
        return int(asked) if asked in ("200", "201") else 204


class FormFieldsLost(FormsTaken, Defect):
    """S3 API Reference, POST Object: what a PUT says in header fields a form says in its own."""

    surface = "storage"
    noticed_by = ("storage/object/form-is-stored-as-a-put",)

    def _stored(self, fields: dict[str, str], now: int) -> StoredObject:
        return super()._stored({"file": fields["file"]}, now)


class FormNamesNoFile(FormsTaken, Defect):
    """S3 API Reference, POST Object, key: ${filename} stands for the name of the file."""

    surface = "storage"
    noticed_by = ("storage/object/form-does-as-asked",)

    def _key(self, fields: dict[str, str]) -> str:
        return _text(fields["key"])


class FormAnswersAsItLikes(FormsTaken, Defect):
    """S3 API Reference, POST Object, success_action_status: 201 where that is asked for."""

    surface = "storage"
    noticed_by = ("storage/object/form-does-as-asked",)

    def _status(self, fields: dict[str, str]) -> int:
        return 204


class FormAnswerIsCut(FormsTaken, Defect):
    """S3 API Reference, POST Object, success_action_status: with 201 comes an XML document, and that is well-formed."""

    surface = "storage"
    noticed_by = ("storage/object/form-does-as-asked",)

    def _told(self, surface: Storage, bucket: str, fields: dict[str, str]) -> Answer:
        answer = super()._told(surface, bucket, fields)
        answer.body = answer.body[:-10]
        return answer


class FormAnswerNamesTheTemplate(FormsTaken, Defect):
    """S3 API Reference, POST Object, Key: that of the object, and ${filename} is no part of it."""

    surface = "storage"
    noticed_by = ("storage/object/form-does-as-asked",)

    def _named(self, bucket: str, fields: dict[str, str]) -> list[tuple[str, str]]:
        return [("Bucket", bucket), ("Key", _text(fields["key"]))]


class FormsWithoutCacheControl(FormsTaken, Defect):
    """S3 API Reference, POST Object, Cache-Control and its like: kept as those of a PUT are."""

    surface = "storage"
    noticed_by = ("storage/object/form-does-as-asked",)

    def _stored(self, fields: dict[str, str], now: int) -> StoredObject:
        return super()._stored({name: fields[name] for name in fields.keys() - {"cache-control"}}, now)


class FormFilesAreText(FormsTaken, Defect):
    """S3 API Reference, POST Object, file: its content is stored, of which nothing says that it is text."""

    surface = "storage"
    noticed_by = ("storage/object/form-is-stored-as-a-put",)

    def _stored(self, fields: dict[str, str], now: int) -> StoredObject:
        text = fields["file"].encode("latin-1").decode("utf-8", "replace")
        return super()._stored({**fields, "file": text.encode().decode("latin-1")}, now)


class FormFieldsBeginWithNothing(FormsTaken, Defect):
    """SigV4, "Browser-based uploads using POST", condition matching: starts-with of nothing permits any content."""

    surface = "storage"
    noticed_by = ("storage/object/form-is-stored-as-a-put", "storage/object/form-does-as-asked")

    def _fits(self, policy: Any, fields: dict[str, str]) -> bool:
        any_of = [each[1][1:].lower() for each in policy["conditions"] if isinstance(each, list) and each[2] == ""]
        return not any(fields.get(name) for name in any_of) and super()._fits(policy, fields)
