"""PyPI django-oauth-toolkit on loopback, in a SQLite file: client credentials and two resources.

FULL_SECRET, NARROW_SECRET and FOREIGN_SECRET come from the environment, and so does DATA, the folder of the database.
"""

# ruff: noqa: E402 - Django takes its settings before its modules are imported.
from __future__ import annotations

import os
from typing import Any

import django
from django.conf import settings

READ, WRITE = "organization:read", "organization:write"
CLIENTS = {
    "ct-full": ("FULL_SECRET", "acme", [READ, WRITE]),
    "ct-narrow": ("NARROW_SECRET", "acme", [READ]),
    "ct-foreign": ("FOREIGN_SECRET", "globex", [READ, WRITE]),
}

settings.configure(
    SECRET_KEY=os.urandom(32).hex(),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="server",
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATA"] + "/db.sqlite",
            "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
        }
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    # The default number of rounds would make each of a run's thousand token requests last 0.4 s.
    PASSWORD_HASHERS=["server.FewRounds"],
    OAUTH2_PROVIDER={"SCOPES": {READ: "read", WRITE: "write"}, "SCOPES_BACKEND_CLASS": "server.ScopesOfClients"},
)

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class FewRounds(PBKDF2PasswordHasher):
    """Django's own hasher with fewer rounds."""

    iterations = 20_000


django.setup()

from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from oauth2_provider.models import Application
from oauth2_provider.scopes import BaseScopes
from oauth2_provider.views import TokenView
from oauth2_provider.views.generic import ScopedProtectedResourceView


class ScopesOfClients(BaseScopes):
    """The scopes that each client was given."""

    def get_all_scopes(self) -> dict[str, str]:
        """Each scope with what it is for."""
        return {READ: "read", WRITE: "write"}

    def get_available_scopes(self, application: Any = None, *args: Any, **kwargs: Any) -> list[str]:
        """The scopes of a client."""
        return CLIENTS[application.client_id][2] if application else []

    def get_default_scopes(self, application: Any = None, *args: Any, **kwargs: Any) -> list[str]:
        """What a client gets that names no scope: all of its own."""
        return self.get_available_scopes(application)


class Organization(ScopedProtectedResourceView):
    """The organization of the clients, to them alone."""

    def verify_request(self, request: HttpRequest) -> tuple[bool, Any]:
        """As the library does, with the client of the token kept."""
        valid, found = super().verify_request(request)
        self.client = found.client
        return valid, found

    def get(self, request: HttpRequest) -> HttpResponse:
        """The organization, or 403 to a client of another one."""
        own = CLIENTS[self.client.client_id][1] == "acme"
        return JsonResponse({"slug": "acme"}) if own else JsonResponse({"error": "forbidden"}, status=403)


urlpatterns = [
    path("oauth/token", TokenView.as_view()),
    path("api/org", Organization.as_view(required_scopes=[READ])),
    path("api/org-write", Organization.as_view(required_scopes=[WRITE])),
]


def prepare() -> None:
    """Makes the tables and the clients."""
    call_command("migrate", verbosity=0)
    for client_id, (secret, _, _) in CLIENTS.items():
        Application.objects.create(
            client_id=client_id,
            client_secret=os.environ[secret],
            client_type=Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        )


prepare()
app = WSGIHandler()
