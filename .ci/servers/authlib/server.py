"""PyPI authlib's Flask and SQLAlchemy integrations on loopback: client credentials and two resources.

FULL_SECRET, NARROW_SECRET and FOREIGN_SECRET come from the environment, and so does DATA, the folder of the database.
"""

from __future__ import annotations

import os

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback has no TLS

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.integrations.sqla_oauth2 import (
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_bearer_token_validator,
    create_query_client_func,
    create_save_token_func,
)
from authlib.oauth2.rfc6749 import grants
from flask import Flask, Response, abort, jsonify
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker

READ, WRITE = "organization:read", "organization:write"
CLIENTS = {
    "ct-full": ("FULL_SECRET", "acme", [READ, WRITE]),
    "ct-narrow": ("NARROW_SECRET", "acme", [READ]),
    "ct-foreign": ("FOREIGN_SECRET", "globex", [READ, WRITE]),
}


class Base(DeclarativeBase):
    """The tables."""


class Client(Base, OAuth2ClientMixin):
    """A client that may authenticate by Basic or in the body."""

    __tablename__ = "client"
    id: Mapped[int] = mapped_column(primary_key=True)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it may authenticate so."""
        return method in ("client_secret_basic", "client_secret_post")


class Token(Base, OAuth2TokenMixin):
    """An access token; its user is nobody."""

    __tablename__ = "token"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None]


class ClientCredentials(grants.ClientCredentialsGrant):
    """The grant, with both methods of client authentication."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


def client(client_id: str, secret: str, scopes: list[str]) -> Client:
    """A client as it is stored."""
    made = Client(client_id=client_id, client_secret=secret)
    made.set_client_metadata({"grant_types": ["client_credentials"], "scope": " ".join(scopes)})
    return made


engine = create_engine(f"sqlite:///{os.environ['DATA']}/db.sqlite")
Base.metadata.create_all(engine)
session = scoped_session(sessionmaker(engine))
session.add_all(client(name, os.environ[secret], scopes) for name, (secret, _, scopes) in CLIENTS.items())
session.commit()

app = Flask("identity")
app.teardown_appcontext(lambda _: session.remove())
server = AuthorizationServer(
    app, query_client=create_query_client_func(session, Client), save_token=create_save_token_func(session, Token)
)
server.register_grant(ClientCredentials)
protected = ResourceProtector()
protected.register_token_validator(create_bearer_token_validator(session, Token)())


def organization() -> Response:
    """The organization of the clients, to them alone."""
    if CLIENTS[current_token.client_id][1] != "acme":
        abort(403)
    return jsonify(slug="acme")


@app.post("/oauth/token")
def token() -> Response:
    """The token endpoint."""
    return server.create_token_response()


@app.get("/api/org")
@protected(READ)
def read() -> Response:
    """Opened by the scope to read."""
    return organization()


@app.get("/api/org-write")
@protected(WRITE)
def write() -> Response:
    """Opened by the scope to write."""
    return organization()
