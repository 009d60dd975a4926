"""The artifact that tells others what each environment holds, written after tags moved; signed as images are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import LockageError
from pipeline.model import Descriptor, Digest
from pipeline.model.descriptor import EMPTY_JSON
from pipeline.oci.artifact import TITLE, artifact_manifest
from pipeline.state.channels import CHANNELS_TYPE, FILE, channels_document
from pipeline.state.ledger import load_ledger
from pipeline.trust import SIGNATURE, Statement, attach, examine
from pipeline.trust.claims import Claims
from pipeline.util.progress import ProgressState

from ..signing.artifact import NO_PLATFORM
from ..signing.signer import signer

if TYPE_CHECKING:
    from pipeline.config.values import ChannelMetadata
    from pipeline.state.store import Store

    from ..context import RunContext

TAG = "latest"


async def describe_environments(context: RunContext, store: Store) -> None:
    """Write the project's metadata, if it has any, once all tags of a command have moved; a fault is a warning."""
    if metadata := context.plan.project.metadata:
        try:
            await write_channels(context, store, metadata)
        except LockageError as fault:
            text = f"the metadata of environments is that of before: {fault.message}; the next promotion writes it"
            context.tell("", ProgressState.WARNING, text)


async def write_channels(context: RunContext, store: Store, metadata: ChannelMetadata) -> Digest | None:
    """Write what the ledgers of all environments say now, signed before its tag moves.

    Gives the artifact's digest, None where it was there. Raises RegistryError, and what signing raises.
    """
    project, registry = context.plan.project, context.registry
    ledgers = [await load_ledger(store, environment.name) for environment in project.environments[1:]]
    content = channels_document(project.project, ledgers)
    layer = Descriptor.of(content, CHANNELS_TYPE, annotations={TITLE: FILE})
    manifest = artifact_manifest(metadata.artifact_type, [layer])
    repository = project.metadata_repository(metadata, embedded=context.host)
    now = await registry.head(repository.tagged(TAG))
    if now is not None and now.digest == manifest.digest:
        return None
    await registry.put_blob(repository, EMPTY_JSON)
    await registry.put_blob(repository, content)
    await registry.put_manifest(repository, manifest.raw, manifest.media_type)
    seen = await examine(registry, repository, manifest.digest, context.signatory)
    if not seen.signed:
        path, commit = repository.path, context.revision.label
        claims = Claims(path, path, TAG, (TAG,), NO_PLATFORM, commit, manifest.digest.hex)
        statement = Statement(manifest.digest, SIGNATURE, {}, claims.annotations())
        (bundle,) = await signer(context)(str(repository), [statement])
        await attach(registry, repository, manifest.descriptor, bundle, created=context.revision.created)
    await registry.put_manifest(repository, manifest.raw, manifest.media_type, tag=TAG)
    return manifest.digest
