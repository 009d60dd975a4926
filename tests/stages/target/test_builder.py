"""How builds reach what is outside: proxies, and what of them may be on a command line."""

from __future__ import annotations

import pytest

from pipeline.registry import Access
from pipeline.run.target.builder_config import proxy_arguments


@pytest.mark.parametrize(
    ("proxies", "arguments"),
    [
        ({}, {}),
        (
            {"https": "http://proxy.lan:3128", "no": "registry.lan"},
            {"HTTPS_PROXY": "http://proxy.lan:3128", "NO_PROXY": "registry.lan"},
        ),
        ({"http": "http://someone:secret@proxy.lan:3128"}, {}),
    ],
)
def test_a_proxy_reaches_runs_unless_it_has_a_password(
    proxies: dict[str, str], arguments: dict[str, str]
) -> None:
    assert proxy_arguments(Access(proxies=proxies)) == arguments
