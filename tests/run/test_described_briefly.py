"""Of a target whose file says no more than it must, what is not said may leave a check unjudged, and fails none."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from tests.run.support import conformance

pytestmark = pytest.mark.nightly

BRIEFLY = """\
[targets.brief]
organization = {organization}
features = {features}

[targets.brief.identity]
url = {identity[url]}
credentials.full = {full}

[[targets.brief.identity.resources]]
name = "projects"
path = "/api/v1/organizations/acme/projects"
scope = "project:read"
create = {{ scope = "project:write", body = {{ slug = "{{slug}}", name = "{{text}}", description = "{{text}}" }} }}
update = {{ scope = "project:write", body = {{ description = "{{text}}" }} }}
delete = {{ scope = "project:write" }}
item = {{ path = "/api/v1/organizations/acme/projects/{{slug}}", scope = "project:read" }}

[targets.brief.registry]
url = {registry[url]}
repository = {registry[repository]}
credentials.pusher = {pusher}

[targets.brief.storage]
endpoint = {storage[endpoint]}
buckets = [{bucket}]
access_key = {storage[access_key]}
secret_key = {storage[secret_key]}

[targets.brief.webhooks]
url = {webhooks[url]}
"""


def inline(values: dict[str, object]) -> str:
    """A table of TOML on one line."""
    return "{" + ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items()) + "}"


def brief(described: str) -> str:
    """The least that can be said of the target that a file describes."""
    whole = tomllib.loads(described)["targets"]["reference"]
    surfaces = ("identity", "registry", "storage", "webhooks")
    said = {name: {key: json.dumps(value) for key, value in whole[name].items()} for name in surfaces}
    return BRIEFLY.format(
        **said,
        organization=json.dumps(whole["organization"]),
        features=json.dumps(whole["features"]),
        full=inline(whole["identity"]["credentials"]["full"]),
        pusher=inline(whole["registry"]["credentials"]["pusher"]),
        bucket=json.dumps(whole["storage"]["buckets"][0]),
    )


def test_what_a_target_file_leaves_out_fails_no_check(tmp_path: Path) -> None:
    reference = EmbeddedReference()
    try:
        config = reference.target_config
        config.write_text(brief(config.read_text(encoding="utf-8")), encoding="utf-8")
        ran = conformance(tmp_path, "run", "--config", str(config), "--explore", "1", "--report", "junit")
    finally:
        reference.stop()

    assert ran.code == 7, ran.output
    assert set(ran.verdicts().values()) == {"pass", "not-applicable", "inconclusive"}, ran.output
