"""Who signs what is no image of a run: this folder's project, by its identity or with its key pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.lab.settings import LabSettings
from pipeline.util.dataclass import dataclass

from .image_signer import image_signer
from .signing_key import signing_key

if TYPE_CHECKING:
    from pipeline.run.signing.signer import Sign
    from pipeline.trust import Signatory, Statement
    from pipeline.trust.signatory import StatementSigner


@dataclass(frozen=True, slots=True)
class SiteSigner:
    """Whose signatures they are, and how statements are signed."""

    signatory: Signatory
    sign: Sign


def site_signer(root: Path, environ: Mapping[str, str]) -> SiteSigner:
    """As `sign:` of the folder's lockage.yml says; else the key pair of the environment or this instance.

    Raises ConfigError, UsageError, EnvironmentProblem.
    """
    other = _image_signer(root, environ)
    if other is not None:

        async def by_project(_: str, statements: Sequence[Statement]) -> list[bytes]:
            return await other.sign(statements)

        return SiteSigner(other.signatory, by_project)
    from pipeline.run.signing.signer import with_key

    pair = signing_key(environ, LabSettings.from_env(environ).data)
    return SiteSigner(pair.public_key, with_key(pair))


def _image_signer(root: Path, environ: Mapping[str, str]) -> StatementSigner | None:
    if not (root / "lockage.yml").exists():
        return None
    from ..planning.reader import PlanReader, PlanRequest

    return image_signer(PlanReader(PlanRequest(root)).read_known().project, root, environ)
