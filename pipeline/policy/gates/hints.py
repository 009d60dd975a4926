"""What opens a closed gate, in a sentence."""

from __future__ import annotations

HINTS = {
    "vulnerabilities": "update the packages to the fixed versions, or add an ignore with owner, reason and expiry",
    "secrets": "remove the secret from every layer and revoke it; or allow its path, with owner, reason and expiry",
    "sbom": "keep the package database of the distribution in the image",
    "tests": "fix what failed, or write a test where there is none (test.yml, or checks: in image.yml)",
    "size": "make the layers named smaller, or raise the budget (size: in the policy)",
    "lint": "fix the lines named, or ignore the rule (lint: in the policy)",
    "licenses": "remove the packages or choose others, allow their licenses, or add an exception with owner, reason "
    "and expiry",
}
UNEXAMINED = "see what the tool could not look at; the next run examines again"
