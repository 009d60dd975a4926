"""`rebuild --from-provenance`: the commit, the lock and the parameters come from the signed provenance alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.model import Platform, Reference
    from pipeline.run.provenance.recipes import AttestedRecipe
    from pipeline.run.rebuild import Rebuilt
    from pipeline.trust import Signatory

    from ...output.progress import Progress


@dataclass(frozen=True, slots=True)
class ProvenanceRequest:
    """An image to build again, of these platforms (else all), by provenance that `signatory` signed (else this site).

    `source` is a clone that has the commit; without it the provenance names the repository.
    """

    image: Reference
    root: Path
    platforms: Sequence[Platform] = ()
    signatory: Signatory | None = None
    source: Path | None = None
    compare: bool = False


async def rebuild_from_provenance(request: ProvenanceRequest) -> list[Rebuilt]:
    """Each platform built again. Raises SignatureRefused, GateClosed, BuildError, RegistryError, UsageError."""
    from ...output.progress import Progress

    attested = await _recipes(request)
    for one in attested:
        if request.source is None and not one.recipe.repository:
            raise UsageError(
                f"the provenance of {one.image} names no repository",
                hint=f"--source FOLDER names a clone that has commit {one.recipe.commit}",
            )
    with Progress() as report:
        return [await _rebuild(request, one, report) for one in attested]


async def _recipes(request: ProvenanceRequest) -> list[AttestedRecipe]:
    from pipeline.lab.settings import LabSettings
    from pipeline.registry import Registry
    from pipeline.run.provenance.recipes import attested_recipes

    from ...instance.session import registry_session
    from ...instance.signing_key import existing_key
    from ...output.progress import Progress
    from ...registry_access import registry_access

    signatory = request.signatory or existing_key(None, os.environ, LabSettings.from_env(os.environ).data)
    hosts = {request.image.repository.host}
    async with (
        registry_session(request.root, "rebuild", Progress(), hosts),
        Registry(registry_access()) as registry,
    ):
        return await attested_recipes(registry, request.image, signatory, request.platforms)


async def _rebuild(request: ProvenanceRequest, attested: AttestedRecipe, report: Progress) -> Rebuilt:
    from tempfile import TemporaryDirectory

    from pipeline.run.provenance.rebuild import rebuild_recipe

    from ...common_options import TargetSelection
    from ...git.checkout import catalogue_in, check_out
    from ...instance.lock_file import lock_file
    from ...instance.session import instance_session
    from ...planning.reader import PlanReader, PlanRequest
    from ...run_context import RunRequest, run_context

    recipe = attested.recipe
    with TemporaryDirectory(prefix="lockage-rebuild-") as folder:
        top = Path(folder)
        check_out(request.source or recipe.repository, recipe.commit, top, os.environ)
        root = catalogue_in(top, recipe.path)
        selection = TargetSelection(targets=(recipe.target,))
        plans = PlanReader(PlanRequest(root, selection, locked=True, snapshot_id=recipe.snapshot))
        async with instance_session(root, "rebuild", report) as session:
            lock = lock_file(root, session.settings, session.site)
            try:
                lock.write(recipe.lock)
                async with run_context(RunRequest(plans.request), plans, session, report) as context:
                    return await rebuild_recipe(context, attested, detail=request.compare)
            finally:
                lock.path.unlink(missing_ok=True)
