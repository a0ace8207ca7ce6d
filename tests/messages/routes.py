"""What a request asks for, without the names of what it asks it of."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from conformance.reference.http import Request

REGISTRY = (
    (r"/v2/.+/blobs/uploads/?", "/v2/{name}/blobs/uploads/"),
    (r"/v2/.+/blobs/uploads/[^/]+", "/v2/{name}/blobs/uploads/{id}"),
    (r"/v2/.+/blobs/.+", "/v2/{name}/blobs/{digest}"),
    (r"/v2/.+/manifests/[^/]+:[^/]+", "/v2/{name}/manifests/{digest}"),
    (r"/v2/.+/manifests/.+", "/v2/{name}/manifests/{tag}"),
    (r"/v2/.+/tags/list", "/v2/{name}/tags/list"),
    (r"/v2/.+/referrers/.+", "/v2/{name}/referrers/{digest}"),
    (r"/v2/_catalog", "/v2/_catalog"),
    (r"/v2/?", "/v2/"),
)
STORAGE = ((r"/", "/"), (r"/[^/]+/?", "/{bucket}"), (r"/[^/]+/.+", "/{bucket}/{key}"))
IDENTITY = (
    (r"/oauth/token", "/oauth/token"),
    (r"/registry/token", "/registry/token"),
    (r"/\.well-known/jwks\.json", "/.well-known/jwks.json"),
    (r"/api/v1/organizations/[^/]+/[^/]+/[^/]+", "/api/v1/organizations/{org}/{kind}/{item}"),
    (r"/api/v1/organizations/[^/]+/[^/]+", "/api/v1/organizations/{org}/{kind}"),
    (r"/api/v1/organizations/[^/]+", "/api/v1/organizations/{org}"),
    (r"/api/.*", "/api/..."),
)
TABLES = {"registry": REGISTRY, "storage": STORAGE, "identity": IDENTITY, "webhooks": ((r"/.*", "/{hook}"),)}
KIND = re.compile(r"/api/v1/organizations/[^/]+/([a-z-]+)")
PARAMETERS = {
    "identity": {"limit", "offset", "access_token", "scope", "service", "account", "client_id", "offline_token"},
    "registry": {"n", "last", "digest", "mount", "from", "artifactType"},
    "storage": {
        "acl", "continuation-token", "delete", "delimiter", "encoding-type", "fetch-owner", "key-marker", "list-type",
        "location", "marker", "max-buckets", "max-keys", "max-parts", "max-uploads", "part-number-marker", "partNumber",
        "prefix", "response-cache-control", "response-content-disposition", "response-content-encoding",
        "response-content-language", "response-content-type", "response-expires", "start-after", "tagging",
        "upload-id-marker", "uploadId", "uploads", "versionId",
    },
    "webhooks": set[str](),
}  # fmt: skip
"""Those that mean something; others are passed over wherever they stand."""
MEANING = re.compile(
    r"range|if-.*|content-range|x-amz-(?!date$|content-sha256$|security-token$|user-agent$|decoded).*|content-encoding|"
    r"transfer-encoding|expect"
)
"""Fields by which an operation becomes another, or has a condition."""


def route(surface: str, request: Request, fine: bool) -> str:
    """Method, kind of path, names of parameters; where ``fine`` also the fields that change what is asked for."""
    path = next((to for pattern, to in TABLES[surface] if re.fullmatch(pattern, request.raw_path)), "/...")
    if surface == "identity" and (kind := KIND.match(request.raw_path)):
        path = path.replace("{kind}", kind[1])
    names = sorted({name for name, _ in parse_qsl(request.query_string, keep_blank_values=True)})
    asked = "&".join(each for each in names if each in PARAMETERS[surface])
    found = f"{request.method} {path}" + (f"?{asked}" if asked else "")
    if "x-amz-copy-source" in request.headers:
        found += " copying"
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        found += " form"
    if fine and (fields := sorted({each for each in request.headers if MEANING.fullmatch(each)})):
        found += " with " + ",".join(fields)
    return found
