"""`sign:` as it is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.model.verification.identity import Identity, Pattern

from ..base import Model, Text
from ..build import EnvironmentName, Given
from ..builder import SecretSource
from .values import Keyless, KmsKey

_KMS = re.compile(r"(?:awskms|gcpkms|azurekms|hashivault|openbao)://[A-Za-z0-9_./:@+=-]{1,1024}")


def _file(text: str) -> str:
    parts = text.split("/")
    if not text or text.startswith("/") or "\\" in text or {"", ".", ".."} & set(parts):
        raise ValueError(
            f"{text[:80]!r} must be a path below lockage.yml, such as sigstore/trusted-root.json"
        )
    return text


def _checked(*, regexp: bool) -> Callable[[str], str]:
    def check(text: str) -> str:
        return Pattern(text, regexp=regexp).text

    return check


File = Annotated[Text, AfterValidator(_file)]
Exact = Annotated[Text, AfterValidator(_checked(regexp=False))]
Regexp = Annotated[Text, AfterValidator(_checked(regexp=True))]


def _kms(text: str) -> str:
    if not _KMS.fullmatch(text):
        raise ValueError(
            f"{text[:80]!r} is no key of a service: awskms://, gcpkms://, azurekms:// or hashivault://, as cosign "
            "writes them; a key pair comes from COSIGN_PRIVATE_KEY"
        )
    return text


KmsReference = Annotated[Text, AfterValidator(_kms)]


class TokenEntry(Model):
    """Where the identity token is, if not where the CI puts it."""

    env: EnvironmentName | None = Field(None, description="The environment variable that holds it")
    file: Given | None = Field(
        None, description="The file that holds it, below lockage.yml's folder or absolute"
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("exactly one of env, file is expected")
        return self

    def value(self) -> SecretSource:
        """As the program uses it."""
        return SecretSource("env", self.env) if self.env else SecretSource("file", self.file or "")


class KeylessEntry(Model):
    """Signing by an identity of the CI, with a certificate of Sigstore's for each run."""

    identity: Exact | None = Field(
        None,
        description="The certificate's subject: the address of the workflow that signs, such as "
        "https://github.com/acme/images/.github/workflows/images.yml@refs/heads/main",
    )
    identity_regexp: Regexp | None = Field(
        None, description="The same as a regular expression of RE2, anchored: ^…$"
    )
    issuer: Exact = Field(
        description="The issuer of the identity token, such as https://token.actions.githubusercontent.com"
    )
    token: TokenEntry | None = Field(
        None, description="Where the identity token is (default: GitHub's job token, or SIGSTORE_ID_TOKEN)"
    )
    signing_config: File | None = Field(
        None,
        description="File with the addresses of Fulcio, timestamp authority and Rekor: a SigningConfig v0.2 "
        "(default: the public Sigstore's)",
    )
    trusted_root: File | None = Field(
        None,
        description="File with the certificates and keys that verify what they sign: a TrustedRoot "
        "(default: the public Sigstore's)",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.identity is None) == (self.identity_regexp is None):
            raise ValueError("exactly one of identity and identity_regexp is expected")
        if (self.signing_config is None) != (self.trusted_root is None):
            raise ValueError("signing_config and trusted_root belong together: both of one Sigstore")
        return self

    def value(self) -> Keyless:
        """As the program uses it."""
        subject = Pattern(self.identity or self.identity_regexp or "", regexp=self.identity is None)
        return Keyless(
            Identity(subject, Pattern(self.issuer)),
            self.token.value() if self.token else None,
            self.signing_config,
            self.trusted_root,
        )


class SignEntry(Model):
    """How images are signed."""

    keyless: KeylessEntry | None = Field(
        None, description="By an identity of the CI instead of the key pair, which goes on to sign records"
    )
    key: KmsReference | None = Field(
        None,
        description="By a key of a key management service, as cosign names it: awskms://, gcpkms://, azurekms://, "
        "hashivault://; cosign signs",
    )
    public_key: File | None = Field(
        None, description="File with the public half of key, which verifies (`cosign public-key --key …`)"
    )
    signatures: tuple[Literal["bundle", "tag"], ...] = Field(
        ("bundle",),
        min_length=1,
        description="bundle: Sigstore bundles as referrers, always; tag: besides, in cosign's older tag scheme, for "
        "consumers that know only that",
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if "bundle" not in self.signatures:
            raise ValueError("signatures: bundle is always written; add tag beside it")
        if "tag" in self.signatures and (self.keyless or self.key):
            raise ValueError("signatures: tag takes the key pair; without it there are bundles alone")
        if (self.key is None) != (self.public_key is None):
            raise ValueError("key and public_key belong together: both halves of one pair")
        if self.key and self.keyless:
            raise ValueError("key and keyless exclude each other")
        return self

    @property
    def kms(self) -> KmsKey | None:
        """The key as the program uses it."""
        return KmsKey(self.key, self.public_key) if self.key and self.public_key else None
