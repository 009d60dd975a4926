"""Platforms (OCI image-spec v1.1, image-index.md, "platform"; normalised as containerd does)."""

from __future__ import annotations

import re

from pipeline.util.dataclass import dataclass

SUPPORTED = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/ppc64le", "linux/s390x")

ANY_PLATFORM = (
    "(?:(linux|windows|freebsd)/)?(386|arm|mips64le|mips64|ppc64|riscv64|loong64|amd64|arm64)(?:/(v[0-9]+))?"
)
_ANY = re.compile(ANY_PLATFORM)
_ARCH_ALIASES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm"}
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
        arch = _ARCH_ALIASES.get(arch, arch)
        variant = rest[0] if rest else None
        if arch == "arm" and variant is None:
            variant = "v7"
        if variant == _DEFAULT_VARIANT.get(arch):
            variant = None
        platform = cls(os, arch, variant)
        if len(rest) > 1 or variant == "" or str(platform) not in SUPPORTED:
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
        os, arch, variant = match[1] or "linux", match[2], match[3]
        return cls(os, arch, None if variant == _DEFAULT_VARIANT.get(arch) else variant)

    @property
    def normalized(self) -> Platform:
        """With the variant that is meant where an index names none: `linux/arm` is `linux/arm/v7`, as containerd has
        it."""
        if self.architecture == "arm" and self.variant is None:
            return Platform(self.os, self.architecture, "v7")
        return self

    @property
    def slug(self) -> str:
        """For file names and ids: `linux-amd64`, `linux-arm-v7`."""
        return str(self).replace("/", "-")

    def __str__(self) -> str:
        text = f"{self.os}/{self.architecture}"
        return f"{text}/{self.variant}" if self.variant else text

    def to_oci(self) -> dict[str, str]:
        """The `platform` object of an index entry; `linux/arm64` has the variant v8 ("Platform Variants")."""
        data = {"architecture": self.architecture, "os": self.os}
        if variant := self.variant or _DEFAULT_VARIANT.get(self.architecture):
            data["variant"] = variant
        return data
