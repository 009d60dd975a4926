"""Publishing a release: look, plan, act, and look again, until nothing is left to be done."""

from __future__ import annotations

import anyio

from pipeline.errors import RegistryError, UsageError
from pipeline.registry.http.faults import RequestFailed
from pipeline.util.dataclass import dataclass

from .planning import check_files, plan_release
from .values import Forge, WantedRelease

_ROUNDS = 6
_PAUSE = 0.5  # seconds before the second look at a failure; each next one is twice as long
_EXISTS = frozenset({409, 422})


@dataclass(frozen=True, slots=True)
class PublishedRelease:
    """The page of a release, the files that were uploaded, and whether anything had to be done; `edited` is set where
    its text stays as somebody changed it."""

    url: str
    changed: bool = False
    uploaded: tuple[str, ...] = ()
    edited: bool = False

    def to_json(self) -> dict[str, object]:
        """As data."""
        return {
            "url": self.url,
            "changed": self.changed,
            "uploaded": list(self.uploaded),
            "edited": self.edited,
        }


async def publish_release(
    forge: Forge, wanted: WantedRelease, *, force: bool = False, pause: float = _PAUSE
) -> PublishedRelease:
    """Make the release as it is wanted. One that was made halfway is completed; one that is there costs requests that
    only read.

    Raises UsageError for a tag that is missing or at another commit, ReleaseNotOurs, RegistryError.
    """
    check_files(wanted, forge.limits, forge.name)
    await _check_tag(forge, wanted)
    uploaded: dict[str, None] = {}
    changed = False
    for attempt in range(_ROUNDS):
        release = await forge.find(wanted)
        actions = plan_release(wanted, release, forge.limits, force=force)
        if not actions and release is not None:
            return PublishedRelease(release.url, changed, tuple(uploaded), actions.edited)
        changed = True
        uploaded |= dict.fromkeys(actions.upload)
        try:
            await forge.perform(actions, wanted, release)
        except RequestFailed as failed:
            if attempt == _ROUNDS - 1 or not _worth_another_look(failed):
                raise
            await anyio.sleep(pause * 2**attempt)
    raise RegistryError(
        f"the release {wanted.tag} of {forge.project} changes while it is published",
        hint="another job publishes it too, or the forge does not keep what it gets: run again",
    )


async def _check_tag(forge: Forge, wanted: WantedRelease) -> None:
    commit = await forge.commit_of(wanted.tag)
    if commit is None:
        raise UsageError(
            f"{forge.name} has no git tag {wanted.tag} in {forge.project}",
            hint=f"git tag {wanted.tag} {wanted.commit[:12]} && git push origin {wanted.tag}",
        )
    if commit != wanted.commit:
        raise UsageError(
            f"the git tag {wanted.tag} on {forge.name} is at commit {commit[:12]}, and the images are those of "
            f"{wanted.commit[:12]}",
            hint="release the tag's commit under another version; a published tag is not moved",
        )


def _worth_another_look(failed: RequestFailed) -> bool:
    """A failure that may pass, or whose request may have taken effect; or something that is there meanwhile."""
    fault = failed.fault
    return fault.transient or (fault.status in _EXISTS and "exist" in fault.message.lower())
