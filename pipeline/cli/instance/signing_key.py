"""The key pair that signs: the one in the environment, else this instance's own, generated at the first run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.errors import ConfigError, EnvironmentProblem, Problem, UsageError
from pipeline.trust import PublicKey
from pipeline.trust.keypair import KeyPair, generate
from pipeline.trust.limits import KEY_BYTES
from pipeline.util.files import read_file
from pipeline.util.rooted import RootedFolder

from ..files.replace import replace_file


def signing_key(environ: Mapping[str, str], data: Path) -> KeyPair:
    """The key pair in COSIGN_PRIVATE_KEY, COSIGN_PUBLIC_KEY and COSIGN_PASSWORD (contents, as cosign's `env://`), or
    in the instance's `keys` folder, where one is generated if there is none.

    Raises UsageError when one half is given without the other, EnvironmentProblem.
    """
    private, public = environ.get("COSIGN_PRIVATE_KEY"), environ.get("COSIGN_PUBLIC_KEY")
    if bool(private) != bool(public):
        raise UsageError(
            "COSIGN_PRIVATE_KEY and COSIGN_PUBLIC_KEY belong together",
            hint="cosign public-key --key cosign.key > cosign.pub; then set both to the files' contents",
        )
    if private and public:
        password = environ.get("COSIGN_PASSWORD", "")
        return KeyPair(public.encode(), "COSIGN_PUBLIC_KEY", private.encode(), password)
    return _instance_key(data / "keys")


def proposal_key(data: Path) -> KeyPair:
    """The key pair of runs that push nothing, generated where there is none: what it signs counts for no release.

    Raises EnvironmentProblem.
    """
    return _instance_key(data / "proposals")


def project_key(environ: Mapping[str, str], data: Path) -> PublicKey:
    """The public half of the key pair that signs the project's records; the private half is not needed, and not read
    from the environment. Raises ConfigError, EnvironmentProblem."""
    if public := environ.get("COSIGN_PUBLIC_KEY"):
        return PublicKey(public.encode(), "COSIGN_PUBLIC_KEY")
    return _instance_key(data / "keys").public_key


def verification_key(path: Path | None, environ: Mapping[str, str], data: Path) -> PublicKey:
    """The public key in a file, else that of the key pair that signs, whose private half is not needed. Raises
    UsageError, ConfigError."""
    if path is None:
        public = environ.get("COSIGN_PUBLIC_KEY")
        return (
            PublicKey(public.encode(), "COSIGN_PUBLIC_KEY")
            if public
            else signing_key(environ, data).public_key
        )
    try:
        return PublicKey(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(
            f"cannot read the key {path}: {error.strerror}", hint="name a public key (PEM): --key cosign.pub"
        ) from None


def existing_key(path: Path | None, environ: Mapping[str, str], data: Path) -> PublicKey:
    """The same where only a key that may have signed something counts: none is generated. Raises UsageError."""
    known = any(environ.get(name) for name in ("COSIGN_PUBLIC_KEY", "COSIGN_PRIVATE_KEY"))
    if path is None and not known and not (data / "keys" / "cosign.key").exists():
        raise UsageError(
            "there is no key to verify with: this instance has not signed anything",
            hint="name the public key of who signed: --key cosign.pub, or set COSIGN_PUBLIC_KEY to its content",
        )
    return verification_key(path, environ, data)


def trusted_keys(paths: Sequence[str], root: Path) -> tuple[PublicKey, ...]:
    """The public keys in files of a checkout, whose records count too. Raises ConfigError."""
    keys = []
    for path in paths:
        try:
            raw = read_file(root / path, KEY_BYTES, root=root)
        except OSError as error:
            problem = f"{path} cannot be read: {error.strerror or error}"
            hint = "name files of public keys, by their path from lockage.yml"
            raise ConfigError([Problem("lockage.yml", 0, 0, "trust.records", problem, hint)]) from None
        keys.append(PublicKey(raw, path))
    return tuple(keys)


def _instance_key(folder: Path) -> KeyPair:
    private, public, password = (folder / name for name in ("cosign.key", "cosign.pub", "password"))
    try:
        if not private.exists():
            _generate(folder)
        sealed, opens = read_file(private), read_file(password).decode()
        return KeyPair(read_file(public), str(public), sealed, opens, folder / "derived")
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentProblem(f"the signing key in {folder} cannot be used: {error}") from None


def _generate(folder: Path) -> None:
    pair = generate()
    with RootedFolder.at(folder.parent, create=True) as data:
        data.make(folder.name, 0o700)
    # The private half is written last: while it is missing, the next run generates a whole pair again.
    replace_file(folder / "password", pair.password, mode=0o600, root=folder.parent, durable=True)
    replace_file(folder / "cosign.pub", pair.public, mode=0o600, root=folder.parent, durable=True)
    replace_file(folder / "cosign.key", pair.sealed, mode=0o600, root=folder.parent, durable=True)
