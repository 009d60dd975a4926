"""GitHub's REST API for pull requests, and for git's objects and references, version 2022-11-28.

A commit that is made by the API is GitHub's own, signed by it; no git and no credentials of git are needed.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote, urlencode

from pipeline.registry.http.rest import Call, RestApi

from ..refusals import explained
from .values import Proposal, Tip, WantedChange, is_ours, last_changed, newest, numbers, require_ours

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_MADE = frozenset({201})
_READS = "the job needs permissions: {pull-requests: read}; a token of your own needs Pull requests: read"
_WRITES = (
    "the job needs permissions: {contents: write, pull-requests: write}, and the repository's settings have to allow "
    "that GitHub Actions creates pull requests (Settings, Actions, General)"
)


class GithubPullRequests:
    """The pull requests of one repository, `OWNER/NAME`."""

    name = "GitHub"

    def __init__(self, api: RestApi, project: str) -> None:
        self._api, self._project, self._base = api, project, f"/repos/{quote(project)}"

    async def closed(self) -> frozenset[int]:
        """Their numbers ("List pull requests")."""
        path = f"{self._base}/pulls?state=closed&sort=updated&direction=desc"
        call = Call("GET", path, "listing the closed pull requests of", self._project, headers=_HEADERS)
        with explained(self.name, _READS):
            return numbers(await last_changed(self._api, call), "number")

    async def propose(self, wanted: WantedChange) -> Proposal:
        """As a commit of the API, which replaces the branch ("Git database")."""
        with explained(self.name, _WRITES):
            tip = await self._tip(wanted.branch)
            if tip is not None:
                require_ours(tip.message, wanted.branch, self.name)
            same = tip is not None and await self._has(wanted)
            if not same:
                await self._push(wanted, await self._commit(wanted), new=tip is None)
            if (pull_request := await self._request(wanted.branch, wanted.base, "open")) is not None:
                if not same:
                    await self._send(
                        "PATCH", f"/pulls/{int(pull_request['number'])}", title=wanted.title, body=wanted.text
                    )
                return Proposal(str(pull_request["html_url"]), "unchanged" if same else "updated")
            old = await self._request(wanted.branch, wanted.base, "closed") if same else None
            if (
                tip is not None
                and old is not None
                and old["merged_at"] is None
                and old["head"]["sha"] == tip.sha
            ):
                return Proposal(str(old["html_url"]), "declined")
            made = await self._send(
                "POST", "/pulls", title=wanted.title, body=wanted.text, head=wanted.branch, base=wanted.base
            )
            return Proposal(str(made["html_url"]), "opened")

    async def withdraw(self, branch: str, base: str) -> Proposal | None:
        """The branch goes first: GitHub closes the request of a deleted branch, and a rerun closes what it left."""
        with explained(self.name, _WRITES):
            pull_request = await self._request(branch, base, "open")
            if pull_request is None:
                return None
            tip = await self._tip(branch)
            if tip is not None:
                if not is_ours(tip.message):
                    return None
                await self._delete(f"/git/refs/heads/{quote(branch)}")
            await self._send("PATCH", f"/pulls/{int(pull_request['number'])}", state="closed")
            return Proposal(str(pull_request["html_url"]), "withdrawn")

    async def _tip(self, branch: str) -> Tip | None:
        """A branch's last commit."""
        branch_ref = await self._api.find(self._get(f"/git/ref/heads/{quote(branch)}"))
        if branch_ref is None:
            return None
        sha = str(branch_ref["object"]["sha"])
        commit = await self._api.table(self._get(f"/git/commits/{quote(sha)}"))
        return Tip(sha, str(commit["message"]))

    async def _has(self, wanted: WantedChange) -> bool:
        """Whether the branch has the file with this content, by the id of git's object."""
        query = urlencode({"ref": wanted.branch})
        file = await self._api.find(self._get(f"/contents/{quote(wanted.path)}?{query}"))
        head = f"blob {len(wanted.content)}\0".encode()
        blob = hashlib.sha1(head + wanted.content, usedforsecurity=False).hexdigest()
        return file is not None and file["sha"] == blob

    async def _commit(self, wanted: WantedChange) -> str:
        before = await self._api.table(self._get(f"/git/commits/{quote(wanted.commit)}"))
        entry = {
            "path": wanted.path,
            "mode": "100644",
            "type": "blob",
            "content": wanted.content.decode(),
        }
        tree = await self._send("POST", "/git/trees", base_tree=str(before["tree"]["sha"]), tree=[entry])
        made = await self._send(
            "POST", "/git/commits", message=wanted.message, tree=str(tree["sha"]), parents=[wanted.commit]
        )
        return str(made["sha"])

    async def _push(self, wanted: WantedChange, sha: str, *, new: bool) -> None:
        if new:
            await self._send("POST", "/git/refs", ref=f"refs/heads/{wanted.branch}", sha=sha)
        else:
            await self._send("PATCH", f"/git/refs/heads/{quote(wanted.branch)}", sha=sha, force=True)

    async def _request(self, branch: str, base: str, state: str) -> Any:
        """The newest request of the branch in a state."""
        owner = self._project.partition("/")[0]
        query = urlencode({"state": state, "head": f"{owner}:{branch}", "base": base})
        return newest(await self._api.json(self._get(f"/pulls?{query}")), "number")

    def _get(self, path: str) -> Call:
        return Call("GET", f"{self._base}{path}", "reading", self._project, headers=_HEADERS)

    async def _delete(self, path: str) -> None:
        accept = frozenset({204})
        where = f"{self._base}{path}"
        await self._api.send(
            Call("DELETE", where, "deleting a branch of", self._project, accept, headers=_HEADERS)
        )

    async def _send(self, method: str, path: str, **data: object) -> Any:
        accept = _MADE if method == "POST" else frozenset({200})
        call = Call(
            method,
            f"{self._base}{path}",
            "proposing a change of",
            self._project,
            accept,
            data,
            headers=_HEADERS,
        )
        return await self._api.table(call)
