"""Who is to have signed what a command verifies: by its options, a key in a file or an identity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.model.verification.identity import Identity, Pattern

from .signing_key import existing_key, verification_key

if TYPE_CHECKING:
    from pipeline.trust import Signatory

    from ..common_options import SignatoryOptions


def chosen_signatory(options: SignatoryOptions) -> Signatory | None:
    """The key or the identity that options name, None if they name none. Raises UsageError, ConfigError."""
    identity = _identity(options)
    if identity is None:
        return verification_key(options.key, {}, Path()) if options.key else None
    from pipeline.trust.keyless import IdentitySignatory, read_services
    from pipeline.trust.keyless.services import TrustFile

    root = None
    if options.trusted_root is not None:
        try:
            root = TrustFile(options.trusted_root.read_bytes(), str(options.trusted_root))
        except OSError as fault:
            raise UsageError(f"cannot read {options.trusted_root}: {fault.strerror}") from None
    return IdentitySignatory(identity, read_services(root))


def signatory(options: SignatoryOptions, environ: Mapping[str, str], data: Path) -> Signatory:
    """The same; without options this site's key, if there is one. Raises UsageError, ConfigError."""
    return chosen_signatory(options) or existing_key(None, environ, data)


def _identity(options: SignatoryOptions) -> Identity | None:
    subject = _pattern("--certificate-identity", options.identity, options.identity_regexp)
    issuer = _pattern("--certificate-oidc-issuer", options.oidc_issuer, options.oidc_issuer_regexp)
    if subject is None and issuer is None:
        if options.trusted_root is not None:
            raise UsageError("--trusted-root verifies identities", hint="--certificate-identity names one")
        return None
    if subject is None or issuer is None:
        missing = "--certificate-oidc-issuer" if subject else "--certificate-identity"
        raise UsageError(
            f"an identity is a subject and an issuer: {missing} is missing",
            hint="--certificate-identity https://github.com/ACME/IMAGES/.github/workflows/FILE@refs/heads/main "
            "--certificate-oidc-issuer https://token.actions.githubusercontent.com",
        )
    if options.key is not None:
        raise UsageError("--key and --certificate-identity exclude each other", hint="leave out one of them")
    return Identity(subject, issuer)


def _pattern(flag: str, exact: str | None, regexp: str | None) -> Pattern | None:
    try:
        if exact is not None:
            return Pattern(exact)
        return Pattern(regexp, regexp=True) if regexp is not None else None
    except ValueError as fault:
        name = flag if exact is not None else f"{flag}-regexp"
        raise UsageError(f"{name} {fault}") from None
