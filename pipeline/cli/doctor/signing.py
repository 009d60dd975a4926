"""Who would sign: the key pair, the key of a service, or an identity of the CI; and what the job is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.ci import JobEvent, read_event
from pipeline.config import Project
from pipeline.errors import LockageError
from pipeline.lab.settings import LabSettings
from pipeline.trust import PrivateKey

from ..instance.signing_key import signing_key
from .finding import CheckResult, Health

_HTTPS_TOKENS = ("GITHUB_TOKEN", "CI_JOB_TOKEN", "DOCKER_AUTH_CONFIG")


def signing(
    project: Project, root: Path, environ: Mapping[str, str], settings: LabSettings
) -> Iterator[CheckResult]:
    """The signer of images, and the key pair of records."""
    yield _records(environ, settings)
    if project.keyless is not None:
        yield _identity(project, root, environ)
    elif project.kms is not None:
        yield CheckResult.ok(
            "signer", f"{project.kms.reference}, which cosign reaches when something is signed"
        )


def _records(environ: Mapping[str, str], settings: LabSettings) -> CheckResult:
    given = "COSIGN_PRIVATE_KEY" in environ
    if not given and not (settings.data / "keys" / "cosign.key").exists():
        if read_event(environ) is not None:
            text = "none: each job would make its own, and build and examine everything again"
            return CheckResult(
                "key", Health.WARNING, text, "give all runners one (docs/trust.md, whose records count)"
            )
        return CheckResult.ok("key", "none yet: the first run makes one in the instance's folder")
    try:
        pair = signing_key(environ, settings.data)
        PrivateKey(pair).sign(b"doctor")
    except LockageError as fault:
        return CheckResult.of("key", fault)
    return CheckResult.ok("key", "COSIGN_PRIVATE_KEY signs" if given else "this instance's own signs")


def _identity(project: Project, root: Path, environ: Mapping[str, str]) -> CheckResult:
    from ..instance.keyless import keyless_signer

    assert project.keyless
    try:
        keyless_signer(project.keyless, root, environ)
    except LockageError as fault:
        return CheckResult.of("signer", fault)
    if "GITHUB_ACTIONS" in environ and "ACTIONS_ID_TOKEN_REQUEST_URL" not in environ:
        text = "the job may not request a token, so nothing can be signed"
        return CheckResult("signer", Health.PROBLEM, text, "permissions: {id-token: write} for the job")
    return CheckResult.ok("signer", f"the identity {project.keyless.identity}, by a token of the CI")


def job(environ: Mapping[str, str]) -> CheckResult:
    """What a CI's variables say."""
    try:
        event = read_event(environ)
    except LockageError as fault:
        return CheckResult.of("CI", fault)
    if event is None:
        return CheckResult.ok("CI", "none: a push of the branch that is checked out")
    return CheckResult.ok("CI", _text(event, environ))


def _text(event: JobEvent, environ: Mapping[str, str]) -> str:
    tokens = [name for name in _HTTPS_TOKENS if environ.get(name)]
    what = f"tag {event.tag}" if event.tag else f"branch {event.branch}" if event.branch else str(event.kind)
    return f"{what}; {', '.join(tokens) or 'no token'} for registries"
