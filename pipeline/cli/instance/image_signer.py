"""Who signs a project's images where the key pair does not: an identity, or a key of a key management service."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.util.child_environment import child_environment

from .keyless import keyless_signer, public_key

if TYPE_CHECKING:
    from pipeline.config import Project
    from pipeline.trust.signatory import StatementSigner


def image_signer(project: Project, root: Path, environ: Mapping[str, str]) -> StatementSigner | None:
    """As `sign:` of lockage.yml says, None for the key pair. Raises ConfigError for files that cannot be read."""
    if project.kms is None:
        return keyless_signer(project.keyless, root, environ)
    from pipeline.trust.kms import KmsSigner

    key = public_key(project.kms.public_key, root)
    return KmsSigner(project.kms.reference, key, child_environment("cosign", environ))
