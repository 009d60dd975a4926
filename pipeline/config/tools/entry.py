"""`tools:` of lockage.yml, and the addresses of scanners' data, as written."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from pipeline.model import Reference

from .. import shapes
from ..base import ImageReference, Model, Text
from .values import Tools


def default_image(text: str, description: str) -> Any:  # as pydantic's Field
    """A field for an image that is pinned by the lock."""
    return Field(default_factory=lambda: Reference.parse(text), description=f"{description} (default {text})")


def _listing(text: str) -> str:
    if not re.fullmatch(shapes.DATABASE_LISTING_PATTERN, text):
        raise ValueError(
            f"{text[:80]!r} is not the address of a listing, such as https://mirror.example/grype/v6/latest.json "
            "(plain http: of this machine only)"
        )
    return text


DatabaseListing = Annotated[Text, AfterValidator(_listing), WithJsonSchema(dict(shapes.DATABASE_LISTING))]


class ToolEntries(Model):
    """The images of the tools that build images and look at them; the lock has their digests."""

    buildkit: ImageReference = default_image("docker.io/moby/buildkit:v0.32.2", "Builds")
    hadolint: ImageReference = default_image("docker.io/hadolint/hadolint:v2.15.1", "Lints Dockerfiles")
    syft: ImageReference = default_image("docker.io/anchore/syft:v1.18.1", "Lists packages")
    trivy: ImageReference = default_image(
        "docker.io/aquasec/trivy:0.74.0", "Looks for vulnerabilities and secrets"
    )
    cosign: ImageReference = default_image(
        "ghcr.io/sigstore/cosign/cosign:v3.1.3",
        "The release whose signatures are written and read; no run starts it",
    )
    structure_test: ImageReference = Field(
        default_factory=lambda: Reference.parse("gcr.io/gcp-runtimes/container-structure-test:v1.22.1"),
        alias="structure-test",
        description="Runs structure tests (default gcr.io/gcp-runtimes/container-structure-test:v1.22.1)",
    )
    grype: ImageReference = default_image(
        "docker.io/anchore/grype:v0.121.3",
        "Looks for vulnerabilities where a policy has scanner: grype or both",
    )

    def value(self) -> Tools:
        """As the program uses it."""
        return Tools(
            self.buildkit,
            self.hadolint,
            self.syft,
            self.trivy,
            self.cosign,
            self.structure_test,
            self.grype,
        )
