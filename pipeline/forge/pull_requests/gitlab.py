"""GitLab's REST API v4 for merge requests, branches and commits. A job's token reads merge requests and writes none."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote, urlencode

from pipeline.registry.http.rest import Call, RestApi

from ..refusals import explained
from .values import Proposal, Tip, WantedChange, is_ours, last_changed, newest, numbers, require_ours

_READS = "an older GitLab lets CI_JOB_TOKEN list no merge requests: GITLAB_TOKEN with the scope read_api does"
WRITES = "GITLAB_TOKEN has to be a project access token with the scope api and the role Developer"
_ENDED = ("closed", "merged")


class GitlabMergeRequests:
    """The merge requests of one project, by its number or path."""

    name = "GitLab"

    def __init__(self, api: RestApi, project: str) -> None:
        self._api, self._project = api, project
        self._base = f"/projects/{quote(project, safe='')}"

    async def closed(self) -> frozenset[int]:
        """Their numbers in the project ("List project merge requests")."""
        numbers_closed: frozenset[int] = frozenset()
        with explained(self.name, _READS):
            for state in _ENDED:
                query = urlencode(
                    {"state": state, "order_by": "updated_at", "sort": "desc", "view": "simple"}
                )
                call = Call(
                    "GET",
                    f"{self._base}/merge_requests?{query}",
                    "listing the merge requests of",
                    self._project,
                )
                numbers_closed |= numbers(await last_changed(self._api, call), "iid")
        return numbers_closed

    async def propose(self, wanted: WantedChange) -> Proposal:
        """As a commit of the API, which replaces the branch ("Create a commit with multiple files and actions")."""
        with explained(self.name, WRITES):
            tip = await self._tip(wanted.branch)
            if tip is not None:
                require_ours(tip.message, wanted.branch, self.name)
            same = tip is not None and await self._digest(wanted, wanted.branch) == wanted_digest(wanted)
            if not same:
                await self._commit(wanted, new=tip is None)
            if (merge_request := await self._request(wanted.branch, wanted.base, "opened")) is not None:
                if not same:
                    path = f"/merge_requests/{int(merge_request['iid'])}"
                    await self._send("PUT", path, title=wanted.title, description=wanted.text)
                return Proposal(str(merge_request["web_url"]), "unchanged" if same else "updated")
            old = await self._request(wanted.branch, wanted.base, "closed") if same else None
            if tip is not None and old is not None and old["sha"] == tip.sha:
                return Proposal(str(old["web_url"]), "declined")
            made = await self._send(
                "POST",
                "/merge_requests",
                source_branch=wanted.branch,
                target_branch=wanted.base,
                title=wanted.title,
                description=wanted.text,
                remove_source_branch=True,
            )
            return Proposal(str(made["web_url"]), "opened")

    async def withdraw(self, branch: str, base: str) -> Proposal | None:
        """The branch goes first, so that a rerun closes the request that an interrupted one left open."""
        with explained(self.name, WRITES):
            merge_request = await self._request(branch, base, "opened")
            if merge_request is None:
                return None
            tip = await self._tip(branch)
            if tip is not None:
                if not is_ours(tip.message):
                    return None
                await self._delete(f"/repository/branches/{quote(branch, safe='')}")
            await self._send("PUT", f"/merge_requests/{int(merge_request['iid'])}", state_event="close")
            return Proposal(str(merge_request["web_url"]), "withdrawn")

    async def _tip(self, branch: str) -> Tip | None:
        """A branch's last commit."""
        branch_data = await self._api.find(self._get(f"/repository/branches/{quote(branch, safe='')}"))
        if branch_data is None:
            return None
        return Tip(str(branch_data["commit"]["id"]), str(branch_data["commit"]["message"]))

    async def _digest(self, wanted: WantedChange, ref: str) -> str | None:
        """That of the file at a branch or commit; None where there is none."""
        path = f"/repository/files/{quote(wanted.path, safe='')}?{urlencode({'ref': ref})}"
        file = await self._api.find(self._get(path))
        return None if file is None else str(file["content_sha256"])

    async def _commit(self, wanted: WantedChange, *, new: bool) -> None:
        exists = await self._digest(wanted, wanted.commit) is not None
        action = {
            "action": "update" if exists else "create",
            "file_path": wanted.path,
            "content": wanted.content.decode(),
        }
        await self._send(
            "POST",
            "/repository/commits",
            branch=wanted.branch,
            start_sha=wanted.commit,
            commit_message=wanted.message,
            actions=[action],
            **({} if new else {"force": True}),
        )

    async def _request(self, branch: str, base: str, state: str) -> Any:
        """The newest request of the project's own branch in a state; forks may have a branch of the same name."""
        query = {"state": state, "source_branch": branch, "target_branch": base}
        merge_requests = await self._api.json(self._get(f"/merge_requests?{urlencode(query)}"))
        own = [one for one in merge_requests if one["source_project_id"] == one["target_project_id"]]
        return newest(own, "iid")

    def _get(self, path: str) -> Call:
        return Call("GET", f"{self._base}{path}", "reading", self._project)

    async def _delete(self, path: str) -> None:
        accept = frozenset({204})
        await self._api.send(
            Call("DELETE", f"{self._base}{path}", "deleting a branch of", self._project, accept)
        )

    async def _send(self, method: str, path: str, **data: object) -> Any:
        accept = frozenset({201} if method == "POST" else {200})
        call = Call(method, f"{self._base}{path}", "proposing a change of", self._project, accept, data)
        return await self._api.table(call)


def wanted_digest(wanted: WantedChange) -> str:
    """The sha256 of the file, as GitLab has it."""
    return hashlib.sha256(wanted.content).hexdigest()
