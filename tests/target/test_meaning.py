"""What a target file says that contradicts itself or names nothing: one sentence at its place."""

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


def told(folder: Path, text: str) -> list[str]:
    (folder / "conformance.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        configuration.load(None, folder)
    return [each.rpartition("conformance.toml:")[2] for each in raised.value.mistakes]


MISTAKES = {
    "no-name": (
        '[targets]\norganization = "acme"\n[targets.identity]\nurl = "https://id.example"\n',
        f"1: targets: {NAMELESS}",
    ),
    "a-surface-of-no-target": ('[targets.identity]\nurl = "https://id.example"\n', f"1: targets: {NAMELESS}"),
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
    "hidden-from-nobody": (
        RESOURCE + 'path = "/a"\nitem = { path = "/a/{slug}", hidden_body = {} }\n',
        "8: targets.staging.identity.resources[0].item: hidden_body and hidden_from go together: what hides an item, "
        "and from whom",
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
    "own-repository-as-foreign": (
        REGISTRY + 'foreign_repository = "orgs/acme/app/x"\n',
        "6: targets.staging.registry.foreign_repository: is the target's own repository; one of another organization "
        "is meant",
    ),
    "own-bucket-as-foreign": (
        STORAGE + 'buckets = ["a"]\nforeign_bucket = "a"\n',
        "8: targets.staging.storage.foreign_bucket: is one of the target's own buckets; one of another organization is "
        "meant",
    ),
    "a-bucket-twice": (
        STORAGE + 'buckets = ["a", "a"]\n',
        "7: targets.staging.storage.buckets[1]: stands there twice; each bucket is another one",
    ),
    "a-bucket-by-its-address": (
        STORAGE + 'buckets = ["s3://a/"]\n',
        "7: targets.staging.storage.buckets[0]: must be the name of a bucket alone",
    ),
    "no-bucket-as-foreign": (
        STORAGE + 'buckets = ["a"]\nforeign_bucket = ""\n',
        "8: targets.staging.storage.foreign_bucket: must be the name of a bucket alone",
    ),
    "own-organization-as-foreign": (
        REGISTRY + '[targets.staging.foreign]\norganization = "acme"\n',
        "7: targets.staging.foreign.organization: is the target's own; another one is meant",
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
    "a-client-that-was-created-twice": (
        IDENTITY + 'full = { client_id = "a", client_secret = "${CT_KEY}", scopes = ["x", "y"] }\n'
        'narrow = { client_id = "a", client_secret = "${CT_KEY}", scopes = ["x"] }\n',
        "7: targets.staging.identity.credentials.narrow: is the client of full, whose scopes are others; one has those "
        "that it was created with",
    ),
    "a-type-in-one-word": (
        WEBHOOK + 'content_types = ["json"]\n',
        '5: targets.staging.webhooks.content_types[0]: must be a media type such as "application/json", without '
        "parameters",
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
def test_each_mistake_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, mistake: str) -> None:
    monkeypatch.setenv("CT_KEY", "a-long-secret")
    monkeypatch.setenv("CT_URL", "https://hooks.example/hooks/0123456789abcdef")
    assert told(tmp_path, text) == [mistake]


def test_roles_that_promise_the_same_may_be_one_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CT_KEY", "a-long-secret")
    client = '{ client_id = "a", client_secret = "${CT_KEY}", scopes = ["x"] }'
    other = client.replace('"a"', '"b"')
    roles = "".join(f"{role} = {client}\n" for role in ("full", "limited", "viewer"))
    ended = "".join(f"{role} = {other}\n" for role in ("revoked", "expired"))
    (tmp_path / "conformance.toml").write_text(IDENTITY + roles + ended, encoding="utf-8")
    assert len(configuration.load(None, tmp_path).choose(None)[1].identity.credentials) == 5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "url",
    ["hooks.example/x", "https://", "https://<webhook-url>/ x", "https://u:p@hooks.example/x", "http://h:99999/x"],
)
def test_what_is_no_url_of_a_webhook_is_told_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("CT_URL", url)
    assert told(tmp_path, WEBHOOK) == [NO_WEBHOOK + "shows it"]
