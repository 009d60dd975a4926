"""What forges take in a release; docs/limits.md lists them."""

from __future__ import annotations

from pipeline.util.sizes import GIB, MIB

FILES = 1_000
"""Files of a release: GitHub's limit."""
GITHUB_CHARACTERS = 125_000
"""The text of a release."""
GITHUB_FILE_BYTES = 2 * GIB
"""A file has to be smaller."""
GITLAB_CHARACTERS = 1_000_000
GITLAB_FILE_BYTES = 5 * GIB
"""The default for generic packages."""
PAGE_BYTES = 64 * MIB
"""A page of the list of releases, with their texts and files, or of that of pull requests."""
CLOSED = 2_000
"""Closed pull requests that are listed, the ones that changed last; at GitLab as many closed and merged ones each."""
