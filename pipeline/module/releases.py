"""After a run, as functions: verification, promotion, release, rollback, today's scan and retention."""

from __future__ import annotations

from typing import Annotated

import dagger
from dagger import Doc

from pipeline.engine.uncached import uncached

from .argument_values import Selection
from .arguments import DryRun, Targets, To
from .calls import Functions, Refused, deleted_text, json_text, refusals, report, with_secondaries

Env = Annotated[str, Doc("environment of lockage.yml")]


class ReleaseFunctions(Functions):
    """All of them give JSON. What writes to a registry has a dry run."""

    @uncached
    async def promote(
        self,
        to: To,
        origin: Annotated[str, Doc("environment to take from; default: the first")] = "",
        targets: Targets = None,
        dry_run: DryRun = False,
    ) -> str:
        """Gives the digests of one environment the tags of another; all are verified first. Gives JSON."""
        from pipeline.release.environments import environment
        from pipeline.release.promote import Promotions
        from pipeline.run.publish.approval import refuse_unapproved

        from .context import run_context

        with refusals():
            given = self.given()
            signs = given.private_key is not None  # only new findings are signed
            async with run_context(given, report, Selection.of(targets), signs=signs) as context:
                environments = context.plan.project.environments
                source = environment(environments, origin or environments[0].name)
                destination = environment(environments, to)
                if not dry_run:
                    refuse_unapproved(destination, None)
                promotions = Promotions(context, source, [destination])
                done = await promotions.perform(only_plan=dry_run)
                return with_secondaries(done, promotions.secondaries)

    @uncached
    async def release(
        self,
        version: Annotated[str, Doc("semantic version: v2.3.0")],
        to: Annotated[str, Doc("environment to release to; default: release: to: of lockage.yml")] = "",
        targets: Targets = None,
        dry_run: DryRun = False,
    ) -> str:
        """Gives the images that this commit's run pushed the tags of a version; nothing is rebuilt. Gives JSON."""
        from pipeline.release.environments import release_destinations
        from pipeline.release.versions.release import ReleaseNames, Releases
        from pipeline.run.publish.approval import refuse_unapproved

        from .catalogue import read_catalogue
        from .context import refuse_other_tag, run_context

        with refusals():
            given = self.given()
            catalogue = await read_catalogue(given)
            names = ReleaseNames.of(catalogue.everything(), version)
            async with run_context(given, report, Selection.of(targets), signs=True) as context:
                await refuse_other_tag(given, version, context.revision.sha)
                destinations = release_destinations(context.plan.project, to or None)
                for one in () if dry_run else destinations:
                    refuse_unapproved(one, None)
                releases = Releases(context, names, destinations)
                done = await releases.perform(only_plan=dry_run)
                return with_secondaries(done, releases.secondaries)

    @uncached
    async def rollback(
        self,
        env: Env,
        reason: Annotated[str, Doc("why; recorded in the ledger")],
        images: Annotated[list[str] | None, Doc("by name; default: those of the last promotion")] = None,
        to: Annotated[str, Doc("entry of the ledger, or a digest; default: the state before")] = "",
        accept: Annotated[str, Doc("why closed gates do not count; recorded")] = "",
        dry_run: DryRun = False,
    ) -> str:
        """Moves every tag of images in an environment back to where it was, by the ledger. Gives JSON."""
        from pipeline.errors import UsageError
        from pipeline.release.environments import environment
        from pipeline.release.rollback import RollbackRequest, Rollbacks
        from pipeline.run.publish.approval import refuse_unapproved

        from .context import run_context

        with refusals():
            if not reason.strip():
                raise UsageError("--reason is empty", hint='--reason "1.4 breaks logins"')
            async with run_context(self.given(), report, signs=True) as context:
                destination = environment(context.plan.project.environments, env)
                if not dry_run:
                    refuse_unapproved(destination, None)
                request = RollbackRequest(destination, tuple(images or ()), to, reason, accept)
                rollbacks = Rollbacks(context, request)
                done = await rollbacks.perform(only_plan=dry_run)
                return with_secondaries(done, rollbacks.secondaries)

    @uncached
    async def rescan(self, env: Env) -> str:
        """Scans what an environment holds with today's data, and attests what is new. Gives JSON.

        No tag moves. The call fails where a gate would close.
        """
        from pipeline.release.environments import environment
        from pipeline.release.rescan import rescan

        from .context import run_context

        with refusals():
            async with run_context(self.given(), report, signs=True) as context:
                images = await rescan(context, environment(context.plan.project.environments, env))
            text = json_text([one.to_json() for one in images])
            failing = [one.name for one in images if not one.passes]
            if failing:
                raise Refused(f"gate: {len(failing)} images would not pass: {', '.join(failing)}\n\n{text}")
            return text

    @uncached
    async def retention(
        self,
        envs: Annotated[list[str] | None, Doc("environments; default: all that have rules")] = None,
        apply: Annotated[bool, Doc("delete; without it only the plan is given")] = False,
        limit: Annotated[int, Doc("tags and manifests deleted at most; default: limit: of lockage.yml")] = 0,
    ) -> str:
        """Deletes what no rule of `retention:` keeps, or plans it. Gives JSON."""
        import time

        from pipeline.release.retention.context import scope_of
        from pipeline.release.retention.perform import perform_retention
        from pipeline.release.retention.planning import plan_retention
        from pipeline.release.retention.scope import RetentionRequest
        from pipeline.run.publish.approval import refuse_unapproved

        from .context import run_context

        with refusals():
            async with run_context(self.given(), report, signs=apply) as context:
                request = RetentionRequest(
                    limit=limit or None, author=context.promotion.author, commit=context.revision.label
                )
                scope = await scope_of(context, request, int(time.time()), tuple(envs or ()))
                for one in context.plan.project.environments if apply else ():
                    if one.name in scope.ledgers:
                        refuse_unapproved(one, None)
                plan, surveys = await plan_retention(scope, fresh=apply)
                if not apply:
                    return json_text(plan.to_json())
                return deleted_text(plan, await perform_retention(scope, plan, surveys))

    @uncached
    async def apply(
        self,
        plan_file: Annotated[dagger.File, Doc("what --plan-file of the command line wrote")],
        approvals: Annotated[list[dagger.File] | None, Doc("what lockage approve wrote")] = None,
    ) -> str:
        """Does what a saved plan says, exactly, or nothing. Gives JSON, as the function of the plan's command."""
        from pipeline.engine.faults import explained
        from pipeline.release.saved import SavedPlan

        from .saved_plans import PlanApplication

        with refusals():
            with explained("reading the plan", hint="--plan-file plan.json --approvals a.json,b.json"):
                content = (await plan_file.contents()).encode()
                bundles = {await one.name(): (await one.contents()).encode() for one in approvals or ()}
            plan = SavedPlan.from_bytes(content, "--plan-file")
            return await PlanApplication(self.given(), plan, bundles).perform()

    @uncached
    async def verify(
        self,
        references: Annotated[list[str] | None, Doc("default: all of this revision")] = None,
        rules: Annotated[str, Doc("file of rules in source, with verify:")] = "",
        env: Annotated[str, Doc("check by the rules of this environment")] = "",
    ) -> str:
        """Checks signatures, or all that rules demand; gives what was verified, by digest, as JSON."""
        from .context import run_context
        from .verification import verified

        with refusals():
            given = self.given()
            async with run_context(given, report) as context:
                return json_text(await verified(context, given, references or (), rules=rules, env=env))
