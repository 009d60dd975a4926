"""The notes of a release and the files beside them, from what the registry has of its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError, UsageError
from pipeline.model import Digest, Reference
from pipeline.oci.index import is_attestation
from pipeline.release.attached import attached_documents
from pipeline.report.difference import ImageDifference, difference
from pipeline.report.notes.install import KEY_FILE, install_script
from pipeline.report.notes.markdown import notes_markdown
from pipeline.report.notes.values import ReleasedImage, ReleaseNotes, Signer
from pipeline.reporting.states import read_states
from pipeline.sbom import FORMATS
from pipeline.trust import PublicKey
from pipeline.trust.keyless.identity import IdentitySignatory
from pipeline.util.concurrency import each
from pipeline.util.json.canonical import pretty

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.release.versions.history import ReleaseHistory
    from pipeline.run.context import RunContext

_DOCUMENTS = ("cyclonedx", "spdx")


async def read_notes(context: RunContext, history: ReleaseHistory) -> ReleaseNotes:
    """The notes of a release, without commits: its images that the plan has, and in what they differ from those before.

    Raises RegistryError, UsageError where the plan has none of them.
    """
    groups = [targets for _, targets in context.plan.groups() if targets[0].name in history.release.digests]
    if not groups:
        raise UsageError(
            f"{history.release.version} released none of these images",
            hint="leave out TARGET to have all of them",
        )

    async def one(targets: Sequence[Target]) -> ReleasedImage:
        return await _image(context, history, targets[0])

    images = tuple(await each(one, groups))
    before = history.before.version if history.before else ""
    project = context.plan.project.project
    return ReleaseNotes(
        project, history.release.version, history.release.commit, images, _signer(context), before
    )


async def _image(context: RunContext, history: ReleaseHistory, target: Target) -> ReleasedImage:
    digest = history.release.digests[target.name]
    repositories = tuple(
        context.repository(environment, target.image) for environment in history.environments
    )
    reference = repositories[0].at(digest)
    manifest = await context.registry.get_manifest(reference)
    if manifest is None:
        raise RegistryError(f"{reference} is gone", hint="lockage release again, or take another version")
    platforms = {
        child.platform: child.digest
        for child in manifest.children
        if child.platform and not is_attestation(child)
    }
    tags = await _tags(context, history, target, digest)
    before = history.before.digests.get(target.name) if history.before else None
    differences = await _differences(context, repositories[0].at(before), reference) if before else ()
    return ReleasedImage(target.name, repositories, tags, digest, platforms, differences)


async def _tags(
    context: RunContext, history: ReleaseHistory, target: Target, digest: Digest
) -> tuple[str, ...]:
    """The release's tags of an image that name it now: rolling ones may have moved on."""
    names = history.names.tags_of(target).tags
    repository = context.repository(history.environments[0], target.image)
    heads = await each(lambda tag: context.registry.head(repository.tagged(tag)), names[1:])
    rolling = [tag for tag, head in zip(names[1:], heads, strict=True) if head and head.digest == digest]
    return (names[0], *rolling)


async def _differences(
    context: RunContext, before: Reference, after: Reference
) -> tuple[ImageDifference, ...]:
    """Of the platforms that both have; none where retention took the image before."""
    if await context.registry.head(before) is None:
        return ()
    key = context.signatory
    old, new = (
        await read_states(context.registry, before, key),
        await read_states(context.registry, after, key),
    )
    return tuple(difference(old[platform], new[platform]) for platform in old if platform in new)


def _signer(context: RunContext) -> Signer:
    signatory = context.signatory
    if isinstance(signatory, PublicKey):
        return Signer("the project's key", signatory.pem)
    assert isinstance(signatory, IdentitySignatory), "images are signed by a key or an identity"
    identity = signatory.identity
    options = {"--certificate-identity": identity.subject, "--certificate-oidc-issuer": identity.issuer}
    return Signer(
        str(identity),
        options=tuple((f"{o}-regexp" if p.regexp else o, p.text) for o, p in options.items()),
    )


async def release_files(context: RunContext, notes: ReleaseNotes) -> Mapping[str, bytes]:
    """Every file of a release by its name: notes, script, data, key, and the bills of materials of each platform."""
    files = {
        "RELEASE.md": notes_markdown(notes).encode(),
        "install.sh": install_script(notes).encode(),
        "release.json": pretty(notes.to_json()).encode(),
    }
    if notes.signer.key:
        files[KEY_FILE] = notes.signer.key.encode()
    for image in notes.images:
        for format in _DOCUMENTS:
            documents = await attached_documents(
                context.registry, image.repositories[0].at(image.digest), context.signatory, format
            )
            for one in documents:
                platform = f"-{one.platform.slug}" if one.platform else ""
                name = image.name.replace("/", "_").replace(":", "-")
                files[f"{name}{platform}.{FORMATS[format][1]}"] = one.content
    return files
