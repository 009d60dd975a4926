"""Lists the packages of a published image again, and compares with the signed bill of materials that it bears."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.engine import sbom as sbom_step
from pipeline.engine.image import archive, existing
from pipeline.errors import BuildError, RegistryError
from pipeline.model import Platform, Reference
from pipeline.registry.platform_image import platform_of
from pipeline.sbom import PackageChange, changes, packages_of
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState

from .attached import AttachedDocument, attached_documents

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.run import RunContext
    from pipeline.trust import Signatory


@dataclass(frozen=True, slots=True)
class Checked:
    """One platform of an image: how many packages it has, and what its bill of materials says otherwise.

    `names_subject` is false for a document that does not name the digest that it is attached to.
    """

    subject: Reference
    platform: Platform
    packages: int
    changes: tuple[PackageChange, ...]
    names_subject: bool

    @property
    def equal(self) -> bool:
        """Whether the document is that of the image."""
        return self.names_subject and not self.changes

    def to_json(self) -> dict[str, Any]:
        """The check as data for `--json`."""
        return {
            "subject": str(self.subject),
            "platform": str(self.platform),
            "equal": self.equal,
            "names_subject": self.names_subject,
            "packages": self.packages,
            "changes": [
                {"package": c.package, "attested": list(c.before), "found": list(c.after)}
                for c in self.changes
            ],
        }


async def check_sbom(
    context: RunContext, reference: Reference, key: Signatory, platforms: Collection[Platform] = ()
) -> list[Checked]:
    """List the packages of each platform of an image (`platforms`, else all) with the plan's tool, and compare.

    Raises RegistryError, SignatureRefused for a platform without a signed document, BuildError.
    """
    of_digests = await attached_documents(context.registry, reference, key, "cyclonedx", platforms)
    image = await context.registry.head(reference)
    index = image.digest if image and len(of_digests) > 1 else None
    documents = [each for each in of_digests if each.platform or each.subject.digest != index]

    async def check(attached: AttachedDocument) -> Checked:
        platform = attached.platform or await _platform(context, attached.subject)
        async with context.limits.tools:
            context.tell(f"{attached.subject} {platform}", ProgressState.SBOM)
            client = await context.engines.of(platform).client()
            packed = archive(existing(client, attached.subject, platform))
            tool = context.tools.image("syft")
            listed = await sbom_step.sbom(client, tool, packed, name="checked", version="")
        return _compare(attached, platform, listed["cyclonedx-json"])

    return await each(check, documents)


def _compare(attached: AttachedDocument, platform: Platform, listed: bytes) -> Checked:
    try:
        after = packages_of(json.loads(listed))
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise BuildError(f"the tool's list cannot be read: {fault}") from None
    try:
        before = packages_of(attached.document)
        root = str(attached.document["metadata"]["component"].get("purl", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise RegistryError(
            f"the document attached to {attached.subject} cannot be read: {fault!r}"
        ) from None
    count = sum(len(versions) for versions in after.values())
    differing = tuple(changes(before, after))
    return Checked(attached.subject, platform, count, differing, str(attached.subject.digest) in root)


async def _platform(context: RunContext, subject: Reference) -> Platform:
    manifest = await context.registry.get_manifest(subject)
    platform = await platform_of(context.registry, subject.repository, manifest) if manifest else None
    if platform is None:
        raise RegistryError(f"{subject} is not an image of a known platform")
    return platform
