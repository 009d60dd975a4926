"""What changed from one image to another: packages, findings, licences, layers, configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from pipeline.model.manifest import load_json
from pipeline.policy import Finding
from pipeline.policy.packages import Package
from pipeline.util.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ComparedLayer:
    """One layer: its digest, its compressed size in bytes, and what made it."""

    digest: str
    size: int
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class ImageState:
    """One image of one platform. `packages` and `findings` are None where none are attested; `unverified` names what is
    attested and not signed by the key."""

    reference: str
    platform: str
    layers: tuple[ComparedLayer, ...]
    configuration: Mapping[str, object]
    packages: tuple[Package, ...] | None = None
    findings: tuple[Finding, ...] | None = None
    unverified: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The compressed size of all layers."""
        return sum(layer.size for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs; empty on the side that does not have it."""

    name: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class ImageDifference:
    """All changes from one image to another. None where a side has no bill of materials or no findings."""

    before: ImageState
    after: ImageState
    packages: tuple[Change, ...] | None
    licenses: tuple[Change, ...] | None
    opened: tuple[Finding, ...] | None
    closed: tuple[Finding, ...] | None
    added: tuple[ComparedLayer, ...]
    removed: tuple[ComparedLayer, ...]
    configuration: tuple[Change, ...]


def difference(before: ImageState, after: ImageState) -> ImageDifference:
    """The changes from one image to another; each list by name, findings worst first."""
    packages = licenses = None
    if before.packages is not None and after.packages is not None:
        packages = _changes(_versions(before.packages), _versions(after.packages))
        licenses = _changes(_licensed(before.packages), _licensed(after.packages))
    opened = closed = None
    if before.findings is not None and after.findings is not None:
        opened = _only_in(after.findings, before.findings)
        closed = _only_in(before.findings, after.findings)
    old, new = ({layer.digest for layer in side.layers} for side in (before, after))
    return ImageDifference(
        before,
        after,
        packages,
        licenses,
        opened,
        closed,
        tuple(layer for layer in after.layers if layer.digest not in old),
        tuple(layer for layer in before.layers if layer.digest not in new),
        _changes(_settings(before.configuration), _settings(after.configuration)),
    )


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    names = sorted({*before, *after})
    changes = (Change(name, before.get(name, ""), after.get(name, "")) for name in names)
    return tuple(change for change in changes if change.before != change.after)


def _versions(packages: Iterable[Package]) -> dict[str, str]:
    """The versions of each package: an image may have several."""
    versions_of: dict[str, list[str]] = {}
    for package in packages:
        name = f"{package.ecosystem}/{package.name}" if package.ecosystem else package.name
        versions_of.setdefault(name, []).append(package.version or "?")
    return {name: ", ".join(dict.fromkeys(versions)) for name, versions in versions_of.items()}


def _licensed(packages: Iterable[Package]) -> dict[str, str]:
    """How many packages have each licence."""
    counts: dict[str, int] = {}
    for package in packages:
        for license in package.licenses:
            counts[license] = counts.get(license, 0) + 1
    return {license: f"{number} package{'' if number == 1 else 's'}" for license, number in counts.items()}


def _only_in(some: Iterable[Finding], others: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by id and package: another version of the package is the same finding."""
    known = {(finding.id, finding.package) for finding in others}
    only = (finding for finding in some if (finding.id, finding.package) not in known)
    return tuple(sorted(only, key=lambda f: (-f.severity.rank, f.id, f.package)))


def _settings(configuration: Mapping[str, object]) -> dict[str, str]:
    """A configuration as names and values: each variable and label by itself."""
    settings: dict[str, str] = {}
    for key, value in configuration.items():
        if key == "Env" and isinstance(value, list):
            for entry in value:
                name, _, text = str(entry).partition("=")
                settings[f"Env {name}"] = text
        elif isinstance(value, dict):
            settings |= {f"{key} {name}": _text(entry) for name, entry in value.items()}
        elif value not in (None, "", [], False):
            settings[key] = _text(value)
    return settings


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def difference_data(image: ImageDifference) -> dict[str, object]:
    """A difference as data."""

    def changes(part: tuple[Change, ...] | None) -> object:
        if part is None:
            return None
        return [{"name": c.name, "before": c.before or None, "after": c.after or None} for c in part]

    def findings(part: tuple[Finding, ...] | None) -> object:
        if part is None:
            return None
        return [
            {
                "id": f.id,
                "severity": str(f.severity),
                "package": f.package,
                "installed": f.version,
                "fixed": f.fixed or None,
                "title": f.title,
            }
            for f in part
        ]

    def side(state: ImageState) -> object:
        return {"reference": state.reference, "size": state.size, "unverified": list(state.unverified)}

    def layers(part: tuple[ComparedLayer, ...]) -> object:
        return [
            {"digest": layer.digest, "size": layer.size, "created_by": layer.created_by} for layer in part
        ]

    return {
        "platform": image.after.platform,
        "before": side(image.before),
        "after": side(image.after),
        "packages": changes(image.packages),
        "findings": {"opened": findings(image.opened), "closed": findings(image.closed)},
        "licenses": changes(image.licenses),
        "layers": {"added": layers(image.added), "removed": layers(image.removed)},
        "configuration": changes(image.configuration),
    }


def configuration_of(raw: bytes) -> Mapping[str, object]:
    """What an image's configuration sets for its containers (OCI image-spec v1.1). Raises ValueError."""
    data: object = load_json(raw)
    if not isinstance(data, dict):
        raise ValueError("the configuration of an image is no object")
    settings = data.get("config")
    return settings if isinstance(settings, dict) else {}
