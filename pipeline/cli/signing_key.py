"""Which key signs: the one that is given, else one of this machine's own, made at the first run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.trust.keypair import KeyPair, generate
from pipeline.util.files import replace_file


def signing(environment: Mapping[str, str], data: Path) -> KeyPair:
    """The key pair from COSIGN_PRIVATE_KEY, COSIGN_PUBLIC_KEY and COSIGN_PASSWORD (contents, as cosign's own
    `env://`), or from this instance's `keys` folder, which is made when it is missing.

    Raises UsageError when one half is given without the other.
    """
    private, public = environment.get("COSIGN_PRIVATE_KEY"), environment.get("COSIGN_PUBLIC_KEY")
    if bool(private) != bool(public):
        raise UsageError(
            "COSIGN_PRIVATE_KEY and COSIGN_PUBLIC_KEY belong together",
            hint="cosign public-key --key cosign.key > cosign.pub; then set both to the files' contents",
        )
    if private and public:
        password = environment.get("COSIGN_PASSWORD", "")
        return KeyPair(public.encode(), "COSIGN_PUBLIC_KEY", private.encode(), password)
    return _own(data / "keys")


def _own(folder: Path) -> KeyPair:
    private, public, password = (folder / name for name in ("cosign.key", "cosign.pub", "password"))
    try:
        if not private.exists():
            _make(folder)
        return KeyPair(public.read_bytes(), str(public), private.read_bytes(), password.read_text())
    except OSError as fault:
        raise EnvironmentProblem(f"the signing key in {folder} cannot be used: {fault}") from None


def _make(folder: Path) -> None:
    pair = generate()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The private half is written last: while it is missing, an interrupted start is simply begun again.
    for name, content in (
        ("password", pair.password.encode()),
        ("cosign.pub", pair.public),
        ("cosign.key", pair.sealed),
    ):
        replace_file(folder / name, content, mode=0o600)
