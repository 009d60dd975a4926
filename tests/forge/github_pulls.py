"""GitHub's REST API 2022-11-28 for pull requests, references, commits, trees and contents, as documented: a reference
that exists is 422, and so is a second pull request of a branch; a reference moves backwards by force alone."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from .github_server import REPOSITORY, GithubServer
from .server import COMMIT, refused

_OWNER = REPOSITORY.partition("/")[0]


@dataclass
class Commit:
    """A commit: its message, its files and its parents."""

    message: str
    files: dict[str, bytes]
    parents: tuple[str, ...] = ()


@dataclass
class GithubPulls(GithubServer):
    """One repository with a branch main, and its pull requests."""

    refs: dict[str, str] = field(default_factory=lambda: {"heads/main": COMMIT})
    commits: dict[str, Commit] = field(default_factory=lambda: {COMMIT: Commit("first", {"a": b"a"})})
    trees: dict[str, dict[str, bytes]] = field(default_factory=dict)
    pulls: list[dict[str, Any]] = field(default_factory=list)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        path, method = request.raw_path.partition("?")[0], request.method
        rest = path.removeprefix(f"/repos/{REPOSITORY}")
        assert method in ("GET", "POST", "PATCH", "DELETE"), method
        data = await request.json() if method != "GET" and request.content_type == "application/json" else {}
        if found := re.fullmatch(r"/git/refs?(?:/(.+))?", rest):
            return self._ref(method, unquote(found[1] or ""), data)
        if found := re.fullmatch(r"/git/commits(?:/(.+))?", rest):
            return self._commit(method, found[1], data)
        if rest == "/git/trees":
            return self._tree(data)
        if found := re.fullmatch(r"/contents/(.+)", rest):
            return self._content(unquote(found[1]), request.query["ref"])
        if found := re.fullmatch(r"/pulls(?:/(\d+))?", rest):
            return self._pull(request, found[1], data)
        return await super().respond(request)

    def tip(self, branch: str) -> Commit:
        """The last commit of a branch."""
        return self.commits[self.refs[f"heads/{branch}"]]

    def open(self, number: int, head: str, state: str = "open", **more: object) -> None:
        """A pull request."""
        sha = self.refs.get(f"heads/{head}", "0" * 40)
        url = f"https://github.example/{REPOSITORY}/pull/{number}"
        made = {"number": number, "state": state, "merged_at": None, "html_url": url, "base": {"ref": "main"}}
        self.pulls.append({**made, "head": {"ref": head, "sha": sha}, **more})

    def _ref(self, method: str, name: str, data: dict[str, Any]) -> web.Response:
        if method == "POST":
            name = data["ref"].removeprefix("refs/")
            if name in self.refs:
                return refused(422, "Reference already exists")
        elif name not in self.refs:
            return refused(404, "Not Found")
        if method == "DELETE":
            del self.refs[name]
            for pull in self.pulls:
                if f"heads/{pull['head']['ref']}" == name:
                    pull["state"] = "closed"
            return web.Response(status=204)
        if method != "GET":
            assert method == "POST" or data["force"] is True, "not a fast forward"
            self.refs[name] = data["sha"]
        body = {"ref": f"refs/{name}", "object": {"type": "commit", "sha": self.refs[name]}}
        return web.json_response(body, status=201 if method == "POST" else 200)

    def _commit(self, method: str, sha: str | None, data: dict[str, Any]) -> web.Response:
        if method == "POST":
            sha = _id(repr(data))
            self.commits[sha] = Commit(data["message"], self.trees[data["tree"]], tuple(data["parents"]))
        found = self.commits.get(sha or "")
        if found is None:
            return refused(404, "Not Found")
        tree = _id(repr(found.files))
        self.trees[tree] = found.files
        body = {"sha": sha, "message": found.message, "tree": {"sha": tree}}
        return web.json_response(body, status=201 if method == "POST" else 200)

    def _tree(self, data: dict[str, Any]) -> web.Response:
        files = dict(self.trees[data["base_tree"]])
        for entry in data["tree"]:
            assert (entry["mode"], entry["type"]) == ("100644", "blob")
            files[entry["path"]] = entry["content"].encode()
        sha = _id(repr(files))
        self.trees[sha] = files
        return web.json_response({"sha": sha}, status=201)

    def _content(self, path: str, ref: str) -> web.Response:
        content = self.tip(ref).files.get(path)
        if content is None:
            return refused(404, "Not Found")
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return web.json_response({"type": "file", "path": path, "sha": blob})

    def _pull(self, request: web.Request, number: str | None, data: dict[str, Any]) -> web.Response:
        if number:
            (found,) = [pull for pull in self.pulls if pull["number"] == int(number)]
            found |= data
            return web.json_response(found)
        if request.method == "POST":
            if any(p["state"] == "open" and p["head"]["ref"] == data["head"] for p in self.pulls):
                return refused(422, f"A pull request already exists for {_OWNER}:{data['head']}.")
            self.open(len(self.pulls) + 1, data["head"], title=data["title"], body=data["body"])
            assert data["base"] == "main"
            return web.json_response(self.pulls[-1], status=201)
        found_pulls = [pull for pull in self.pulls if pull["state"] == request.query["state"]]
        if head := request.query.get("head"):
            found_pulls = [pull for pull in found_pulls if f"{_OWNER}:{pull['head']['ref']}" == head]
        if "page" not in request.query:
            return web.json_response(found_pulls[::-1][:30])
        return self._page(request, found_pulls)


def _id(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()
