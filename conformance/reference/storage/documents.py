"""Operations with an XML body: multi-object delete and object tags."""

from __future__ import annotations

from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.objects import Objects
from conformance.reference.storage.state import Bucket

MOST_DELETED = 1000


class Documents(Objects):
    """DeleteObjects, and the tagging of an object."""

    # DeleteObjects.

    async def delete_objects(self, call: Call, bucket: Bucket) -> Answer:
        """Delete up to a thousand keys; report each, or with Quiet only failures."""
        self.check_integrity(call)
        document = self.request_document(call.body, "Delete")
        entries = self.entries(document)
        quiet = self.quiet(document)
        results = [await self.delete_entry(bucket, entry, quiet) for entry in entries]
        return self.document("DeleteResult", *results)

    def entries(self, document: xml.Node) -> list[xml.Node]:
        """Return the Object elements: one to a thousand, each with a key."""
        entries = document.all("Object")
        if not 1 <= len(entries) <= MOST_DELETED or any(not entry.require("Key") for entry in entries):
            raise Fault("MalformedXML")
        return entries

    def quiet(self, document: xml.Node) -> bool:
        given = (document.get("Quiet") or "false").strip().lower()
        if given not in ("true", "false"):
            raise Fault("MalformedXML")
        return given == "true"

    async def delete_entry(self, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        """Delete one key and return its result; a missing object counts as deleted."""
        key = self.entry_key(entry)
        try:
            self.refuse_entry(entry)
            await self.erase(bucket, key, Conditions(entry.get("ETag"), None, None, None))
        except Fault as fault:
            return self.entry_failed(key, fault)
        return "" if quiet else xml.group("Deleted", xml.element("Key", key))

    def entry_key(self, entry: xml.Node) -> str:
        return entry.require("Key")

    def refuse_entry(self, entry: xml.Node) -> None:
        """Refuse an entry with unsupported conditions or versions."""
        if entry.get("VersionId") not in (None, "", "null"):
            raise Fault("InvalidArgument", "Invalid version id specified")
        if entry.get("LastModifiedTime") is not None or entry.get("Size") is not None:
            raise Fault("NotImplemented")

    def entry_failed(self, key: str, fault: Fault) -> str:
        return xml.group(
            "Error", xml.element("Key", key), xml.element("Code", fault.code), xml.element("Message", fault.message)
        )

    # Tags.

    async def get_tags(self, call: Call, bucket: Bucket) -> Answer:
        tags = (await self.require(bucket, call.key)).tags
        listed = [xml.group("Tag", xml.element("Key", key), xml.element("Value", tags[key])) for key in tags]
        return self.document("Tagging", xml.group("TagSet", *listed))

    async def put_tags(self, call: Call, bucket: Bucket) -> Answer:
        self.check_digests(call)
        self.check_checksum(call)
        sets = self.request_document(call.body, "Tagging").all("TagSet")
        if len(sets) != 1:
            raise Fault("MalformedXML")
        pairs = [(tag.require("Key"), tag.require("Value")) for tag in sets[0].all("Tag")]
        await self.replace_tags(bucket, call.key, self.checked_tags(pairs))
        return Answer(200)

    async def delete_tags(self, call: Call, bucket: Bucket) -> Answer:
        await self.replace_tags(bucket, call.key, {})
        return Answer(204)
