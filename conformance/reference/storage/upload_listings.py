"""Listings of open uploads and of their parts."""

from __future__ import annotations

from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.base import iso_time
from conformance.reference.storage.call import Call
from conformance.reference.storage.listings import Page, Paging, Wanted
from conformance.reference.storage.multipart import Multipart
from conformance.reference.storage.state import Bucket, Part, Upload


class UploadListings(Paging, Multipart):
    """ListMultipartUploads and ListParts."""

    def listed_uploads(self, bucket: Bucket) -> list[Upload]:
        """Return the uploads sorted by key, then by age."""
        return sorted(bucket.uploads.values(), key=lambda upload: (upload.key, upload.upload_id))

    async def list_uploads(self, call: Call, bucket: Bucket) -> Answer:
        encoded, limit = self.url_encoded(call), self.page_limit(call, "max-uploads")
        key_marker, id_marker = call.query.get("key-marker", ""), call.query.get("upload-id-marker", "")
        wanted = Wanted(call.query.get("prefix", ""), call.query.get("delimiter", ""), key_marker, limit)
        uploads, page = self.page_of_uploads(self.listed_uploads(bucket), wanted, id_marker if key_marker else "")
        elements = [
            xml.element("Bucket", bucket.name),
            self.listed_name("KeyMarker", key_marker, encoded),
            xml.element("UploadIdMarker", id_marker),
            xml.element("MaxUploads", limit),
            self.listed_name("Prefix", wanted.prefix, encoded),
        ]
        if wanted.delimiter:
            elements.append(self.listed_name("Delimiter", wanted.delimiter, encoded))
        if encoded:
            elements.append(xml.element("EncodingType", "url"))
        if page.truncated:
            elements.append(self.listed_name("NextKeyMarker", page.last, encoded))
            elements.append(xml.element("NextUploadIdMarker", self.next_id_marker(uploads, page)))
        elements.append(xml.element("IsTruncated", "true" if page.truncated else "false"))
        elements += [self.listed_upload(bucket, upload, encoded) for upload in uploads]
        return self.document("ListMultipartUploadsResult", *elements, *self.listed_prefixes(page.prefixes, encoded))

    def next_id_marker(self, uploads: list[Upload], page: Page) -> str:
        """Return the last upload's id; "" if the page ends with a common prefix."""
        return uploads[-1].upload_id if uploads and uploads[-1].key == page.last else ""

    def page_of_uploads(self, uploads: list[Upload], wanted: Wanted, id_marker: str) -> tuple[list[Upload], Page]:
        """Return the uploads of a page, and the page; one key may have several uploads."""
        page, chosen = Page(), list[Upload]()
        for upload in uploads:
            group = self.common_prefix(upload.key, wanted)
            if not upload.key.startswith(wanted.prefix) or not self.comes_after(upload, group, wanted, id_marker):
                continue
            if group is not None and group in page.prefixes[-1:]:
                continue
            if page.count >= wanted.limit:
                page.truncated = wanted.limit > 0
                break
            page.last = upload.key if group is None else group
            if group is None:
                chosen.append(upload)
            (page.keys if group is None else page.prefixes).append(page.last)
        return chosen, page

    def comes_after(self, upload: Upload, group: str | None, wanted: Wanted, id_marker: str) -> bool:
        if group is not None and group == wanted.after:
            return False
        if upload.key == wanted.after:
            return bool(id_marker) and upload.upload_id > id_marker
        return upload.key > wanted.after

    def listed_upload(self, bucket: Bucket, upload: Upload, encoded: bool) -> str:
        return xml.group(
            "Upload",
            self.listed_name("Key", upload.key, encoded),
            xml.element("UploadId", upload.upload_id),
            self.owner(bucket.organization, "Initiator"),
            self.owner(bucket.organization),
            xml.element("StorageClass", upload.storage_class),
            xml.element("Initiated", iso_time(upload.initiated)),
        )

    async def list_parts(self, call: Call, bucket: Bucket) -> Answer:
        upload, encoded = self.upload_of(call, bucket), self.url_encoded(call)
        limit, marker = self.page_limit(call, "max-parts"), call.number("part-number-marker", 0)
        parts = self.parts_after(upload, marker)
        shown, truncated = parts[:limit], 0 < limit < len(parts)
        elements = [
            xml.element("Bucket", bucket.name),
            self.listed_name("Key", upload.key, encoded),
            xml.element("UploadId", upload.upload_id),
            self.owner(bucket.organization, "Initiator"),
            self.owner(bucket.organization),
            xml.element("StorageClass", upload.storage_class),
            xml.element("PartNumberMarker", marker),
            xml.element("MaxParts", limit),
            xml.element("IsTruncated", "true" if truncated else "false"),
        ]
        if truncated:
            elements.append(xml.element("NextPartNumberMarker", shown[-1].number))
        if upload.algorithm:
            elements.append(xml.element("ChecksumAlgorithm", upload.algorithm.upper()))
            elements.append(xml.element("ChecksumType", upload.checksum_type))
        return self.document("ListPartsResult", *elements, *[self.listed_part(part) for part in shown])

    def parts_after(self, upload: Upload, marker: int) -> list[Part]:
        return [part for number, part in sorted(upload.parts.items()) if number > marker]

    def listed_part(self, part: Part) -> str:
        sums = [xml.element(f"Checksum{name.upper()}", value) for name, value in part.checksums.items()]
        return xml.group(
            "Part",
            xml.element("PartNumber", part.number),
            xml.element("LastModified", iso_time(part.modified)),
            xml.element("ETag", self.quoted(part.etag)),
            xml.element("Size", len(part.body)),
            *sums,
        )
