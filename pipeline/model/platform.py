"""Platforms (OCI image-spec v1.1, image-index.md, "platform"; normalised as containerd does)."""

from __future__ import annotations

from dataclasses import dataclass

SUPPORTED = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/ppc64le", "linux/s390x")

_ARCH_ALIASES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm"}
_DEFAULT_VARIANT = {"arm64": "v8"}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """Operating system, architecture, and where it matters the variant (`linux/arm/v7`)."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read `amd64`, `linux/amd64` or `linux/arm/v7`; raises ValueError for what is not supported."""
        parts = text.strip().lower().split("/")
        if len(parts) == 1:
            parts = ["linux", *parts]
        os, arch, *rest = parts
        arch = _ARCH_ALIASES.get(arch, arch)
        variant = rest[0] if rest else None
        if arch == "arm" and variant is None:
            variant = "v7"
        if variant == _DEFAULT_VARIANT.get(arch):
            variant = None
        found = cls(os, arch, variant)
        if len(rest) > 1 or str(found) not in SUPPORTED:
            raise ValueError(f"unknown platform {text!r} (known: {', '.join(SUPPORTED)})")
        return found

    @property
    def slug(self) -> str:
        """For file names and ids: `linux-amd64`, `linux-arm-v7`."""
        return str(self).replace("/", "-")

    def __str__(self) -> str:
        text = f"{self.os}/{self.architecture}"
        return f"{text}/{self.variant}" if self.variant else text

    def to_oci(self) -> dict[str, str]:
        """The `platform` object of an index entry."""
        out = {"architecture": self.architecture, "os": self.os}
        if self.variant:
            out["variant"] = self.variant
        return out
