"""The names of a catalogue: from the cache while the files that define them are the same, else from the plan.

Reading them back takes milliseconds for 5,000 targets, where a plan from the cache takes a fifth of a second.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.catalogue.limits import MAX_DEPTH, MAX_FILES
from pipeline.errors import EnvironmentProblem, LockageError
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file
from pipeline.util.rooted import RootedFolder

if TYPE_CHECKING:
    from pipeline.plan import Plan

_FORMAT = 1
_KEEP = 32  # catalogues
_DEFINITIONS = (".yml", ".yaml")


@dataclass(frozen=True, slots=True)
class ImageNames:
    """An image's title, its tags and aliases with the tag that each one is, and the ids of its targets."""

    title: str
    tags: Mapping[str, str]
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Images by name, environments with their repositories, and platforms."""

    images: Mapping[str, ImageNames]
    environments: Mapping[str, str]
    platforms: tuple[str, ...]

    @classmethod
    def of(cls, plan: Plan) -> Names:
        """The names of a plan of a whole catalogue."""
        titles: dict[str, str] = {}
        tags: dict[str, dict[str, str]] = {}
        ids: dict[str, list[str]] = {}
        for target in plan.targets:
            titles.setdefault(target.image, target.title or "")
            tags.setdefault(target.image, {}).update(dict.fromkeys((target.tag, *target.tags), target.tag))
            ids.setdefault(target.image, []).append(target.id)
        return cls(
            images={i: ImageNames(titles[i], tags[i], tuple(ids[i])) for i in sorted(titles)},
            environments={e.name: e.repository for e in plan.project.environments},
            platforms=tuple(sorted({str(target.platform) for target in plan.targets})),
        )

    def targets(self, begun: str) -> Iterator[tuple[str, str]]:
        """Names of targets that continue a text: images, the tags of an image that is named, ids after a slash."""
        name, slash, _ = begun.partition("/")
        if slash:
            image = self.images.get(name)
            yield from ((identity, "") for identity in (image.ids if image else ()))
            return
        near = [image for image in self.images if image.startswith(begun)] if begun else []
        name = near[0] if len(near) == 1 else begun.partition(":")[0]
        if ":" not in begun:
            yield from ((image, names.title) for image, names in self.images.items())
        if name in self.images:
            for tag, of in self.images[name].tags.items():
                yield f"{name}:{tag}", "" if tag == of else f"alias of {of}"


def names_in(root: Path) -> Names | None:
    """The names of the catalogue in a folder; None without one, and for one that has problems."""
    from pipeline.lab.settings import LabSettings

    try:
        cache = LabSettings.from_env(os.environ).cache
        state = _state(root)
        kept = cache / "names" / f"{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:40]}.json"
        return _read(kept, state) or _planned(root, cache, kept, state)
    except (LockageError, OSError):
        return None


def _planned(root: Path, cache: Path, kept: Path, state: str) -> Names:
    """The names by the plan, which commands and this one keep in the same cache. Raises LockageError."""
    from pipeline.catalogue import read_source
    from pipeline.plan import plan_of

    from ..instance.lock_file import known_lock

    names = Names.of(plan_of(read_source(root), cache=cache, lock=known_lock(root).read()))
    _write(kept, json.dumps({"format": _FORMAT, "state": state, "names": asdict(names)}))
    return names


def _read(kept: Path, state: str) -> Names | None:
    try:
        stored = json.loads(read_file(kept))
        if stored["format"] != _FORMAT or stored["state"] != state:
            return None
        names = stored["names"]
        images = {
            name: ImageNames(i["title"], i["tags"], tuple(i["ids"])) for name, i in names["images"].items()
        }
        return Names(images, names["environments"], tuple(names["platforms"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(kept: Path, text: str) -> None:
    from pipeline.util.private_folder import private_folder

    with suppress(OSError, EnvironmentProblem):
        private_folder(kept.parent)
        with RootedFolder.at(kept.parent) as folder:
            folder.replace(kept.name, text.encode(), mode=0o600)
            stored = sorted((info.st_mtime_ns, name) for name, info in folder.entries().items())
            for _, old in stored[:-_KEEP]:
                folder.remove(old)


def _state(root: Path) -> str:
    """A hash over names, sizes and times of the files that define names: lockage.yml, and YAML in all folders that may
    be an image, a version or a variant. Raises OSError for a folder without a catalogue."""
    digest, count = hashlib.sha256(), 0

    def add(path: str, info: os.stat_result) -> None:
        digest.update(os.fsencode(f"{path}\n{info.st_mode} {info.st_size} {info.st_mtime_ns}\n"))

    def walk(folder: RootedFolder, path: str, depth: int) -> None:
        nonlocal count
        entries = folder.entries()
        count += len(entries)
        if count > MAX_FILES or depth > MAX_DEPTH:
            raise OSError(f"{path}: too many files")
        for name, info in entries.items():
            if not stat.S_ISDIR(info.st_mode):
                if name.endswith(_DEFINITIONS):
                    add(f"{path}/{name}", info)
            elif name != "rootfs" and name[0] not in "_.":
                digest.update(os.fsencode(f"{path}/{name}\n"))
                with folder.below(name) as inner:
                    walk(inner, f"{path}/{name}", depth + 1)

    with RootedFolder.at(root) as folder:
        project = folder.stat("lockage.yml")
        if project is None:
            raise FileNotFoundError(str(root / "lockage.yml"))
        add("", project)
        with folder.below("images") as images:
            walk(images, "", 1)
    return digest.hexdigest()
