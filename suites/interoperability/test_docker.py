"""The documented Docker commands, by a real engine through the Docker SDK (API Reference, Docker Registry)."""

from __future__ import annotations

from conformance.clients.engine import Engine
from conformance.oracles.programs import expect_denied, expect_done
from conformance.target.description import Login, Registry
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance


def login_of(registry: Registry, role: str) -> Login:
    """The login in a role; Inconclusive where the target file has none."""
    for name, login in registry.credentials.items():
        if name == role:
            return login
    raise Inconclusive(f"no login in role {role}", f"[targets.….registry.credentials.{role}]")


def credentials(login: Login) -> dict[str, str]:
    """A login as the engine takes it."""
    return {"username": login.username, "password": login.password.reveal()}


@verifies("interoperability/registry/docker-login")
def test_docker_login(engine: Engine, registry: Registry) -> None:
    """Purpose: the registry login works with docker login.

    Method: 1. log the engine in with the pusher's name and password
            2. expect success
    """
    pusher = login_of(registry, "pusher")

    expect_done(engine.login(pusher.username, pusher.password.reveal()), "docker login")


@verifies("interoperability/registry/docker-login-refuses-a-wrong-password")
def test_docker_login_with_a_wrong_password(engine: Engine, registry: Registry) -> None:
    """Purpose: docker login tells a person that the password is wrong.

    Method: 1. log the engine in with the pusher's name and another password
            2. expect an error
    """
    pusher = login_of(registry, "pusher")

    done = engine.login(pusher.username, "not-the-password")

    if not done.error:
        raise NonConformance("docker login with a wrong password fails", done.said)


@verifies("interoperability/registry/docker-tag-and-push")
def test_docker_tag_and_push(engine: Engine, registry: Registry, loaded) -> None:  # type: ignore[no-untyped-def]
    """Purpose: an image tagged {registry-domain}/orgs/{org-slug}/{app-slug}:{tag} can be pushed.

    Method: 1. load an image, tag it with the documented form of name
            2. push it with the pusher's login
            3. expect success
    """
    done = engine.push(loaded.repository, loaded.tag, credentials(login_of(registry, "pusher")))

    expect_done(done, f"docker push {loaded.repository}:{loaded.tag}")


@verifies("interoperability/registry/docker-pull-gets-what-was-pushed")
def test_docker_pull(engine: Engine, registry: Registry, loaded) -> None:  # type: ignore[no-untyped-def]
    """Purpose: what docker push stored, docker pull gets back.

    Method: 1. push an image, remove it from the engine
            2. pull it with the puller's login
            3. expect the same image id
    """
    reference = f"{loaded.repository}:{loaded.tag}"
    pushed = engine.push(loaded.repository, loaded.tag, credentials(login_of(registry, "pusher")))
    if pushed.error:
        raise Inconclusive(f"the image could not be pushed: {pushed.error}")
    engine.remove(reference)

    expect_done(
        engine.pull(loaded.repository, loaded.tag, credentials(login_of(registry, "puller"))),
        f"docker pull {reference}",
    )

    if engine.image_id(reference) != loaded.id:
        raise NonConformance(f"image {loaded.id}", f"image {engine.image_id(reference)}")


@verifies("interoperability/registry/docker-push-is-denied-without-push-access")
def test_docker_push_without_push_access(engine: Engine, registry: Registry, loaded) -> None:  # type: ignore[no-untyped-def]
    """Purpose: a login that may only pull is denied a push, and docker says that it is.

    Method: 1. push an image with the puller's login, under a tag that nothing has
            2. expect the engine to report a denial
    """
    tag = f"{loaded.tag}-denied"
    engine.tag(loaded.local, loaded.repository, tag)

    done = engine.push(loaded.repository, tag, credentials(login_of(registry, "puller")))
    engine.remove(f"{loaded.repository}:{tag}")

    expect_denied(done, "docker push with a login that may only pull")
