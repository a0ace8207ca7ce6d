"""One signed request to an S3 server, as its portal would make it; what it is refused with is told, exit 1.

S3_KEY=… S3_SECRET=… python .ci/servers/s3_request.py METHOD URL [BODY]
"""

from __future__ import annotations

import os
import sys
import urllib.error
from urllib.request import Request, urlopen

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def main(method: str, url: str, body: str = "") -> int:
    """Sends it; the exit code."""
    signed = AWSRequest(method, url, data=body.encode())
    S3SigV4Auth(Credentials(os.environ["S3_KEY"], os.environ["S3_SECRET"]), "s3", "us-east-1").add_auth(signed)
    request = Request(url, body.encode(), dict(signed.headers.items()), method=method)  # noqa: S310 (http on loopback)
    try:
        urlopen(request, timeout=20).close()  # noqa: S310
    except urllib.error.HTTPError as refused:
        print(f"{method} {url}: {refused.code} {refused.read().decode(errors='replace')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
