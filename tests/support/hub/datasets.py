"""The routes of datasets: made, looked at, written to, downloaded."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import yaml
from aiohttp import web

from tests.support.hub.people import Bearer, People, refusal, token_of
from tests.support.hub.repository import Blob, Repository

PAGE = 50
"""Entries of a tree that are given at once."""
ID = "{owner}/{name}"


class Datasets:
    """All there are. `lfs_from`: bytes from which a file goes to LFS."""

    def __init__(self, people: People, url: Callable[[], str]) -> None:
        self.lfs_from = 10 << 20
        self.unwanted: set[str] = set()
        """Paths; a commit with one of them is refused."""
        self._people = people
        self._url = url
        self._repositories: dict[str, Repository] = {}
        self._renamed: dict[str, str] = {}
        self._objects: dict[str, bytes] = {}
        """What was put into LFS, by its sha256."""

    def repository(self, repo_id: str) -> Repository:
        """One that is there."""
        return self._repositories[repo_id]

    def has(self, repo_id: str) -> bool:
        return repo_id in self._repositories

    def add(self, repo_id: str, *, private: bool = True) -> Repository:
        """As somebody makes one on the web page."""
        made = Repository(repo_id, private=private)
        self._repositories[repo_id] = made
        return made

    def remove(self, repo_id: str) -> None:
        del self._repositories[repo_id]

    def rename(self, repo_id: str, to: str) -> None:
        """As somebody does it on the web page: the old name leads to the new one."""
        self._repositories[to] = self._repositories.pop(repo_id)
        self._repositories[to].id = to
        self._renamed[repo_id] = to

    def routes(self) -> list[web.RouteDef]:
        api = f"/api/datasets/{ID}"
        return [
            web.post("/api/repos/create", self._create),
            web.post("/api/validate-yaml", self._validate),
            web.get(api, self._info),
            web.get(api + "/revision/{revision}", self._info),
            web.put(api + "/settings", self._settings),
            web.get(api + "/tree/{revision}", self._tree),
            web.post(api + "/preupload/{revision}", self._preupload),
            web.post(api + "/commit/{revision}", self._commit),
            web.post(f"/datasets/{ID}.git/info/lfs/objects/batch", self._batch),
            web.put("/lfs/{oid}", self._put),
            web.get(f"/datasets/{ID}" + "/resolve/{revision}/{path:.+}", self._resolve),
        ]

    # Repositories

    async def _create(self, request: web.Request) -> web.Response:
        who = self._people.who(token_of(request))
        if who is None:
            return refusal(401, "Invalid username or password.")
        wanted = await request.json()
        assert wanted["type"] == "dataset", "only datasets are made here"
        owner = wanted["organization"] or who.user
        repo_id = f"{owner}/{wanted['name']}"
        if not who.may_write(owner):
            return refusal(
                403, f'You don\'t have the rights to create a dataset under the namespace "{owner}"'
            )
        url = f"{self._url()}/datasets/{repo_id}"
        if repo_id in self._repositories:
            taken = refusal(409, "You already created this dataset repo")
            taken.text = json.dumps({"error": "You already created this dataset repo", "url": url})
            return taken
        self.add(repo_id, private=wanted.get("visibility") == "private")
        return web.json_response({"url": url, "name": repo_id, "id": "0"})

    async def _validate(self, request: web.Request) -> web.Response:
        content = (await request.json())["content"]
        try:
            head = content.split("---\n")[1] if content.startswith("---\n") else ""
            valid = isinstance(yaml.safe_load(head), dict)
        except (IndexError, yaml.YAMLError):
            valid = False
        if not valid:
            found = [{"message": "the metadata is no YAML object"}]
            return web.json_response({"errors": found, "warnings": []}, status=400)
        return web.json_response({"errors": [], "warnings": []})

    async def _info(self, request: web.Request) -> web.Response:
        found = self._seen(request)
        if isinstance(found, web.Response):
            return found
        told = {
            "author": found.id.split("/")[0],
            "sha": found.head,
            "private": found.private,
            "gated": found.gated,
            "disabled": False,
            "tags": [],
        }
        wanted = request.query.getall("expand", [])
        if wanted:
            told = {name: told[name] for name in wanted}
        else:
            told["siblings"] = [{"rfilename": path} for path in sorted(found.files)]
        return web.json_response({"id": found.id, **told})

    async def _settings(self, request: web.Request) -> web.Response:
        found = self._written(request)
        if isinstance(found, web.Response):
            return found
        wanted = await request.json()
        found.private = wanted["visibility"] == "private"
        return web.json_response(wanted)

    # Files

    async def _tree(self, request: web.Request) -> web.Response:
        found = self._seen(request)
        if isinstance(found, web.Response):
            return found
        files = found.at(request.match_info["revision"])
        if files is None:
            return refusal(404, "Invalid rev id", "RevisionNotFound")
        assert request.query.get("recursive", "").lower() == "true", "only whole trees are given"
        folders = {"/".join(path.split("/")[:n]) for path in files for n in range(1, 9)} - {*files}
        entries = [_entry(path, files.get(path)) for path in sorted({*files, *folders})]
        begin = int(request.query.get("cursor", "0"))
        headers = {}
        if begin + PAGE < len(entries):
            onward = request.url.update_query(cursor=str(begin + PAGE))
            headers["Link"] = f'<{onward}>; rel="next"'
        return web.json_response(entries[begin : begin + PAGE], headers=headers)

    async def _preupload(self, request: web.Request) -> web.Response:
        found = self._written(request)
        if isinstance(found, web.Response):
            return found
        asked = (await request.json())["files"]
        return web.json_response({"files": [self._mode(found, each) for each in asked]})

    def _mode(self, found: Repository, asked: dict[str, Any]) -> dict[str, Any]:
        assert len(base64.b64decode(asked["sample"])) <= 512
        mode = "lfs" if asked["size"] >= self.lfs_from else "regular"
        blob = found.files.get(asked["path"])
        oid = None if blob is None else blob.sha256 if blob.in_lfs else blob.oid
        return {"path": asked["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}

    async def _commit(self, request: web.Request) -> web.Response:
        found = self._written(request)
        if isinstance(found, web.Response):
            return found
        assert request.content_type == "application/x-ndjson"
        lines = [json.loads(line) for line in (await request.text()).splitlines()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        try:
            changes = dict(self._change(line) for line in lines if line["key"] != "header")
        except KeyError as missing:
            return refusal(400, f"The LFS object {missing} was not uploaded")
        if self.unwanted & set(changes):
            return refusal(400, "Your push was rejected because it holds what is not taken here")
        made = found.commit(header["summary"], changes, header.get("parentCommit"))
        if made is None:
            return refusal(412, "A commit has happened since. Please refresh and try again.")
        url = f"{self._url()}/datasets/{found.id}/commit/{made.oid}"
        return web.json_response({"success": True, "commitOid": made.oid, "commitUrl": url})

    def _change(self, line: dict[str, Any]) -> tuple[str, Blob | None]:
        """Raises KeyError for an object that LFS does not have."""
        value = line["value"]
        match line["key"]:
            case "file":
                assert value["encoding"] == "base64"
                return value["path"], Blob(base64.b64decode(value["content"]))
            case "lfsFile":
                assert value["algo"] == "sha256"
                return value["path"], Blob(self._objects[value["oid"]], in_lfs=True)
            case "deletedFile":
                return value["path"], None
            case other:
                raise AssertionError(f"no such operation: {other}")

    # LFS

    async def _batch(self, request: web.Request) -> web.Response:
        found = self._written(request)
        if isinstance(found, web.Response):
            return found
        asked = (await request.json())["objects"]
        return web.json_response({"transfer": "basic", "objects": [self._offer(a) for a in asked]})

    def _offer(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["oid"] in self._objects:
            return dict(asked)
        return {**asked, "actions": {"upload": {"href": f"{self._url()}/lfs/{asked['oid']}"}}}

    async def _put(self, request: web.Request) -> web.Response:
        content = await request.read()
        oid = request.match_info["oid"]
        if hashlib.sha256(content).hexdigest() != oid:
            return refusal(400, "The content is not what was announced")
        self._objects[oid] = content
        return web.Response()

    async def _resolve(self, request: web.Request) -> web.Response:
        found = self._seen(request)
        if isinstance(found, web.Response):
            return found
        revision, path = request.match_info["revision"], request.match_info["path"]
        files = found.at(revision)
        if files is None:
            return refusal(404, "Invalid rev id", "RevisionNotFound")
        blob = files.get(path)
        head = {"X-Repo-Commit": found.head if revision == "main" else revision}
        if blob is None:
            missing = refusal(404, "Entry not found", "EntryNotFound")
            missing.headers.update(head)
            return missing
        etag = blob.sha256 if blob.in_lfs else blob.oid
        return web.Response(body=blob.content, headers={**head, "ETag": f'"{etag}"'})

    # Who may

    def _seen(self, request: web.Request) -> Repository | web.Response:
        """The repository, for who may read it."""
        owner, name = request.match_info["owner"], request.match_info["name"]
        repo_id = f"{owner}/{name}"
        if (to := self._renamed.get(repo_id)) is not None:
            there = request.path_qs.replace(repo_id, to, 1)
            return web.Response(status=307, headers={"Location": there})
        found = self._repositories.get(repo_id)
        who = self._people.who(token_of(request))
        if found is not None and (not found.private or _sees(who, owner)):
            return found
        if who is None:
            return refusal(401, "Invalid username or password.", "RepoNotFound")
        return refusal(404, "Repository not found", "RepoNotFound")

    def _written(self, request: web.Request) -> Repository | web.Response:
        """The repository, for who may write to it."""
        found = self._seen(request)
        if isinstance(found, web.Response):
            return found
        who = self._people.who(token_of(request))
        if who is None:
            return refusal(401, "Invalid username or password.")
        if not who.may_write(request.match_info["owner"]):
            return refusal(403, "Forbidden: you must use a write token to upload to a repository.")
        return found


def _sees(who: Bearer | None, owner: str) -> bool:
    return who is not None and who.may_see(owner)


def _entry(path: str, blob: Blob | None) -> dict[str, Any]:
    if blob is None:
        oid = hashlib.sha1(path.encode()).hexdigest()
        return {"type": "directory", "oid": oid, "size": 0, "path": path}
    entry = {"type": "file", "oid": blob.oid, "size": len(blob.content), "path": path}
    if blob.in_lfs:
        size = len(blob.content)
        lfs = {"oid": blob.sha256, "size": size, "pointerSize": len(blob.pointer)}
        entry["lfs"] = lfs
    return entry
