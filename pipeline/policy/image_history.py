"""Secrets in an image's history: the values of ARG, ENV, LABEL and the commands of RUN stay in its configuration.

Scanners see an image as an archive of the engine, which has another history; so they get it as a text.
"""

from __future__ import annotations

from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_list, as_object

from .report_json import load_report, objects, text


def history_text(config: bytes) -> str:
    """What each entry of the history says (OCI image-spec v1.1, config.md), one after the other. Raises ValueError."""
    entries = objects(load_report(config, "image configuration"), "history")
    parts = [text(entry, name) for entry in entries for name in ("created_by", "author", "comment")]
    return "\n".join(part for part in parts if part)


def with_secrets(report: bytes, secret_report: bytes, place: str) -> bytes:
    """Trivy's report on an image, with the secrets of another report as those of one place. Raises ValueError."""
    results = objects(load_report(secret_report, "trivy"), "Results")
    secrets = [secret for result in results for secret in objects(result, "Secrets")]
    if not secrets:
        return report
    data = dict(load_report(report, "trivy"))
    more = {"Target": place, "Class": "secret", "Secrets": [dict(as_object(secret)) for secret in secrets]}
    data["Results"] = [*as_list(data.get("Results") or []), more]
    return compact(data)
