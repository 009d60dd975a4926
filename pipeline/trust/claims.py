"""What a signature says it is for: image, tags, platform and commit, in the place where `cosign sign -a` puts them.

Cosign 3 keeps annotations with the subject of the signed statement; `cosign verify -a tag=1.2.3` reads them there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.model import Platform, Reference
from pipeline.util.dataclass import dataclass

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_VERSION = re.compile(r"v?[0-9]")
_REQUIRED = ("image", "repository", "tag", "tags", "platform", "commit")
_OPTIONAL = ("key", "provenance")
ATTESTED = "attested"


@dataclass(frozen=True, slots=True)
class Claims:
    """What one signature is for.

    `image` is the image's name in the catalogue, `repository` its path in the first environment, without the host.
    `tags` are all tags of the image tag, its own `tag` among them. `platform` lists those of an index. `commit` is
    where it was signed first. `key` is the hash of everything that it was built from, empty where that is not known: it
    stays the same as long as commits do not change the image. `provenance` is `attested` where the signer attested how
    it was built, so that nobody can take that away unnoticed.
    """

    image: str
    repository: str
    tag: str
    tags: tuple[str, ...]
    platform: str
    commit: str
    key: str = ""
    provenance: str = ""

    def annotations(self) -> dict[str, str]:
        """The claims as annotations of the signed subject."""
        claims = {name: getattr(self, name) for name in _REQUIRED} | {"tags": " ".join(self.tags)}
        return claims | {name: value for name in _OPTIONAL if (value := getattr(self, name))}

    @classmethod
    def of(cls, annotations: Mapping[str, Any]) -> Claims | None:
        """The claims in a subject's annotations; None unless all are there."""
        values = [annotations.get(name) for name in _REQUIRED]
        if not all(isinstance(value, str) for value in values):
            return None
        image, repository, tag, tags, platform, commit = values
        key, provenance = (annotations.get(name) for name in _OPTIONAL)
        return cls(
            str(image),
            str(repository),
            str(tag),
            tuple(str(tags).split(" ")),
            str(platform),
            str(commit),
            key if isinstance(key, str) else "",
            provenance if isinstance(provenance, str) else "",
        )

    def unmet(self, wanted: Claims) -> tuple[str, ...]:
        """What is wanted and not claimed. An empty commit stands for any; another one does when the key is the same."""
        same = [
            f"{name} {getattr(self, name)}, not {getattr(wanted, name)}"
            for name in ("image", "repository", "tag", "platform")
            if getattr(self, name) != getattr(wanted, name)
        ]
        unnamed = [tag for tag in wanted.tags if tag not in self.tags]
        if unnamed and not any(problem.startswith("tag ") for problem in same):
            same.append(f"tags {', '.join(self.tags)}, not {', '.join(unnamed)}")
        if not self._of_commit(wanted):
            other = "with other inputs" if self.commit == wanted.commit else f"not {wanted.commit}"
            same.append(f"commit {self.commit}, {other}")
        if wanted.provenance and self.provenance != wanted.provenance:
            same.append(f"provenance {self.provenance or 'none'}, not {wanted.provenance}")
        return tuple(same)

    def _of_commit(self, wanted: Claims) -> bool:
        """Whether it is of a commit: signed for it, or built from what that commit builds. `local` and modified work
        trees are no commits, so that there the inputs decide where they are known."""
        if not wanted.commit or (wanted.key and self.key == wanted.key):
            return True
        return self.commit == wanted.commit and (bool(_COMMIT.fullmatch(self.commit)) or not wanted.key)

    def unmet_by(self, reference: Reference) -> tuple[str, ...]:
        """Which claims do not hold for a reference, as far as its names tell.

        The repository has to bear the image's name. A tag that begins like a version has to be one of its tags or to
        hold its own; others (`latest`, `ci-<commit>`) may have been given later.
        """
        problems = []
        if not _bears(reference.repository.path, self.image):
            problems.append(f"image {self.image}, not {reference.repository.path}")
        tag = reference.tag or ""
        if _VERSION.match(tag) and tag not in self.tags and not _bears(tag, self.tag):
            problems.append(f"tags {', '.join(self.tags)}, not {tag}")
        return tuple(problems)


def listed(platforms: Iterable[Platform]) -> str:
    """The platforms of an index as one claim. (Cosign's `-a` takes a comma for the end of an annotation.)"""
    return " ".join(map(str, sorted(platforms)))


def joined_key(keys: Sequence[str]) -> str:
    """The key of an index of these platforms' keys, in the order of the platforms; empty if one is not known."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest() if keys and all(keys) else ""


def _bears(text: str, name: str) -> bool:
    return re.search(rf"(?:^|[^A-Za-z0-9]){re.escape(name)}(?:$|[^A-Za-z0-9])", text) is not None
