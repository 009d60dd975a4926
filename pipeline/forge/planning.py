"""What has to be done to make a release as it is wanted: pure, and nothing where it already is."""

from __future__ import annotations

import re

from pipeline.errors import UsageError
from pipeline.model import Digest

from .values import (
    Asset,
    FoundRelease,
    ReleaseActions,
    ReleaseLimits,
    ReleaseNotOurs,
    WantedRelease,
)

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._+-]{0,253}[A-Za-z0-9_+-])?")
"""What no forge renames: GitHub replaces special characters, and takes periods off both ends."""
_MARK = re.compile(r"\n*<!-- lockage:([0-9a-f]{64}) -->\s*\Z")
_FORCE = "--force replaces it"


def release_body(text: str, limits: ReleaseLimits) -> str:
    """The text with a mark that it is ours, which also shows whether somebody changed it afterwards.

    What is longer than the forge takes ends at a line, and names RELEASE.md, which has all of it.
    """
    marked = _marked(text)
    if len(marked) <= limits.characters:
        return marked
    end = "\n\n*This is not all of it: RELEASE.md, among the files below, is complete.*"
    room = limits.characters - len(_marked(end))
    return _marked(text[:room].rpartition("\n")[0] + end)


def check_files(wanted: WantedRelease, limits: ReleaseLimits, forge: str) -> None:
    """Raise UsageError for files that the forge would refuse or rename."""
    count = len(wanted.files)
    if count > limits.files:
        raise UsageError(
            f"the release has {count:,} files, and {forge} takes {limits.files:,}",
            hint="name the images whose files it should have: lockage notes VERSION IMAGE… --publish",
        )
    for name, content in wanted.files.items():
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{forge} would rename the file {name[:200]!r}", hint="use letters, digits, . _ -"
            )
        if len(content) >= limits.file_bytes:
            raise UsageError(
                f"{name} is larger than {limits.file_bytes:,} bytes, which {forge} does not take"
            )


def plan_release(
    wanted: WantedRelease, release: FoundRelease | None, limits: ReleaseLimits, *, force: bool = False
) -> ReleaseActions:
    """The actions; none where all is as wanted. Raises ReleaseNotOurs, unless `force`."""
    body = release_body(wanted.text, limits)
    if release is None:
        return ReleaseActions(create=True, text=body, upload=tuple(wanted.files), publish=True)
    wrote, edited = _read_mark(release.body)
    if not wrote and not force:
        raise ReleaseNotOurs(
            f"the release {wanted.tag} was made by somebody else: {release.url}", hint=f"keep it, or {_FORCE}"
        )
    edited = wrote and edited and not force
    same = _normal(release.body) == _normal(body) and release.prerelease == wanted.prerelease
    delete, upload = _files(wanted, release, force=force)
    text = None if same or edited else body
    actions = ReleaseActions(False, text, delete, upload, release.draft, edited)
    if release.frozen and actions:
        raise ReleaseNotOurs(
            f"the release {wanted.tag} is immutable, and is not what would be published: {release.url}",
            hint="release another version; immutable releases are a setting of the repository",
        )
    return actions


def _files(
    wanted: WantedRelease, release: FoundRelease, *, force: bool
) -> tuple[tuple[Asset, ...], tuple[str, ...]]:
    """The files that go, and those that come. Files of other names stay."""
    existing = {asset.name: asset for asset in release.assets}
    delete, upload = [], []
    for name in wanted.files:
        asset = existing.get(name)
        if asset and asset.digest == wanted.digest(name):
            continue
        if asset and not asset.ours and not force:
            raise ReleaseNotOurs(
                f"the file {name} of the release {wanted.tag} was put there by somebody else: {release.url}",
                hint=f"rename or remove it there, or {_FORCE}",
            )
        upload.append(name)
        if asset:
            delete.append(asset)
    return tuple(delete), tuple(upload)


def _marked(text: str) -> str:
    text = _normal(text)
    return f"{text}\n\n<!-- lockage:{Digest.of(text.encode()).hex} -->\n"


def _read_mark(body: str) -> tuple[bool, bool]:
    """Whether we wrote a text, and whether somebody changed it since."""
    body = _normal(body)
    mark = _MARK.search(body)
    if mark is None:
        return False, False
    return True, Digest.of(body[: mark.start()].encode()).hex != mark[1]


def _normal(text: str) -> str:
    """A text as forms of web pages leave it, or as we wrote it, is the same."""
    return text.replace("\r\n", "\n").strip()
