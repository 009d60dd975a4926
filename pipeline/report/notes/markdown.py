"""Release notes as Markdown, for a release of GitHub or GitLab."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from ..counts import plural
from ..difference_text import difference_markdown
from ..escape import markdown
from .commits import grouped
from .install import KEY_FILE, verify_options
from .values import ReleasedImage, ReleaseNotes

_COMMITS = 200
"""Commits that are listed; the others are counted."""


def notes_markdown(notes: ReleaseNotes) -> str:
    """All sections: images, changes, packages and findings, verification, installation."""
    return "\n".join(
        [*_head(notes), *_images(notes), *_changes(notes), *_differences(notes), *_verify(notes)]
    )


def _head(notes: ReleaseNotes) -> Iterator[str]:
    yield f"# {markdown(notes.project)} {markdown(notes.version)}\n"
    yield f"Built from commit `{notes.commit}`; every digest below is the one that was tested.\n"


def _images(notes: ReleaseNotes) -> Iterator[str]:
    yield "## Images\n"
    yield "| image | tags | platform | digest |\n|---|---|---|---|"
    for image in notes.images:
        tags = ", ".join(f"`{tag}`" for tag in image.tags)
        yield f"| {markdown(image.name)} | {tags} | all | `{image.digest}` |"
        for platform, digest in image.platforms.items():
            yield f"| | | {markdown(str(platform))} | `{digest}` |"
    yield ""
    yield "```sh"
    for image in notes.images:
        for repository in image.repositories:
            yield f"docker pull {repository.tagged(image.tags[0])}@{image.digest}"
    yield "```\n"


def _changes(notes: ReleaseNotes) -> Iterator[str]:
    if not notes.before:
        yield "## Changes\n\nThis is the first release.\n"
        return
    yield f"## Changes since {markdown(notes.before)}\n"
    if not notes.commits:
        yield "No commit.\n"
    shown = notes.commits[:_COMMITS]
    for heading, commits in grouped(shown):
        yield f"### {heading}\n"
        yield from (f"- {markdown(text)} (`{commit.id[:12]}`)" for commit, text in commits)
        yield ""
    if len(notes.commits) > len(shown):
        yield f"And {plural(len(notes.commits) - len(shown), 'commit')} more.\n"


def _differences(notes: ReleaseNotes) -> Iterator[str]:
    pairs = [(image, difference) for image in notes.images for difference in image.differences]
    if not pairs:
        return
    yield f"## Packages and findings since {markdown(notes.before)}\n"
    for image, difference in pairs:
        yield f"### {markdown(image.name)}\n"
        yield difference_markdown(difference).replace("## ", "#### ", 1)


def _verify(notes: ReleaseNotes) -> Iterator[str]:
    yield "## Verify\n"
    signer = notes.signer
    if signer.key:
        yield f"Images are signed with the key in `{KEY_FILE}`; ask its owner for it by another way than this page.\n"
    else:
        yield f"Images are signed by {markdown(signer.name)}.\n"
    yield "```sh"
    for image in notes.images:
        yield f"cosign verify {verify_options(signer)} -a {quote(f'tag={image.tags[0]}')} {_reference(image)}"
    first = _reference(notes.images[0])
    for kind, what in (("cyclonedx", "packages"), ("slsaprovenance1", "how it was built")):
        yield f"cosign verify-attestation --type {kind} {verify_options(signer)} {first}   # {what}"
    ours = f"--key {KEY_FILE}" if signer.key else verify_options(signer)
    yield f"lockage verify {ours} {' '.join(map(_reference, notes.images))}   # the same without cosign"
    yield "```\n"
    yield "## Install\n"
    yield "`sh install.sh` verifies every image, then pulls it by digest.\n"


def _reference(image: ReleasedImage) -> str:
    return str(image.repositories[0].at(image.digest))
