"""The configuration as plain frozen values, made from the validated files.

They are apart from the models so that a stored plan can be read without importing pydantic, which alone takes longer
than everything else that `lockage plan` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Literal, Self

from pipeline.model import COMMIT_TAGS, Fallbacks, Gates, Platform, Reference, Repository, TagTemplate
from pipeline.model.gates import PolicyDocuments
from pipeline.model.retention import Retention
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import (
    as_list,
    as_literal,
    as_object,
    as_optional_text,
    as_text,
    as_text_mapping,
    as_texts,
)

from .builder import Attestations, CacheEntry, Entitlement, SecretSource, SshSource
from .environments.values import Environment, Secondary
from .signing.values import Keyless, KmsKey
from .tools.values import GRYPE_DB, Tools

EMBEDDED = "embedded"
EMBEDDED_HOST = "localhost:5000"
"""The embedded registry's address, unless another program has the port."""
PULL_REQUEST_SUFFIX = "-pr"

_NO_ATTESTATIONS = Attestations()

Strategy = Literal["semver", "calver", "numeric", "lexical", "explicit"]


@dataclass(frozen=True)
class ChannelMetadata:
    """Where the artifact goes that has what each environment holds, and its type."""

    repository: str
    artifact_type: str = "application/vnd.lockage.metadata.v1+json"


