"""The secrets of a target file and of the environment."""

from __future__ import annotations

from conformance.evidence.redaction import Redactor
from conformance.target import configuration, proxies
from conformance.target.description import Target
from conformance.vocabulary.values import AGENT


def learn_secrets(redactor: Redactor, target: Target) -> None:
    """Teach the redactor the secrets of a target, also in base64 with their user names."""
    public = [AGENT, *configuration.texts_in(configuration.redacted(target))]
    for text in public:
        # The run's own resource names begin with some of these.
        redactor.publish(f"{text}-cf-")
    for secret in (*configuration.hidden(target), *configuration.secrets(target)):
        redactor.learn(secret.name, secret.reveal())
    for proxy in proxies.named():
        if proxy.login:
            redactor.learn(f"{proxy.variable}_PASSWORD", proxy.login[1])
            redactor.learn_login(f"{proxy.variable}_PASSWORD", *proxy.login)
    for credential in (target.identity.credentials if target.identity else {}).values():
        secret = credential.client_secret
        redactor.learn_login(secret.name, credential.client_id, secret.reveal())
    for login in (target.registry.credentials if target.registry else {}).values():
        redactor.learn_login(login.password.name, login.username, login.password.reveal())
