"""Named contexts: replacements for an image or a stage of a Dockerfile, like `--build-context` of buildx."""

from __future__ import annotations

from typing import Literal

from pipeline.model import Reference
from pipeline.util.dataclass import dataclass

from .rootfs import RootfsEntry

IMAGE = "docker-image://"
FOLDER = "./"


@dataclass(frozen=True, slots=True)
class NamedContext:
    """One named context of a target. `source` is as in image.yml; an image has `reference` (pinned if locked) or
    `target_id`, a folder its `entries`."""

    name: str
    kind: Literal["image", "url", "folder"]
    source: str
    reference: Reference | None = None
    target_id: str | None = None
    entries: tuple[RootfsEntry, ...] = ()

    @property
    def image(self) -> str:
        """The image, as in image.yml."""
        return self.source.removeprefix(IMAGE)

    @property
    def url(self) -> str | None:
        """The address that BuildKit fetches."""
        return self.source if self.kind == "url" else None

    @property
    def path(self) -> str:
        """The folder below dist/<name>/<tag>/: `contexts/<name>`, with / and : of the name as %2F and %3A."""
        return f"contexts/{self.name.replace('/', '%2F').replace(':', '%3A')}"

    def to_json(self) -> dict[str, object]:
        """The context as data, without its entries."""
        out: dict[str, object] = {"name": self.name, "kind": self.kind, "source": self.source}
        if self.target_id:
            out["target"] = self.target_id
        if self.reference:
            out["reference"] = str(self.reference)
        return out


def kind_of(source: str) -> Literal["image", "url", "folder"]:
    """The kind of a validated source."""
    if source.startswith(IMAGE):
        return "image"
    return "folder" if source.startswith(FOLDER) else "url"
