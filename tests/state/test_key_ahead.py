"""A key that is decrypted ahead: by another process, which gets the password over a pipe and nothing else."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline.errors import UsageError
from pipeline.trust import PrivateKey, decryption
from tests.tools.signing import bundles


def test_the_key_is_derived_by_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """And kept: whoever signs with the same pair later needs no scrypt either."""
    pair = bundles.pair()

    def refuse(*_: Any, **__: Any) -> bytes:
        raise ValueError("scrypt in this process")

    monkeypatch.setattr(hashlib, "scrypt", refuse)
    with pytest.raises(UsageError, match="scrypt in this process"):
        PrivateKey(pair).sign(b"x")
    anyio.run(PrivateKey(pair).decrypt)
    assert PrivateKey(pair).sign(b"x") == PrivateKey(replace(pair)).sign(b"x")


def test_the_password_is_in_no_argument_and_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    pair, started = bundles.pair(password="a word of its own"), list[tuple[Any, dict[str, Any]]]()
    run_process = anyio.run_process

    async def record(command: Any, **options: Any) -> Any:
        started.append((command, options))
        return await run_process(command, **options)

    monkeypatch.setattr(anyio, "run_process", record)
    monkeypatch.setenv("COSIGN_PASSWORD", pair.password)
    anyio.run(PrivateKey(pair).decrypt)
    [(command, options)] = started
    assert pair.password not in " ".join(command) and not options["env"]
    assert pair.private and pair.private not in options["input"]
    anyio.run(PrivateKey(pair).decrypt)
    assert len(started) == 1


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"private": b"-----BEGIN PRIVATE KEY-----\n"}])
def test_a_key_that_cannot_be_decrypted_is_the_error_of_who_signs(change: dict[str, Any]) -> None:
    pair = replace(bundles.pair(), **change)
    anyio.run(PrivateKey(pair).decrypt)
    with pytest.raises(UsageError, match="cannot be decrypted"):
        PrivateKey(pair).sign(b"x")


def test_without_another_process_the_key_is_derived_here(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = bundles.pair()
    monkeypatch.setattr("sys.executable", os.devnull)
    anyio.run(PrivateKey(pair).decrypt)
    assert PrivateKey(pair).sign(b"x")


def test_where_the_password_is_kept_so_is_what_it_derives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that opens nothing, or another key, is replaced; one that cannot be written is left out."""
    derived = tmp_path / "derived"
    pair, other = (replace(bundles.pair(key), derived=derived) for key in (bundles.KEY, bundles.OTHER_KEY))
    anyio.run(PrivateKey(pair).decrypt)
    assert stat.S_IMODE(derived.stat().st_mode) == 0o600
    kept = derived.read_bytes()
    for content in (b"", b"x" * 32, b"x" * 1000, kept):
        derived.write_bytes(content)
        _forget()
        anyio.run(PrivateKey(pair).decrypt)
        assert derived.read_bytes() == kept
    monkeypatch.setattr("sys.executable", os.devnull)  # nothing is derived from here on
    _forget()
    monkeypatch.setattr(hashlib, "scrypt", None)
    anyio.run(PrivateKey(pair).decrypt)
    assert PrivateKey(pair).sign(b"x")
    anyio.run(PrivateKey(other).decrypt)
    with pytest.raises(UsageError):
        PrivateKey(other).sign(b"x")
    monkeypatch.undo()
    anyio.run(PrivateKey(replace(other, derived=tmp_path)).decrypt)
    assert PrivateKey(other).sign(b"x") and derived.read_bytes() == kept


def _forget() -> None:
    decryption._decrypted.clear()
