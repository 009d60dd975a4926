"""Bills of materials that the repository of builds has, as files below a folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.run.target.examination.sbom_subject import serial_of
from pipeline.sbom import FORMATS
from pipeline.state.records import Records
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.run import RunContext


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A document and the path of its file below a folder; `single` is false for one that only goes into a folder.

    `note` says what is peculiar about it.
    """

    path: str
    content: bytes
    single: bool = True
    note: str = ""


async def recorded_documents(
    context: RunContext, targets: Sequence[Target], formats: Sequence[str]
) -> list[DocumentFile]:
    """The documents of targets in some formats of `pipeline.sbom`. Raises RegistryError for a target without."""
    store = context.store()
    records = Records(store, context.plan.targets)
    try:
        return [d for target in targets for d in await _of_target(context, records, target, formats)]
    finally:
        context.tell_distrusted(store)


async def _of_target(
    context: RunContext, records: Records, target: Target, formats: Sequence[str]
) -> list[DocumentFile]:
    record = await records.find(target.key) if target.key else None
    if record is None or record.evidence.inventory is None:
        raise RegistryError(
            f"the packages of {target.id} are not listed yet", hint=f"lockage sbom {target.name}"
        )
    note = ""
    if record.evidence.inventory.serial != serial_of(context, target, record.digest):
        note = f"{target.id}: made by another version; `lockage sbom {target.name}` makes it again"
    documents = []
    for format in formats:
        name, file = FORMATS[format]
        descriptor = record.documents.get(name)
        if descriptor is None:
            raise RegistryError(
                f"the record of {target.id} has no {format} document", hint="lockage sbom --fresh"
            )
        content = await context.registry.blob(context.builds, descriptor)
        path = f"{target.image}/{target.tag}/{target.platform.slug}/{file}"
        documents.append(DocumentFile(path, content, note=note))
    return documents
