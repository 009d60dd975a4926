"""What a keyless signer returns or reports when a service answers wrongly, and trusted roots that are none."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from pipeline.errors import ConfigError, EnvironmentProblem, UsageError
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.trust.keyless import IdentitySignatory, KeylessSigner, read_services
from pipeline.trust.keyless.services import TrustFile
from tests.tools.signing.sigstore_services import (
    Sigstore,
)
from tests.trust.keyless.signing import (
    DEVELOPER,
    EVE,
    STATEMENT,
    SUBJECT,
    Bundles,
    signatory,
    signer,
    trusted,
)

pytestmark = pytest.mark.real


def test_what_is_signed_as_somebody_else_is_never_returned(services: Sigstore) -> None:
    with pytest.raises(UsageError, match=f"for {EVE}, which is not {DEVELOPER}"):
        anyio.run(signer(services, lambda: services.token(EVE)).sign, [STATEMENT])


def test_tokens_that_cannot_be_used_are_reported_without_them(services: Sigstore) -> None:
    mint = services.issuer.mint
    unknown = mint("nobody", {"email": DEVELOPER})
    tokens = {
        "malformed": "x.y.z",
        "expired": mint("email", {"email": DEVELOPER, "email_verified": True}, lifetime=-60),
        "another audience": mint("email", {"email": DEVELOPER, "aud": "aws"}),
        "an unknown issuer": unknown,
        "not verified": mint("email", {"email": DEVELOPER, "email_verified": False}),
    }
    for name, token in tokens.items():
        with pytest.raises((UsageError, EnvironmentProblem)) as refused:
            anyio.run(signer(services, lambda token=token: token).sign, [STATEMENT])
        shown = json.dumps(refused.value.to_json()) + repr(refused.value.__cause__)
        assert not any(part in shown for part in token.split(".") if len(part) > 8), (name, shown)
    with pytest.raises(EnvironmentProblem, match=f"token of {services.issuer.url('nobody')}: HTTP 400"):
        anyio.run(signer(services, lambda: unknown).sign, [STATEMENT])


def test_without_a_timestamp_nothing_is_returned(services: Sigstore, tmp_path: Path) -> None:
    """The library goes on without an authority that fails; the log alone proves no time."""
    config = json.loads(services.signing_config.read_text())
    config["tsaUrls"][0]["url"] = "http://127.0.0.1:9/none"
    files = trusted(services), TrustFile(json.dumps(config).encode(), "signing-config.json")

    async def token() -> str:
        return services.token(DEVELOPER)

    broken = KeylessSigner(signatory(services), read_services(*files), token)
    with pytest.raises(EnvironmentProblem, match="timestamp"):
        anyio.run(broken.sign, [STATEMENT])


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"mediaType": "x"}', b"[]"])
def test_a_trusted_root_that_is_none_is_reported_with_its_name(bundles: Bundles, raw: bytes) -> None:
    identity = Identity(Pattern("a"), Pattern("b"))
    with pytest.raises(ConfigError) as refused:
        IdentitySignatory(identity, read_services(TrustFile(raw, "my-root.json"))).statement(
            bundles.raw, SUBJECT
        )
    assert "my-root.json" in str(refused.value.detail)


def test_the_public_root_knows_none_of_ours(bundles: Bundles) -> None:
    """Without files it is the public Sigstore, offline."""
    found = IdentitySignatory(Identity(Pattern(DEVELOPER), Pattern("b")), read_services(None)).statement(
        bundles.raw, SUBJECT
    )
    assert isinstance(found, str) and "its certificate is for" not in found
