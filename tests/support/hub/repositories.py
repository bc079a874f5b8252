"""The routes of repositories of one kind: looked for, looked at, written to, downloaded."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.support.hub.people import Bearer, People, refusal, token_of
from tests.support.hub.repository import Blob, Repository

PAGE = 50
"""Entries of a tree that are given at once."""
ID = "{owner}/{name}"


class Storage:
    """What was put into LFS, by its sha256: of all repositories."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.put("/lfs/{oid}", self._put)]

    async def _put(self, request: web.Request) -> web.Response:
        content = await request.read()
        oid = request.match_info["oid"]
        if hashlib.sha256(content).hexdigest() != oid:
            return refusal(400, "The content is not what was announced")
        self.objects[oid] = content
        return web.Response()


class Repositories:
    """All of one kind: `model`, `dataset` or `space`. `lfs_from`: bytes from which a file goes to
    LFS.
    """

    def __init__(
        self, people: People, url: Callable[[], str], storage: Storage, kind: str = "dataset"
    ) -> None:
        self.lfs_from = 10 << 20
        self.unwanted: set[str] = set()
        """Paths; a commit with one of them is refused."""
        self.kind = kind
        self._people = people
        self._url = url
        self._storage = storage
        self._repositories: dict[str, Repository] = {}
        self._renamed: dict[str, str] = {}

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

    @property
    def page(self) -> str:
        """What stands before the id in an address."""
        return "" if self.kind == "model" else f"/{self.kind}s"

    def routes(self) -> list[web.RouteDef]:
        api = f"/api/{self.kind}s/{ID}"
        return [
            web.get(f"/api/{self.kind}s", self._search),
            web.get(api, self._info),
            web.get(api + "/revision/{revision}", self._info),
            web.get(api + "/refs", self._refs),
            web.put(api + "/settings", self._settings),
            web.get(api + "/tree/{revision}", self._tree),
            web.get(api + "/tree/{revision}/{folder:.+}", self._tree),
            web.post(api + "/paths-info/{revision}", self._paths),
            web.post(api + "/branch/{branch:.+}", self._branch),
            web.delete(api + "/branch/{branch:.+}", self._no_branch),
            web.post(api + "/tag/{revision:.+}", self._tag),
            web.delete(api + "/tag/{tag:.+}", self._no_tag),
            web.post(api + "/preupload/{revision}", self._preupload),
            web.post(api + "/commit/{revision}", self._commit),
            web.post(f"{self.page}/{ID}.git/info/lfs/objects/batch", self._batch),
            web.get(f"{self.page}/{ID}" + "/resolve/{revision}/{path:.+}", self._resolve),
        ]

    # Repositories

    async def _search(self, request: web.Request) -> web.Response:
        """By the name, the author and the tags; page by page, as a Link header says."""
        asked = request.query
        who = self._people.who(token_of(request))
        found = [
            each
            for each in self._repositories.values()
            if asked.get("search", "").lower() in each.id.lower()
            and each.id.startswith(asked.get("author", ""))
            and {*asked.getall("filter", [])} <= {*each.about.get("tags", [])}
            and (not each.private or _sees(who, each.id.partition("/")[0]))
        ]
        begin, limit = int(asked.get("cursor", "0")), int(asked.get("limit", "1000"))
        headers = {}
        if begin + limit < len(found):
            onward = request.url.update_query(cursor=str(begin + limit))
            headers["Link"] = f'<{onward}>; rel="next"'
        wanted = [*asked.getall("expand", []), "id", "private"]
        shown = [
            {name: value for name, value in _told(each).items() if name in wanted}
            for each in found[begin : begin + limit]
        ]
        return web.json_response(shown, headers=headers)

    async def _info(self, request: web.Request) -> web.Response:
        found = self._seen(request)
        if isinstance(found, web.Response):
            return found
        revision = request.match_info.get("revision", "main")
        told = _told(found)
        if found.at(revision) is None:
            return refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        told["sha"] = found.commit_of(revision)
        wanted = request.query.getall("expand", [])
        if wanted:
            told = {name: told[name] for name in wanted}
        else:
            told["siblings"] = [{"rfilename": path} for path in sorted(found.files)]
        return web.json_response({"id": found.id, **told})

    async def _refs(self, request: web.Request) -> web.Response:
        found = self._seen(request)
        if isinstance(found, web.Response):
            return found
        shown = {
            kind: [
                {"name": name, "ref": f"refs/{where}/{name}", "targetCommit": commit}
                for name, commit in held.items()
            ]
            for kind, where, held in (
                ("branches", "heads", found.branches),
                ("tags", "tags", found.tags),
            )
        }
        return web.json_response({**shown, "converts": []})

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
        inside = request.match_info.get("folder", "")
        below = {path for path in files if path.startswith(f"{inside}/") or not inside}
        if inside and not below:
            return refusal(404, f"{inside} does not exist", "EntryNotFound")
        files = {path: files[path] for path in below}
        folders = {"/".join(path.split("/")[:n]) for path in files for n in range(1, 9)} - {*files}
        depth = inside.count("/") + 1 if inside else 0
        is_whole = request.query.get("recursive", "").lower() == "true"
        names = [
            path
            for path in sorted({*files, *folders})
            if (is_whole or path.count("/") == depth) and path.count("/") >= depth
        ]
        entries = [_entry(path, files.get(path)) for path in names]
        begin = int(request.query.get("cursor", "0"))
        headers = {}
        if begin + PAGE < len(entries):
            onward = request.url.update_query(cursor=str(begin + PAGE))
            headers["Link"] = f'<{onward}>; rel="next"'
        return web.json_response(entries[begin : begin + PAGE], headers=headers)

    async def _paths(self, request: web.Request) -> web.Response:
        found = self._seen(request)
        if isinstance(found, web.Response):
            return found
        files = found.at(request.match_info["revision"])
        if files is None:
            return refusal(404, "Invalid rev id", "RevisionNotFound")
        wanted = (await request.json())["paths"]
        folders = {"/".join(path.split("/")[:n]) for path in files for n in range(1, 9)} - {*files}
        known = [path for path in wanted if path in files or path in folders]
        return web.json_response([_entry(path, files.get(path)) for path in known])

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
        branch, parent = request.match_info["revision"], header.get("parentCommit")
        if "create_pr" in request.query:
            branch = found.open_pull_request(parent)
        made = found.commit(header["summary"], changes, parent, branch)
        if made is None:
            return refusal(412, "A commit has happened since. Please refresh and try again.")
        url = f"{self._url()}{self.page}/{found.id}/commit/{made.oid}"
        told = {"success": True, "commitOid": made.oid, "commitUrl": url}
        if "create_pr" in request.query:
            number = branch.rpartition("/")[2]
            told["pullRequestUrl"] = f"{self._url()}{self.page}/{found.id}/discussions/{number}"
        return web.json_response(told)

    # Branches and tags

    async def _branch(self, request: web.Request) -> web.Response:
        found = self._written(request)
        if isinstance(found, web.Response):
            return found
        name = request.match_info["branch"]
        asked = await request.json() if request.can_read_body else {}
        if name in found.branches:
            return refusal(409, f"Reference already exists: refs/heads/{name}")
        if not found.branch(name, asked.get("startingPoint", "main")):
            return refusal(404, "Invalid rev id", "RevisionNotFound")
        return web.json_response({"success": True})

    async def _no_branch(self, request: web.Request) -> web.Response:
        found = self._written(request)
        if isinstance(found, web.Response):
            return found
        if not found.remove_branch(request.match_info["branch"]):
            return refusal(404, "Invalid rev id", "RevisionNotFound")
        return web.json_response({"success": True})

    async def _tag(self, request: web.Request) -> web.Response:
        found = self._written(request)
        if isinstance(found, web.Response):
            return found
        asked, revision = await request.json(), request.match_info["revision"]
        if asked["tag"] in found.tags:
            return refusal(409, "Tag reference already exists")
        if found.at(revision) is None:
            return refusal(404, "Invalid rev id", "RevisionNotFound")
        found.tags[asked["tag"]] = found.commit_of(revision)
        return web.json_response({"success": True})

    async def _no_tag(self, request: web.Request) -> web.Response:
        found = self._written(request)
        if isinstance(found, web.Response):
            return found
        if found.tags.pop(request.match_info["tag"], None) is None:
            return refusal(404, "Invalid rev id", "RevisionNotFound")
        return web.json_response({"success": True})

    def _change(self, line: dict[str, Any]) -> tuple[str, Blob | None]:
        """Raises KeyError for an object that LFS does not have."""
        value = line["value"]
        match line["key"]:
            case "file":
                assert value["encoding"] == "base64"
                return value["path"], Blob(base64.b64decode(value["content"]))
            case "lfsFile":
                assert value["algo"] == "sha256"
                return value["path"], Blob(self._storage.objects[value["oid"]], in_lfs=True)
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
        if asked["oid"] in self._storage.objects:
            return dict(asked)
        return {**asked, "actions": {"upload": {"href": f"{self._url()}/lfs/{asked['oid']}"}}}

    async def _resolve(self, request: web.Request) -> web.Response:
        found = self._seen(request)
        if isinstance(found, web.Response):
            return found
        if found.gated and not found.lets_in(self._people.who(token_of(request))):
            status = 403 if token_of(request) else 401
            return refusal(status, f"Access to {self.kind} {found.id} is restricted.", "GatedRepo")
        revision, path = request.match_info["revision"], request.match_info["path"]
        files = found.at(revision)
        if files is None:
            return refusal(404, "Invalid rev id", "RevisionNotFound")
        blob = files.get(path)
        head = {"X-Repo-Commit": found.commit_of(revision)}
        if blob is None:
            missing = refusal(404, "Entry not found", "EntryNotFound")
            missing.headers.update(head)
            return missing
        etag = blob.sha256 if blob.in_lfs else blob.oid
        return _content(request, blob, {**head, "ETag": f'"{etag}"'})

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


def _content(request: web.Request, blob: Blob, headers: dict[str, str]) -> web.Response:
    """All of it, or the part that is asked for."""
    first, end, _ = request.http_range.indices(len(blob.content))
    if "Range" not in request.headers:
        return web.Response(body=blob.content, headers=headers)
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(blob.content)}"
    return web.Response(status=206, body=blob.content[first:end], headers=headers)


def _sees(who: Bearer | None, owner: str) -> bool:
    return who is not None and who.may_see(owner)


def _told(found: Repository) -> dict[str, Any]:
    return {
        "id": found.id,
        "author": found.id.split("/")[0],
        "sha": found.head,
        "private": found.private,
        "gated": found.gated,
        "disabled": False,
        "tags": [],
        **found.about,
    }


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
