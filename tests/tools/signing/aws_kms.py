"""AWS KMS on this machine: local-kms, a server of its API with keys of its own, compiled from its pinned module."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from pipeline.lab.tools.recipes import GoTool
from tests.registry.servers import running
from tests.tools.judges import program
from tests.tools.ports import free_port

LOCAL_KMS = GoTool(
    "local-kms",
    "20260228",
    ("github.com/nsmithuk/local-kms",),
    minutes=0.5,
    folder=Path(__file__).parents[1] / "local-kms",
)
REFERENCE = "awskms:///alias/release"
_KEY = "800d5768-3fd7-4edd-a4b8-4c81c3e4c147"


@dataclass(frozen=True)
class AwsKms:
    """A running service with one key, P-256; `environ` is what its clients need."""

    public: bytes
    environ: dict[str, str]


@contextmanager
def aws_kms(folder: Path) -> Iterator[AwsKms]:
    """The service until the end of the block."""
    key, port = ec.generate_private_key(ec.SECP256R1()), free_port()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    one = {"Metadata": {"KeyId": _KEY, "KeyUsage": "SIGN_VERIFY"}, "PrivateKeyPem": pem}
    alias = {"AliasName": "alias/release", "TargetKeyId": _KEY}
    seed = folder / "seed.yaml"
    seed.write_text(yaml.safe_dump({"Keys": {"Asymmetric": {"Ecc": [one]}}, "Aliases": [alias]}))
    environ = {**os.environ, "PORT": str(port), "KMS_SEED_PATH": str(seed), "KMS_REGION": "eu-west-2"}
    environ["KMS_DATA_PATH"] = str(folder / "data")
    with running([str(program(LOCAL_KMS))], port, folder / "kms.log", environ):
        yield AwsKms(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            {
                "AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{port}",
                "AWS_REGION": "eu-west-2",
                "AWS_ACCESS_KEY_ID": "AKIATEST",
                "AWS_SECRET_ACCESS_KEY": "s3cret",
            },
        )
