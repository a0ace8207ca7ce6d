"""Target files that contradict themselves: one message that names the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.target import configuration
from conformance.target.configuration import ConfigurationError
from conformance.target.semantic_validation import NAMELESS

HEAD = '[targets.staging]\norganization = "acme"\n'
RESOURCE = (
    HEAD
    + '[targets.staging.identity]\nurl = "https://id.example"\n[[targets.staging.identity.resources]]\nname = "a"\n'
)
IDENTITY = HEAD + '[targets.staging.identity]\nurl = "https://id.example"\n[targets.staging.identity.credentials]\n'
REGISTRY = HEAD + '[targets.staging.registry]\nurl = "https://r.example"\nrepository = "orgs/acme/app"\n'
STORAGE = (
    HEAD + '[targets.staging.storage]\nendpoint = "https://s3.example"\naccess_key = "${CT_KEY}"\n'
    'secret_key = "${CT_KEY}"\n'
)
WEBHOOK = HEAD + '[targets.staging.webhooks]\nurl = "${CT_URL}"\n'
NO_WEBHOOK = (
    "4: targets.staging.webhooks.url: must be an http:// or https:// URL with no user name in it, as the portal "
)


def reported(folder: Path, text: str) -> list[str]:
    (folder / "conformance.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        configuration.load(None, folder)
    return [each.rpartition("conformance.toml:")[2] for each in raised.value.mistakes]


MISTAKES = {
    "no-name": (
        '[targets]\norganization = "acme"\n[targets.identity]\nurl = "https://id.example"\n',
        f"1: targets: {NAMELESS}",
    ),
    "two-of-one-name": (
        RESOURCE + 'path = "/a"\n[[targets.staging.identity.resources]]\nname = "a"\npath = "/b"\n',
        "9: targets.staging.identity.resources[1].name: a resource of this name stands above; each has one of its own",
    ),
    "placeholder-of-nothing": (
        RESOURCE + 'path = "/{org}/a"\n',
        "7: targets.staging.identity.resources[0].path: {org} stands for nothing: nothing is replaced here",
    ),
    "item-without-slug": (
        RESOURCE + 'path = "/a"\nitem = { path = "/a/1" }\n',
        "8: targets.staging.identity.resources[0].item.path: must hold {slug}, which is replaced by that of the item",
    ),
    "unique-member-of-no-body": (
        RESOURCE + 'path = "/a"\nunique = "slg"\ncreate = { body = { slug = "{slug}" } }\n',
        '8: targets.staging.identity.resources[0].unique: create.body has no member "slg"; did you mean "slug"?',
    ),
    "if-match-in-other-case": (
        RESOURCE + 'path = "/a"\nupdate = { body = {}, concurrency = "if-match" }\n',
        '8: targets.staging.identity.resources[0].update.concurrency: is spelled "If-Match"; any other word is a '
        "member of the body",
    ),
    "own-bucket-as-foreign": (
        STORAGE + 'buckets = ["a"]\nforeign_bucket = "a"\n',
        "8: targets.staging.storage.foreign_bucket: is one of the target's own buckets; one of another organization is "
        "meant",
    ),
    "a-bucket-by-its-address": (
        STORAGE + 'buckets = ["s3://a/"]\n',
        "7: targets.staging.storage.buckets[0]: must be the name of a bucket alone",
    ),
    "one-login-in-two-roles": (
        REGISTRY + '[targets.staging.registry.credentials]\npusher = { username = "a", password = "${CT_KEY}" }\n'
        'puller = { username = "a", password = "${CT_KEY}" }\n',
        "8: targets.staging.registry.credentials.puller: is the login of pusher; each role is for one that may do "
        "something else",
    ),
    "a-client-of-two-organizations": (
        IDENTITY + 'full = { client_id = "a", client_secret = "${CT_KEY}" }\n'
        'foreign = { client_id = "a", client_secret = "${CT_KEY}" }\n',
        "7: targets.staging.identity.credentials.foreign: is the client of full; foreign is for one of its own",
    ),
    "a-body-beyond-memory": (
        WEBHOOK + "largest_body = 99999999999\n",
        "5: targets.staging.webhooks.largest_body: must be at most 268,435,456",
    ),
    "an-open-quotation-mark": (
        HEAD + '[targets.staging.hooks]\nrevoke = "./revoke \'x {client_id}"\n',
        "4: targets.staging.hooks.revoke: cannot be read as a command: no closing quotation",
    ),
}


@pytest.mark.parametrize(("text", "mistake"), MISTAKES.values(), ids=MISTAKES)
def test_each_contradiction_has_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, mistake: str
) -> None:
    monkeypatch.setenv("CT_KEY", "a-long-secret")
    monkeypatch.setenv("CT_URL", "https://hooks.example/hooks/0123456789abcdef")
    assert reported(tmp_path, text) == [mistake]


@pytest.mark.parametrize(
    "url",
    ["hooks.example/x", "https://", "https://<webhook-url>/ x", "https://u:p@hooks.example/x", "http://h:99999/x"],
)
def test_a_bad_webhook_url_is_reported_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("CT_URL", url)
    assert reported(tmp_path, WEBHOOK) == [NO_WEBHOOK + "shows it"]
