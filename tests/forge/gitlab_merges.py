"""GitLab's REST API v4 for merge requests, branches, files and commits, as documented: a job's token lists merge
requests and may do nothing else here; a branch that exists takes a commit on another one by force alone."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from .gitlab_server import PROJECT, GitlabServer
from .server import COMMIT, refused


@dataclass
class GitlabMerges(GitlabServer):
    """One project with a branch main, and its merge requests."""

    contents: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": {"a": b"a"}})
    messages: dict[str, str] = field(default_factory=lambda: {"main": "first"})
    merges: list[dict[str, Any]] = field(default_factory=list)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        path, method = request.raw_path.partition("?")[0], request.method
        rest = path.removeprefix(f"/code/api/v4/projects/{self.project.replace('/', '%2F')}")
        data = await request.json() if method in ("POST", "PUT") else {}
        if found := re.fullmatch(r"/merge_requests(?:/(\d+))?", rest):
            return self._merge(request, found[1], data)
        if self.job:
            return refused(403, "insufficient_scope")
        if found := re.fullmatch(r"/repository/branches/(.+)", rest):
            name = unquote(found[1])
            if name not in self.contents:
                return refused(404, "404 Branch Not Found")
            if method == "DELETE":
                del self.contents[name]
                return web.Response(status=204)
            return web.json_response({"commit": {"id": self.tip(name), "message": self.messages[name]}})
        if found := re.fullmatch(r"/repository/files/(.+)", rest):
            ref = "main" if request.query["ref"] == COMMIT else request.query["ref"]
            content = self.contents[ref].get(unquote(found[1]))
            if content is None:
                return refused(404, "404 File Not Found")
            return web.json_response({"content_sha256": hashlib.sha256(content).hexdigest()})
        assert rest == "/repository/commits", rest
        return self._commit(data)

    def tip(self, branch: str) -> str:
        """An id of what a branch holds."""
        return hashlib.sha1(repr((self.contents[branch], self.messages[branch])).encode()).hexdigest()

    def open(self, number: int, branch: str, state: str = "opened", *, fork: int = 0) -> None:
        """A merge request; of a fork, if its project's number is given."""
        url = f"https://gitlab.example/{PROJECT}/-/merge_requests/{number}"
        sha = self.tip(branch) if branch in self.contents else ""
        self.merges.append(
            {
                "iid": number,
                "id": 1000 + number,
                "state": state,
                "source_branch": branch,
                "web_url": url,
                "sha": sha,
                "source_project_id": fork or 7,
                "target_project_id": 7,
            }
        )

    def _commit(self, data: dict[str, Any]) -> web.Response:
        branch = data["branch"]
        if branch in self.contents and not data.get("force"):
            return refused(
                400, f"A branch called '{branch}' already exists. Switch to that branch to make changes"
            )
        assert data["start_sha"] == COMMIT
        files = dict(self.contents["main"])
        for action in data["actions"]:
            if (action["action"] == "create") == (action["file_path"] in files):
                return refused(400, "A file with this name already exists, or doesn't exist")
            files[action["file_path"]] = action["content"].encode()
        self.contents[branch], self.messages[branch] = files, data["commit_message"]
        return web.json_response({"id": self.tip(branch)}, status=201)

    def _merge(self, request: web.Request, number: str | None, data: dict[str, Any]) -> web.Response:
        if request.method == "GET":
            query = request.query
            found = [
                merge
                for merge in self.merges
                if merge["state"] == query["state"]
                and query.get("source_branch", merge["source_branch"]) == merge["source_branch"]
            ]
            return self._page(request, found) if "page" in query else web.json_response(found[::-1][:20])
        if self.job:
            return refused(403, "insufficient_scope")
        if request.method == "POST":
            self.open(len(self.merges) + 1, data["source_branch"])
            assert (data["target_branch"], data["remove_source_branch"]) == ("main", True)
            self.merges[-1] |= {"title": data["title"], "description": data["description"]}
            return web.json_response(self.merges[-1], status=201)
        (one,) = [merge for merge in self.merges if merge["iid"] == int(number or 0)]
        if data.pop("state_event", "") == "close":
            one["state"] = "closed"
        one |= data
        return web.json_response(one)
