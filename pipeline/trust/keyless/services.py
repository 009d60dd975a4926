"""One Sigstore: where it signs (SigningConfig v0.2), and what verifies it (TrustedRoot v0.1), as files in JSON."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipeline.errors import ConfigError, Problem
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_object, parse_json

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig

_CONFIG = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_NO_SERVICES = {"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}
PUBLIC = "trusted_root.json"
"""The public Sigstore's root, as the library brings it along."""
_REPOSITORY = quote("https://tuf-repo-cdn.sigstore.dev", safe="")


@dataclass(frozen=True, slots=True)
class TrustFile:
    """The content of a file, and its name in messages."""

    raw: bytes
    origin: str


@dataclass(frozen=True, slots=True)
class Services:
    """A Sigstore; `signing` is None where nothing is signed."""

    root: TrustFile
    signing: TrustFile | None = None

    def trusted_root(self) -> Mapping[str, Any]:
        """The root as data. Raises ConfigError for a file that is none."""
        self.library()
        return _json(self.root)

    def unusable(self, reason: str) -> ConfigError:
        """The error for a root that cannot be used."""
        return _unusable(self.root, reason)

    def library(self, root: Mapping[str, Any] | None = None) -> ClientTrustConfig:
        """As the library takes it, with this root instead of its own. Raises ConfigError for files that are something
        else."""
        from sigstore.errors import Error
        from sigstore.models import ClientTrustConfig

        data = {
            "mediaType": _CONFIG,
            "trustedRoot": _json(self.root) if root is None else root,
            "signingConfig": _json(self.signing) if self.signing else _NO_SERVICES,
        }
        try:
            config = ClientTrustConfig.from_json(json.dumps(data))
            _ = config.trusted_root
        except (ValueError, Error) as fault:
            raise _unusable(self.root, _first_line(fault)) from None
        try:
            if self.signing:
                _ = config.signing_config
        except (ValueError, Error) as fault:
            raise _unusable(self.signing or self.root, _first_line(fault)) from None
        return config


def read_services(
    root: TrustFile | None, signing: TrustFile | None = None, *, signs: bool = False
) -> Services:
    """The Sigstore of these files; without them the public one, as it was when the library was released."""
    if root is None:
        root = _public(PUBLIC)
        signing = _public("signing_config.v0.2.json") if signs else None
    return Services(root, signing)


def stored(name: str) -> bytes:
    """A file of the public Sigstore's, as it was when the library was released."""
    raw = pkgutil.get_data("sigstore", f"_store/{_REPOSITORY}/{name}")
    assert raw, "the library brings it along"
    return raw


def _public(name: str) -> TrustFile:
    return TrustFile(stored(name), f"the public Sigstore's {name}")


def _json(file: TrustFile) -> dict[str, Any]:
    try:
        return as_object(parse_json(file.raw))
    except ValueError as fault:
        raise _unusable(file, str(fault)) from None


def _unusable(file: TrustFile, reason: str) -> ConfigError:
    hint = "`cosign trusted-root create` and `cosign signing-config create` write these files"
    return ConfigError([Problem(file.origin, 0, 0, "", reason, hint)])


def _first_line(fault: Exception) -> str:
    return " ".join(str(fault).split())[:300]
