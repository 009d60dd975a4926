"""Keyless signing: one certificate for a run, and for each statement a timestamp and an entry in the log."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.util.concurrency import each

from ..signatory import Signatory
from ..statement import Statement
from .services import Services

if TYPE_CHECKING:
    from sigstore.sign import Signer

T = TypeVar("T")
Token = Callable[[], Awaitable[str]]
"""Gives the identity token, a secret. Raises UsageError, EnvironmentProblem."""

_REMEDY = "sign: keyless: in lockage.yml has to name the identity that this job's token is for"
_AT_ONCE = 8
_PATIENCE = 120.0  # seconds for one certificate or one statement


class KeylessSigner:
    """Signs as `signatory`, which is also who its bundles are checked against. The token is requested when something
    is signed, and not before; a certificate is used as long as it is valid (ten minutes of the public Sigstore)."""

    def __init__(self, signatory: Signatory, services: Services, token: Token, remedy: str = _REMEDY) -> None:
        self.signatory, self._services, self._token = signatory, services, token
        self._remedy = remedy
        self._lock, self._limit = anyio.Lock(), anyio.CapacityLimiter(_AT_ONCE)
        self._signer: Signer | None = None

    async def sign(self, statements: Sequence[Statement]) -> list[bytes]:
        """A bundle of each statement, in the order given.

        Raises UsageError for a token that is refused or is another identity's, EnvironmentProblem for a service that
        cannot be reached, ConfigError for files of a Sigstore that cannot be read.
        """
        return await each(self._sign, statements)

    async def _sign(self, statement: Statement) -> bytes:
        async with self._limit:
            signer = await self._certified(None)
            bundle = await self._bundle(signer, statement)
            if bundle is None:  # the certificate has expired since
                bundle = await self._bundle(await self._certified(signer), statement)
            if bundle is None:
                raise EnvironmentProblem(
                    "a new certificate has expired already", hint="is this machine's clock right?"
                )
        return bundle

    async def _certified(self, expired: Signer | None) -> Signer:
        """A signer with a certificate, another one than the expired."""
        async with self._lock:
            if self._signer is None or self._signer is expired:
                token = await self._token()
                self._signer = await _in_thread(lambda: self._request(token), "Fulcio's certificate")
            return self._signer

    def _request(self, token: str) -> Signer:
        from sigstore.oidc import IdentityError, IdentityToken
        from sigstore.sign import SigningContext

        # What the library would print of its own accord is in our errors.
        logging.getLogger("sigstore").addHandler(logging.NullHandler())
        config = self._services.library()
        try:
            identity = IdentityToken(token)
        except IdentityError as fault:
            raise UsageError(
                f"the identity token cannot be used: {fault}",
                hint="it has to be for the audience sigstore, and valid still",
            ) from None
        with _explained(f"no certificate for an identity token of {identity.issuer}", token):
            context = SigningContext.from_trust_config(config)
            with context.signer(identity) as signer:
                return signer

    async def _bundle(self, signer: Signer, statement: Statement) -> bytes | None:
        """The bundle, None if the certificate is no longer valid. Raises UsageError if the identity is another."""
        raw = await _in_thread(lambda: _signed(signer, statement), "timestamp and log entry")
        if raw is None:
            return None
        seen = await anyio.to_thread.run_sync(self.signatory.statement, raw, statement.subject)
        if isinstance(seen, str):
            raise UsageError(
                f"nothing was signed as {self.signatory.origin}: {seen}",
                hint=self._remedy,
            )
        return raw


def _signed(signer: Signer, statement: Statement) -> bytes | None:
    from sigstore import dsse

    class Payload(dsse.Statement):
        """A statement as it is: the library demands a name of every subject, which in-toto does not."""

        def __init__(self, contents: bytes) -> None:
            self._contents = contents

    with _explained("signed, but without timestamp or log entry"):
        try:
            return signer.sign_dsse(Payload(statement.to_json())).to_json().encode()
        except Exception as fault:
            if type(fault).__name__ == "ExpiredCertificate":  # which the library does not export
                return None
            raise


async def _in_thread(work: Callable[[], T], what: str) -> T:
    """What a service gives, within a time: the library waits for some of them without an end."""
    try:
        with anyio.fail_after(_PATIENCE):
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except TimeoutError:
        raise EnvironmentProblem(
            f"{what}: no response within {_PATIENCE:.0f} s", hint="the signing config has the addresses"
        ) from None


@contextmanager
def _explained(what: str, secret: str = "") -> Iterator[None]:
    """Faults of the services as errors, without the token, whatever they quote."""
    try:
        yield
    except Exception as fault:  # of the library: each of its parts has errors of its own
        reason = _reason(fault)
        raise EnvironmentProblem(
            f"{what}: {reason.replace(secret, '[token]') if secret else reason}",
            hint="the signing config (sign: keyless: in lockage.yml) has the addresses of the services",
        ) from None


def _reason(fault: BaseException) -> str:
    """What a service returned, else what the fault says."""
    response: Any = getattr(fault.__cause__ or fault, "response", None)
    if response is not None:
        try:
            answer = str(response.json()["message"])
        except (ValueError, KeyError, TypeError):
            answer = str(response.text)
        text = f"HTTP {response.status_code} of {response.url}: {answer}"
    else:
        text = str(fault) or str(fault.__cause__ or "") or type(fault).__name__
    return " ".join(text.split())[:300]
