"""Platforms (OCI image-spec v1.1, image-index.md, "platform"; normalised as containerd does)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.util.dataclass import dataclass

SUPPORTED = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/ppc64le", "linux/s390x")

ANY_PLATFORM = (
    "(?:(linux|windows|freebsd)/)?(386|arm|mips64le|mips64|ppc64|riscv64|loong64|amd64|arm64)(?:/(v[0-9]+))?"
)
_ANY = re.compile(ANY_PLATFORM)
_ALIASES = {
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "i386": ("386", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
"""Other names of architectures, and the variants that they imply."""
_VARIANTS: Mapping[str, Mapping[str | None, str | None]] = {
    "amd64": {"v1": None},
    "arm64": {"v8": None, "v8.0": None, "8": None},
    "arm": {None: "v7", "7": "v7", "5": "v5", "6": "v6", "8": "v8"},
}
"""Other spellings of variants; None is the default."""
_DEFAULT_VARIANT = {"arm64": "v8"}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """Operating system, architecture, and the variant if it is not the default (`linux/arm/v7`)."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read `amd64`, `linux/amd64` or `linux/arm/v7`; raises ValueError if it is not supported."""
        parts = text.strip().lower().split("/")
        if len(parts) == 1:
            parts = ["linux", *parts]
        os, arch, *rest = parts
        platform = cls(os, arch, rest[0] if rest else None).normalized
        if len(rest) > 1 or platform.variant == "" or str(platform) not in SUPPORTED:
            raise ValueError(f"unknown platform {text!r} (known: {', '.join(SUPPORTED)})")
        return platform

    @classmethod
    def parse_any(cls, text: str) -> Platform:
        """Read any platform that an external image may have, such as linux/386; raises ValueError."""
        try:
            return cls.parse(text)
        except ValueError:
            match = _ANY.fullmatch(text.strip().lower())
            if match is None:
                raise
        return cls(match[1] or "linux", match[2], match[3]).normalized

    @property
    def normalized(self) -> Platform:
        """As it is meant where an index or a configuration writes it otherwise: `linux/arm` is `linux/arm/v7`, and
        `linux/aarch64` is `linux/arm64`, as containerd has it."""
        arch, variant = self.architecture.lower(), self.variant.lower() if self.variant else self.variant
        arch, implied = _ALIASES.get(arch, (arch, None))
        variant = implied or variant
        return Platform(self.os.lower(), arch, _VARIANTS.get(arch, {}).get(variant, variant))

    @property
    def slug(self) -> str:
        """For file names and ids: `linux-amd64`, `linux-arm-v7`."""
        return str(self).replace("/", "-")

    def __str__(self) -> str:
        text = f"{self.os}/{self.architecture}"
        return f"{text}/{self.variant}" if self.variant else text

    def to_oci(self) -> dict[str, str]:
        """The `platform` object of an index entry: what the image's configuration says, so arm64 without v8."""
        data = {"architecture": self.architecture, "os": self.os}
        if self.variant:
            data["variant"] = self.variant
        return data
