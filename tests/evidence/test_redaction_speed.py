"""What redaction costs where a run is issued many tokens."""

from __future__ import annotations

import secrets
import time

from conformance.evidence.redaction import Redactor


def test_many_tokens_with_signs_of_base64_cost_little() -> None:
    """A pattern of them all, new with each, took minutes."""
    redactor, begun = Redactor(), time.process_time()
    for _ in range(300):
        token = f"{secrets.token_urlsafe(30)}+/=="
        redactor.learn_issued(f'{{"access_token": "{token}"}}')
        assert token not in redactor.body(f'{{"access_token": "{token}"}}')

    assert time.process_time() - begun < 10
