"""The target file: found, read, validated; one message for each kind of mistake, and no secret in any."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import pytest

from conformance.evidence.redaction import Redactor
from conformance.evidence.secrets import learn_secrets
from conformance.target import configuration, schema
from conformance.target.configuration import ConfigurationError, NoConfiguration
from conformance.target.semantic_validation import NAMELESS

VALUE = "a-very-secret-value"
URL = "https://hooks.example/hooks/0123456789abcdef"
HEAD = '[targets.staging]\norganization = "acme"\n'
IDENTITY = HEAD + '[targets.staging.identity]\nurl = "https://identity.example"\n'
FULL = "[targets.staging.identity.credentials.full]\n"
CREDENTIAL = IDENTITY + FULL + 'client_id = "ct-full"\nclient_secret = "${CT_FULL_SECRET}"\n'
RESOURCE = IDENTITY + "[[targets.staging.identity.resources]]\n"
NAMED = RESOURCE + 'name = "a"\n'
CREDENTIALS = IDENTITY + "[targets.staging.identity.credentials]\n"
REGISTRY = HEAD + '[targets.staging.registry]\nurl = "https://r.example"\nrepository = "orgs/acme/app"\n'
STORAGE = HEAD + '[targets.staging.storage]\nendpoint = "https://s3.example"\nbuckets = ["a"]\n'
BUCKETS = STORAGE.replace('buckets = ["a"]\n', 'access_key = "${CT_FULL_SECRET}"\nsecret_key = "${CT_FULL_SECRET}"\n')
WEBHOOK = HEAD + '[targets.staging.webhooks]\nurl = "${CT_URL}"\n'


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CT_FULL_SECRET", VALUE)
    monkeypatch.setenv("CT_URL", URL)
    monkeypatch.setenv("CT_SHORT", "abc")
    monkeypatch.setenv("CT_BYTES", "abcdef\udcff")
    monkeypatch.delenv("CT_NONE", raising=False)


def load(folder: Path, text: str) -> configuration.Configuration:
    (folder / "conformance.toml").write_text(text, encoding="utf-8")
    return configuration.load(Path("conformance.toml"), folder)


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load(folder, text)
    reported = "".join(traceback.format_exception(raised.value))
    assert VALUE not in reported and "pydantic" not in str(raised.value)
    return [each.removeprefix("conformance.toml:") for each in raised.value.mistakes]


MISTAKES = {
    "unknown-key": (
        HEAD + '[targets.staging.registry]\nurll = "https://r"\nurl = "https://r"\nrepository = "orgs/a/b"\n',
        '4: targets.staging.registry.urll: unknown key; did you mean "url"?',
    ),
    "missing-key": ("[targets.staging]\n", '1: targets.staging: the key "organization" is missing'),
    "no-target": ("", '1: the key "targets" is missing'),
    "literal-secret": (
        IDENTITY + FULL + f'client_id = "x"\nclient_secret = "{VALUE}"\n',
        "7: targets.staging.identity.credentials.full.client_secret: "
        "secrets only as ${ENV} or file:PATH; a value must not stand in the file",
    ),
    "secret-variable-in-lower-case": (
        IDENTITY + FULL + 'client_id = "x"\nclient_secret = "${ct_secret}"\n',
        "7: targets.staging.identity.credentials.full.client_secret: "
        "the variable of a secret is named in capitals, such as ${CT_FULL_SECRET}",
    ),
    "missing-secret": (
        IDENTITY + FULL + 'client_id = "x"\nclient_secret = "${CT_NONE}"\n',
        "7: targets.staging.identity.credentials.full.client_secret: environment variable CT_NONE is not set",
    ),
    "short-secret": (
        IDENTITY + FULL + 'client_id = "x"\nclient_secret = "${CT_SHORT}"\n',
        "7: targets.staging.identity.credentials.full.client_secret: the secret has fewer than 4 characters, "
        "and could be kept out of no report: have a longer one set",
    ),
    "missing-secret-file": (
        STORAGE + 'access_key = "file:none"\nsecret_key = "${CT_FULL_SECRET}"\n',
        "6: targets.staging.storage.access_key: the secret file none cannot be read: No such file or directory",
    ),
    "variable-that-is-no-text": (
        IDENTITY + FULL + 'client_id = "x"\nclient_secret = "${CT_BYTES}"\n',
        "7: targets.staging.identity.credentials.full.client_secret: environment variable CT_BYTES is not UTF-8",
    ),
    "bad-url": (
        HEAD + '[targets.staging.identity]\nurl = "identity.example"\n',
        "4: targets.staging.identity.url: must be an http:// or https:// URL without query or fragment",
    ),
    "url-with-a-port-that-is-none": (
        HEAD + '[targets.staging.identity]\nurl = "https://identity.example:99999"\n',
        "4: targets.staging.identity.url: must name a host, and a port from 1 to 65535 if any",
    ),
    "url-with-password": (
        HEAD + f'[targets.staging.identity]\nurl = "https://u:{VALUE}@identity.example"\n',
        "4: targets.staging.identity.url: must not carry a user name or password; credentials have keys of their own",
    ),
    "bad-rate": (HEAD + 'rate = "fast"\n', '3: targets.staging.rate: must be a rate such as "50/s" or "20/10s"'),
    "unknown-feature": (
        HEAD + 'features = [\n "registry.delet",\n]\n',
        '3: targets.staging.features[0]: unknown feature "registry.delet"; did you mean "registry.delete"?',
    ),
    "unknown-role": (
        CREDENTIAL.replace("credentials.full", "credentials.ful"),
        '5: targets.staging.identity.credentials.ful: unknown role; did you mean "full"?',
    ),
    "bad-name": (
        RESOURCE + 'name = "A"\npath = "/a"\n',
        "6: targets.staging.identity.resources[0].name: must be lower-case letters, digits and hyphens",
    ),
    "bad-method": (
        RESOURCE + 'name = "a"\npath = "/a"\nmethod = "FETCH"\n',
        "8: targets.staging.identity.resources[0].method: must be GET, HEAD, POST, PUT, PATCH or DELETE",
    ),
    "bad-repository": (
        HEAD + '[targets.staging.registry]\nurl = "https://r"\nrepository = "Orgs"\n',
        '5: targets.staging.registry.repository: must be a repository name such as "orgs/acme/conformance"',
    ),
    "not-a-table": (HEAD + "identity = 5\n", "3: targets.staging.identity: must be a table"),
    "empty": ('[targets.staging]\norganization = ""\n', "2: targets.staging.organization: must not be empty"),
    "not-a-number": (
        HEAD + '[targets.staging.limits]\nanswer = "soon"\n',
        "4: targets.staging.limits.answer: must be a number",
    ),
    "too-large": (
        HEAD + "[targets.staging.limits]\nconnect = 61\n",
        "4: targets.staging.limits.connect: must be at most 60",
    ),
    "no-authorities": (
        HEAD + 'ca_file = "none.pem"\n',
        "3: targets.staging.ca_file: none.pem cannot be used: No such file or directory",
    ),
    "no-name": (
        '[targets]\norganization = "acme"\n[targets.identity]\nurl = "https://id.example"\n',
        f"1: targets: {NAMELESS}",
    ),
    "two-of-one-name": (
        NAMED + 'path = "/a"\n[[targets.staging.identity.resources]]\nname = "a"\npath = "/b"\n',
        "9: targets.staging.identity.resources[1].name: a resource of this name stands above; each has one of its own",
    ),
    "placeholder-of-nothing": (
        NAMED + 'path = "/{org}/a"\n',
        "7: targets.staging.identity.resources[0].path: {org} stands for nothing: nothing is replaced here",
    ),
    "item-without-slug": (
        NAMED + 'path = "/a"\nitem = { path = "/a/1" }\n',
        "8: targets.staging.identity.resources[0].item.path: must hold {slug}, which is replaced by that of the item",
    ),
    "unique-member-of-no-body": (
        NAMED + 'path = "/a"\nunique = "slg"\ncreate = { body = { slug = "{slug}" } }\n',
        '8: targets.staging.identity.resources[0].unique: create.body has no member "slg"; did you mean "slug"?',
    ),
    "if-match-in-other-case": (
        NAMED + 'path = "/a"\nupdate = { body = {}, concurrency = "if-match" }\n',
        '8: targets.staging.identity.resources[0].update.concurrency: is spelled "If-Match"; any other word is a '
        "member of the body",
    ),
    "own-bucket-as-foreign": (
        BUCKETS + 'buckets = ["a"]\nforeign_bucket = "a"\n',
        "8: targets.staging.storage.foreign_bucket: is one of the target's own buckets; one of another organization is "
        "meant",
    ),
    "a-bucket-by-its-address": (
        BUCKETS + 'buckets = ["s3://a/"]\n',
        "7: targets.staging.storage.buckets[0]: must be the name of a bucket alone",
    ),
    "one-login-in-two-roles": (
        REGISTRY
        + '[targets.staging.registry.credentials]\npusher = { username = "a", password = "${CT_FULL_SECRET}" }\n'
        'puller = { username = "a", password = "${CT_FULL_SECRET}" }\n',
        "8: targets.staging.registry.credentials.puller: is the login of pusher; each role is for one that may do "
        "something else",
    ),
    "a-client-of-two-organizations": (
        CREDENTIALS + 'full = { client_id = "a", client_secret = "${CT_FULL_SECRET}" }\n'
        'foreign = { client_id = "a", client_secret = "${CT_FULL_SECRET}" }\n',
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


@pytest.mark.parametrize(("text", "reported"), MISTAKES.values(), ids=MISTAKES)
def test_each_mistake_has_its_message(tmp_path: Path, text: str, reported: str) -> None:
    assert mistakes(tmp_path, text) == [reported]


@pytest.mark.parametrize(
    "url",
    ["hooks.example/x", "https://", "https://<webhook-url>/ x", "https://u:p@hooks.example/x", "http://h:99999/x"],
)
def test_a_bad_webhook_url_is_reported_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("CT_URL", url)
    told = "must be an http:// or https:// URL with no user name in it, as the portal shows it"
    assert mistakes(tmp_path, WEBHOOK) == [f"4: targets.staging.webhooks.url: {told}"]


def test_all_mistakes_are_reported_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = '[targets.staging]\nrate = 5\n[targets.staging.identity]\nurll = "x"\n'
    text += FULL + 'client_secret = "${CT_NONE}"\n'
    assert [each.split(":", 1)[0] for each in mistakes(tmp_path, text)] == ["1", "2", "3", "4", "5", "6"]


def test_syntax_error_has_its_line(tmp_path: Path) -> None:
    assert mistakes(tmp_path, HEAD + "x = \n") == ["3: not TOML: Invalid value"]
    assert mistakes(tmp_path, HEAD + 'x = "abc')[0].startswith("3: not TOML: ")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "conformance.toml").write_bytes(b"[targets]\nx = '\xff'\n")
    with pytest.raises(ConfigurationError, match=r"conformance\.toml:2: not UTF-8, as TOML must be"):
        configuration.load(None, tmp_path)


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^none.toml: cannot be read: No such file or directory$"):
        configuration.load(Path("none.toml"), tmp_path)


def test_found_in_a_parent_up_to_the_repository(tmp_path: Path) -> None:
    deep = tmp_path / "repository" / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "conformance.toml").write_text(HEAD)
    (tmp_path / "repository" / ".git").mkdir()
    with pytest.raises(NoConfiguration, match="conformance init writes one"):
        configuration.load(None, deep)
    (tmp_path / "repository" / "conformance.toml").write_text(HEAD)
    assert configuration.load(None, deep).path == tmp_path / "repository" / "conformance.toml"


def test_choice_among_targets(tmp_path: Path) -> None:
    loaded = load(tmp_path, HEAD + HEAD.replace("staging", "production"))
    assert loaded.choose("production")[0] == "production"
    with pytest.raises(ConfigurationError, match=r"several targets \(production, staging\); choose one with --target"):
        loaded.choose(None)
    with pytest.raises(ConfigurationError, match=r'no target "stagin"; did you mean "staging"\?'):
        loaded.choose("stagin")
    with pytest.raises(ConfigurationError, match='no target "nope"; choose from production, staging'):
        loaded.choose("nope")


def test_a_missing_secret_refuses_its_own_target_only(tmp_path: Path) -> None:
    other = CREDENTIAL.replace("staging", "production").replace("CT_FULL_SECRET", "CT_NONE")
    loaded = load(tmp_path, CREDENTIAL + other)
    assert loaded.choose("staging")[1].identity is not None
    with pytest.raises(ConfigurationError, match="environment variable CT_NONE is not set"):
        loaded.choose("production")


def test_secrets_are_named_after_variable_or_place(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(VALUE + "\n")
    text = CREDENTIAL + "[targets.staging.registry]\nurl = 'https://r'\nrepository = 'orgs/a/b'\n"
    text += "expired_token = 'file:key'\n"
    text += "[targets.staging.registry.credentials.pusher]\nusername = 'p'\npassword = 'file:key'\n"
    text += STORAGE.removeprefix(HEAD) + "access_key = 'file:key'\nsecret_key = 'file:key'\n"
    (tmp_path / "url").write_text(URL)
    text += "[targets.staging.webhooks]\nurl = 'file:url'\n"
    target = load(tmp_path, text).choose(None)[1]
    found = list(configuration.secrets(target))
    assert [each.name for each in found] == [
        "CT_FULL_SECRET", "REGISTRY_EXPIRED_TOKEN", "REGISTRY_PUSHER_PASSWORD", "STORAGE_ACCESS_KEY",
        "STORAGE_SECRET_KEY", "WEBHOOKS_URL",
    ]  # fmt: skip
    assert {each.reveal() for each in found} == {VALUE, URL}
    shown = json.dumps(configuration.redacted(target))
    assert VALUE not in shown + repr(target) and '"$STORAGE_SECRET_KEY"' in shown
    read = configuration.from_record(json.loads(shown), lambda name: VALUE)
    assert [each.name for each in configuration.secrets(read)] == [each.name for each in found]


def test_a_secret_in_a_hook_is_redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CT_ORGANIZATION", "acme")
    text = (
        HEAD + "[targets.staging.hooks]\nrevoke = 'revoke --token ${CT_FULL_SECRET} ${CT_ORGANIZATION} {client_id}'\n"
    )
    target = load(tmp_path, text).choose(None)[1]
    redactor = Redactor()
    learn_secrets(redactor, target)
    # What the file says elsewhere is no secret.
    assert redactor.text(target.hooks.revoke or "") == "revoke --token $CT_FULL_SECRET acme {client_id}"
    assert VALUE not in json.dumps(configuration.redacted(target))


def test_a_secret_in_a_body_is_redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CT_ORGANIZATION", "acme")
    body = "{ name = '{slug}', owner = '${CT_ORGANIZATION}', keys = [{ key = 'key ${CT_FULL_SECRET}' }] }"
    target = load(tmp_path, RESOURCE + f"name = 'keys'\npath = '/api/v1/keys'\ncreate = {{ body = {body} }}\n").choose(
        None
    )[1]
    redactor = Redactor()
    learn_secrets(redactor, target)
    assert target.identity is not None and target.identity.resources[0].create is not None
    sent = json.dumps(target.identity.resources[0].create.body)
    assert VALUE in sent and "acme" in sent
    assert redactor.text(sent) == sent.replace(VALUE, "$CT_FULL_SECRET")
    plain = configuration.redacted(target)
    assert plain["identity"]["resources"][0]["create"]["body"] == json.loads(sent.replace(VALUE, "$CT_FULL_SECRET"))
    assert configuration.from_record(plain, str).identity is not None


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("HTTPS://Identity.Example:443/", "https://identity.example"),
        ("http://Identity.Example:80/A/", "http://identity.example/A"),
        ("https://identity.example:8443/%2F", "https://identity.example:8443/%2F"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("http://[FE80::1]:5000", "http://[fe80::1]:5000"),
    ],
)
def test_a_url_is_normalized(tmp_path: Path, written: str, url: str) -> None:
    target = load(tmp_path, IDENTITY.replace("https://identity.example", written)).choose(None)[1]
    assert target.identity is not None and target.identity.url == url


def test_fingerprint_is_of_the_description_and_not_of_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fingerprint(text: str) -> str:
        return configuration.fingerprint(load(tmp_path, text).choose(None)[1])

    first = fingerprint(CREDENTIAL)
    monkeypatch.setenv("CT_FULL_SECRET", "another-secret-value")
    assert fingerprint(CREDENTIAL) == first
    assert fingerprint(CREDENTIAL.replace("acme", "globex")) != first


def test_hooks_are_redacted(tmp_path: Path) -> None:
    target = load(tmp_path, HEAD + f"[targets.staging.hooks]\nrevoke = 'x --token {VALUE}'\n").choose(None)[1]
    assert configuration.redacted(target)["hooks"] == {"revoke": "a command"}


def test_shipped_schema_is_current() -> None:
    assert schema.SHIPPED.read_text(encoding="utf-8") == schema.text(), "run python -m conformance.target.schema"


def test_the_schema_accepts_what_the_loader_accepts(tmp_path: Path) -> None:
    import tomllib

    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(tomllib.loads(CREDENTIAL), schema.schema())
    for name in ("unknown-key", "literal-secret", "unknown-role", "unknown-feature", "bad-method", "missing-key"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(tomllib.loads(MISTAKES[name][0]), schema.schema())
