"""A Sigstore of the tests' own and two signatures by it: once for this folder, which is one group.

It ends with the folder: one timestamp server runs on a machine, and test_rekor_v1.py, beside this folder, waits for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import anyio
import pytest

from pipeline.model import Digest
from pipeline.trust import SIGNATURE, Statement
from tests.tools.signing.sigstore_services import (
    Sigstore,
    sigstore,
)
from tests.trust.keyless.signing import STATEMENT, Bundles, signer


@pytest.fixture(scope="package")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    """A running Sigstore."""
    with sigstore(tmp_path_factory.mktemp("sigstore")) as running:
        yield running


@pytest.fixture(scope="package")
def bundles(services: Sigstore) -> Bundles:
    """Both are made with one certificate."""
    other = Statement(Digest.of(b"other"), SIGNATURE, {})
    first, second = anyio.run(signer(services).sign, [STATEMENT, other])
    found = Bundles(first, json.loads(first), json.loads(second))
    used = [json.loads(raw)["verificationMaterial"]["certificate"] for raw in (first, second)]
    assert used[0] == used[1]
    return found
