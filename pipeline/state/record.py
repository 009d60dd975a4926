"""A record: what is known of the image that was built for a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.model import Descriptor, Digest, Manifest
from pipeline.model.build_warning import BuildWarning
from pipeline.policy import Evidence
from pipeline.policy.scanners.signed_scanners import data_key
from pipeline.policy.tags import DIRTY
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_list, as_object, as_text, parse_json


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a key.

    `tests` is the digest of the structure tests that were run, `attested` that of the vulnerability data whose findings
    are signed; each is None before that. `documents` are the tools' reports by format, blobs of the repository of
    builds.
    """

    key: str
    digest: Digest
    evidence: Evidence
    tests: Digest | None = None
    revision: str = ""
    attested: Digest | None = None
    documents: Mapping[str, Descriptor] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    attestations: tuple[Descriptor, ...] = ()  # by BuildKit: manifests of the repository of builds
    warnings: tuple[BuildWarning, ...] = ()  # of BuildKit's build checks

    @classmethod
    def unexamined(cls, key: str, manifest: Manifest, revision: str = "") -> Record:
        """The record of an image of which only the manifest is known."""
        return cls(key, manifest.digest, Evidence(_image_size(manifest)), revision=revision)

    @property
    def is_dirty(self) -> bool:
        """Whether the image was built from a work tree with changes, which its labels say."""
        return self.revision.endswith(DIRTY)

    @property
    def findings(self) -> Digest | None:
        """The digest of the vulnerability data that the findings are based on; None before a scan."""
        scan = self.evidence.scan
        try:
            return data_key(scan.scanners) if scan else None
        except ValueError:
            return None

    def to_bytes(self) -> bytes:
        """The layer: canonical JSON, so that equal records are equal bytes."""
        return compact(self.to_json())

    @classmethod
    def from_bytes(cls, raw: bytes, documents: Mapping[str, Descriptor]) -> Record:
        """Read a layer. Raises ValueError for anything else."""
        return cls.from_json(parse_json(raw), documents)

    def to_stored(self) -> dict[str, object]:
        """The record as data, with its documents: what is signed and stored."""
        documents = {kind: document.to_oci() for kind, document in sorted(self.documents.items())}
        return {**self.to_json(), "documents": documents}

    @classmethod
    def from_stored(cls, data: object) -> Record:
        """Read what `to_stored` wrote. Raises ValueError for anything else."""
        try:
            layers = as_object(as_object(data)["documents"])
        except KeyError as fault:
            raise ValueError(f"not a record: {fault!r}") from None
        return cls.from_json(data, {kind: Descriptor.from_oci(layer) for kind, layer in layers.items()})

    def to_json(self) -> dict[str, object]:
        """The record as data, without its documents."""
        return {
            "format_version": 1,
            "key": self.key,
            "digest": str(self.digest),
            "evidence": self.evidence.to_json(),
            "tests": digest_text(self.tests),
            "revision": self.revision,
            "attested": digest_text(self.attested),
            **({"attestations": [a.to_oci() for a in self.attestations]} if self.attestations else {}),
            **({"warnings": [w.to_json() for w in self.warnings]} if self.warnings else {}),
        }

    @classmethod
    def from_json(cls, data: object, documents: Mapping[str, Descriptor]) -> Record:
        """Read what `to_json` wrote. Raises ValueError for anything else."""
        fields = as_object(data)
        if fields.get("format_version") != 1:
            raise ValueError(f"record format {fields.get('format_version')!r}")
        try:
            return cls(
                as_text(fields["key"]),
                Digest(as_text(fields["digest"])),
                Evidence.from_json(as_object(fields["evidence"])),
                digest_of_text(as_text(fields.get("tests", ""))),
                as_text(fields.get("revision", "")),
                digest_of_text(as_text(fields.get("attested", ""))),
                documents,
                tuple(Descriptor.from_oci(a) for a in as_list(fields.get("attestations", []))),
                tuple(BuildWarning.from_json(as_object(w)) for w in as_list(fields.get("warnings", []))),
            )
        except (KeyError, TypeError) as fault:
            raise ValueError(f"not a record: {fault!r}") from None


def digest_text(digest: Digest | None) -> str:
    """A digest as stored formats have it: empty for None."""
    return str(digest) if digest else ""


def digest_of_text(text: str) -> Digest | None:
    """A digest from a stored format: None for an empty text. Raises ValueError for anything but a digest."""
    return Digest(text) if text else None


def _image_size(manifest: Manifest) -> int:
    """The bytes of an image of one platform in a registry: its configuration and its layers."""
    return sum(blob.size for blob in (manifest.config, *manifest.layers) if blob)