@dataclass(frozen=True, slots=True)
class Project:
    """lockage.yml, complete."""

    project: str
    registry: str
    environments: tuple[Environment, ...]
    builds: str
    platforms: tuple[Platform, ...]
    bases: tuple[Reference, ...]
    tools: Tools
    vulnerability_db: Reference
    java_db: Reference
    policy: Gates
    source: str | None = None
    commit_tags: tuple[TagTemplate, ...] = COMMIT_TAGS
    arguments: Mapping[str, str] = field(default_factory=dict)  # of every image, below those of its own
    secrets: Mapping[str, SecretSource] = field(default_factory=dict)  # by id
    ssh: Mapping[str, SshSource] = field(default_factory=dict)  # by id
    entitlements: Mapping[str, tuple[Entitlement, ...]] = field(default_factory=dict)  # by image
    attestations: Attestations = _NO_ATTESTATIONS
    cache: tuple[CacheEntry, ...] = ()
    loosen: tuple[str, ...] = ()  # what gates: of an image may loosen
    trusted_records: tuple[str, ...] = ()  # files of public keys, relative to lockage.yml
    keyless: Keyless | None = None  # who signs images; None for a key
    kms: KmsKey | None = None  # the key that signs images; None for the key pair
    tag_signatures: bool = False  # signatures in cosign's older tag scheme, beside bundles
    release_to: tuple[str, ...] = ()  # environments that releases go to; none for the last
    retention: Retention | None = None
    metadata: ChannelMetadata | None = None
    grype_db: str = GRYPE_DB
    secondaries: tuple[Secondary, ...] = ()  # registries that environments are kept level in
    fallback: tuple[str, ...] = ()  # registries to read from where the project's own fails
    pull_request_suffix: str = PULL_REQUEST_SUFFIX

    def images(self, *, grype: bool) -> dict[str, Reference]:
        """The images of all tools and of the SBOM generator, by key; grype's only where it scans."""
        attestations = self.attestations
        generator = {"sbom-generator": attestations.generator} if attestations.sbom else {}
        tools = {name: image for name, image in self.tools.all().items() if grype or name != "grype"}
        return tools | generator

    def environment(self, name: str) -> Environment:
        """An environment by name; raises KeyError."""
        for environment in self.environments:
            if environment.name == name:
                return environment
        raise KeyError(name)

    def secondaries_of(self, environment: Environment) -> tuple[Environment, ...]:
        """The same environment in each secondary registry that is kept level with it."""
        return tuple(
            environment.at(s.registry) for s in self.secondaries if environment.name in s.environments
        )

    @property
    def places(self) -> tuple[Environment, ...]:
        """Every environment, then every one in a secondary registry: each has a ledger of its own."""
        return (*self.environments, *(s for e in self.environments for s in self.secondaries_of(e)))

    @property
    def releases(self) -> tuple[Environment, ...]:
        """Where releases go; nowhere where there is only the first environment."""
        named = tuple(self.environment(name) for name in self.release_to)
        return named or self.environments[1:][-1:]

    def repository(self, environment: Environment, image: str, *, embedded: str) -> Repository:
        """The repository of an image in an environment; `embedded` is the embedded registry's host."""
        return _below(environment.registry or self.registry, environment.path(image), embedded)

    def builds_repository(self, *, embedded: str) -> Repository:
        """The repository of builds, which maps keys to digests."""
        return _below(self.registry, self.builds, embedded)

    def fallbacks(self, *, embedded: str) -> Fallbacks:
        """Where to read what the project's registry cannot give."""
        return Fallbacks(embedded if self.registry == EMBEDDED else self.registry, self.fallback)

    def metadata_repository(self, metadata: ChannelMetadata, *, embedded: str) -> Repository:
        """Where the metadata of environments goes."""
        return _below(self.registry, metadata.repository, embedded)

    def to_json(self) -> dict[str, object]:
        """The project as data."""
        return {
            "project": self.project,
            "registry": self.registry,
            "environments": [environment.to_json() for environment in self.environments],
            **({"registries": registries} if (registries := self._registries_json()) else {}),
            "builds": self.builds,
            "platforms": [str(p) for p in self.platforms],
            "bases": [str(r) for r in self.bases],
            "tools": {name: str(ref) for name, ref in self.tools.all().items()},
            "vulnerability_db": str(self.vulnerability_db),
            "java_db": str(self.java_db),
            "policy": self.policy.to_json(),
            "source": self.source,
            "commit_tags": [_template_to_json(t) for t in self.commit_tags],
            "arguments": dict(self.arguments),
            "secrets": {name: source.to_json() for name, source in self.secrets.items()},
            "ssh": {name: source.to_json() for name, source in self.ssh.items()},
            "entitlements": {image: list(granted) for image, granted in self.entitlements.items()},
            "attestations": self.attestations.to_json(),
            "cache": [entry.to_json() for entry in self.cache],
            **({"loosen": list(self.loosen)} if self.loosen else {}),
            **({"trust": {"records": list(self.trusted_records)}} if self.trusted_records else {}),
            **({"sign": sign} if (sign := self._sign_json()) else {}),
            **({"release": {"to": list(self.release_to)}} if self.release_to else {}),
            **({"retention": self.retention.to_json()} if self.retention else {}),
            **({"metadata": asdict(self.metadata)} if self.metadata else {}),
            **({"grype_db": self.grype_db} if self.grype_db != GRYPE_DB else {}),
            **(
                {"pull_request_suffix": self.pull_request_suffix}
                if self.pull_request_suffix != PULL_REQUEST_SUFFIX
                else {}
            ),
        }

    def _registries_json(self) -> dict[str, object]:
        return {
            **({"secondaries": [one.to_json() for one in self.secondaries]} if self.secondaries else {}),
            **({"fallback": list(self.fallback)} if self.fallback else {}),
        }

    def _sign_json(self) -> dict[str, object]:
        keyless = {"keyless": self.keyless.to_json()} if self.keyless else {}
        kms = {"key": self.kms.reference, "public_key": self.kms.public_key} if self.kms else {}
        return keyless | kms | ({"signatures": ["bundle", "tag"]} if self.tag_signatures else {})

    @classmethod
    def from_json(cls, data: Mapping[str, object], documents: PolicyDocuments | None = None) -> Self:
        """Read what `to_json` wrote; `documents` are those of its policy. Raises ValueError and KeyError."""
        environments = (as_object(entry) for entry in as_list(data["environments"]))
        entitlements = as_object(data["entitlements"])
        registries = as_object(data.get("registries", {}))
        return cls(
            project=as_text(data["project"]),
            registry=as_text(data["registry"]),
            environments=tuple(map(Environment.from_json, environments)),
            builds=as_text(data["builds"]),
            platforms=tuple(map(Platform.parse, as_texts(data["platforms"]))),
            bases=tuple(map(Reference.parse, as_texts(data["bases"]))),
            tools=Tools.from_json(as_text_mapping(data["tools"])),
            vulnerability_db=Reference.parse(as_text(data["vulnerability_db"])),
            java_db=Reference.parse(as_text(data["java_db"])),
            policy=Gates.from_json(as_object(data["policy"]), documents),
            source=as_optional_text(data["source"]),
            commit_tags=tuple(map(_template, as_list(data["commit_tags"]))),
            arguments=as_text_mapping(data["arguments"]),
            secrets={
                name: SecretSource.from_json(as_object(source))
                for name, source in as_object(data["secrets"]).items()
            },
            ssh={
                name: SshSource.from_json(as_object(source))
                for name, source in as_object(data["ssh"]).items()
            },
            entitlements={image: tuple(map(_entitlement, as_list(e))) for image, e in entitlements.items()},
            attestations=Attestations.from_json(as_object(data["attestations"])),
            cache=tuple(CacheEntry.from_json(as_object(entry)) for entry in as_list(data["cache"])),
            loosen=as_texts(data.get("loosen", [])),
            trusted_records=as_texts(as_object(data.get("trust", {})).get("records", [])),
            keyless=_keyless(as_object(data.get("sign", {}))),
            kms=_kms(as_object(data.get("sign", {}))),
            tag_signatures="tag" in as_texts(as_object(data.get("sign", {})).get("signatures", [])),
            release_to=as_texts(as_object(data.get("release", {})).get("to", [])),
            retention=Retention.from_json(as_object(data["retention"])) if "retention" in data else None,
            metadata=ChannelMetadata(**as_text_mapping(data["metadata"])) if "metadata" in data else None,
            grype_db=as_text(data.get("grype_db", GRYPE_DB)),
            secondaries=tuple(
                Secondary.from_json(as_object(one)) for one in as_list(registries.get("secondaries", []))
            ),
            fallback=as_texts(registries.get("fallback", [])),
            pull_request_suffix=as_text(data.get("pull_request_suffix", PULL_REQUEST_SUFFIX)),
        )


def _below(registry: str, path: str, embedded: str) -> Repository:
    host, _, namespace = (embedded if registry == EMBEDDED else registry).partition("/")
    return Repository(host, f"{namespace}/{path}" if namespace else path)


def _template_to_json(template: TagTemplate) -> object:
    return {"tag": template.text, "branches": list(template.branches)} if template.branches else template.text


def _template(value: object) -> TagTemplate:
    if isinstance(value, str):
        return TagTemplate.parse(value)
    data = as_object(value)
    return TagTemplate.parse(as_text(data["tag"]), as_texts(data["branches"]))


def _entitlement(value: object) -> Entitlement:
    return as_literal(value, "network.host", "security.insecure")


def _keyless(sign: Mapping[str, object]) -> Keyless | None:
    return Keyless.from_json(as_object(sign["keyless"])) if "keyless" in sign else None


def _kms(sign: Mapping[str, object]) -> KmsKey | None:
    return KmsKey(as_text(sign["key"]), as_text(sign["public_key"])) if "key" in sign else None
