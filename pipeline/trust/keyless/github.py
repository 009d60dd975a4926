"""The identity token of a GitHub job (docs.github.com, "OpenID Connect reference", requesting the JWT)."""

from __future__ import annotations

import json

import anyio.to_thread

from pipeline.errors import EnvironmentProblem

AUDIENCE = "sigstore"
_PATIENCE = 30.0  # seconds


async def job_token(url: str, bearer: str) -> str:
    """A fresh token for this job; `url` and `bearer` are what the runner gives it. Raises EnvironmentProblem."""
    token = await anyio.to_thread.run_sync(_request, f"{url}&audience={AUDIENCE}", bearer)
    if token is None:
        raise _refused("an invalid response")
    return token


def _request(url: str, bearer: str) -> str | None:
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Stay(HTTPRedirectHandler):
        """The bearer goes where the runner said, and nowhere else."""

        def redirect_request(self, *_: object) -> None:
            return None

    try:
        request = Request(url, headers={"Authorization": f"Bearer {bearer}", "Accept": "application/json"})
        with build_opener(Stay).open(request, timeout=_PATIENCE) as response:
            token = json.loads(response.read())["value"]
    except OSError as fault:  # urllib's own among them
        code = getattr(fault, "code", None)
        raise _refused(f"HTTP {code}" if code else type(fault).__name__) from None
    except (ValueError, KeyError, TypeError):
        return None
    return token if isinstance(token, str) and token else None


def _refused(reason: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"GitHub gave this job no identity token: {reason}",
        hint="permissions: id-token: write in the workflow; jobs of pull requests from forks get none",
    )
