"""GitHub's REST API as far as our tool asks it, over real HTTP: repositories that a test gives."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.outside import Asked, Given

LARGEST_INLINE = 1 << 20
MISSING = Given(
    content=json.dumps(
        {
            "message": "Not Found",
            "documentation_url": "https://docs.github.com/rest",
            "status": "404",
        }
    ),
    status=404,
)


class GitHubServer:
    """Answers by `Outside`; files by repository and path."""

    def __init__(self, repositories: Mapping[str, Mapping[str, bytes]]) -> None:
        self.repositories = repositories
        self.truncated = False

    def __call__(self, asked: Asked) -> Given:
        url = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        parts = unquote(url.path).strip("/").split("/")
        if url.path == "/search/repositories":
            return self._search(query)
        if url.path == "/search/code":
            return self._search_code(asked, query)
        repository = "/".join(parts[1:3])
        if parts[0] != "repos" or repository not in self.repositories:
            return MISSING
        files = self.repositories[repository]
        if parts[3:5] == ["git", "trees"]:
            return self._tree(files)
        return _contents(asked, files, "/".join(parts[4:]))

    def _search(self, query: Mapping[str, str]) -> Given:
        words = query["q"].split()
        owners = [word.removeprefix("user:") for word in words if word.startswith("user:")]
        plain = [word for word in words if not word.startswith("user:")]
        names = [
            name
            for name in self.repositories
            if name.partition("/")[0] in (owners or [name.partition("/")[0]])
            and all(word in name for word in plain)
        ]
        size, page = int(query["per_page"]), int(query["page"])
        chosen = names[(page - 1) * size : page * size]
        found = {
            "total_count": len(names),
            "incomplete_results": False,
            "items": [_repository(name) for name in chosen],
        }
        return Given(content=json.dumps(found))

    def _search_code(self, asked: Asked, query: Mapping[str, str]) -> Given:
        """For those alone who say who they are."""
        if "authorization" not in asked.headers:
            return _refused(401, "Requires authentication")
        words = query["q"].split()
        plain = [word for word in words if ":" not in word]
        where = [word.partition(":")[2] for word in words if word.startswith(("repo:", "user:"))]
        known = {*self.repositories, *(name.partition("/")[0] for name in self.repositories)}
        if not plain or not {*where} <= known:
            return _refused(422, "Validation Failed")
        found = [
            _code(name, path, content, plain)
            for name, files in self.repositories.items()
            for path, content in files.items()
            if all(each in (name, name.partition("/")[0]) for each in where)
            and all(word.encode() in content for word in plain)
        ]
        size, page = int(query["per_page"]), int(query["page"])
        shown = found[(page - 1) * size : page * size]
        if "text-match" not in asked.headers["accept"]:
            shown = [{k: v for k, v in each.items() if k != "text_matches"} for each in shown]
        document = {"total_count": len(found), "incomplete_results": False, "items": shown}
        return Given(content=json.dumps(document))

    def _tree(self, files: Mapping[str, bytes]) -> Given:
        entries = [
            {
                "path": path,
                "mode": "100644",
                "type": "blob",
                "sha": "0" * 40,
                "size": len(content),
                "url": "https://api.github.com/blob",
            }
            for path, content in files.items()
        ]
        folder = {"path": "examples", "mode": "040000", "type": "tree", "sha": "1" * 40}
        tree = {"sha": "2" * 40, "tree": [folder, *entries], "truncated": self.truncated}
        return Given(content=json.dumps(tree))


def _refused(status: int, message: str) -> Given:
    return Given(content=json.dumps({"message": message, "status": str(status)}), status=status)


def _code(name: str, path: str, content: bytes, words: list[str]) -> dict[str, object]:
    fragment = content.decode("utf-8", "replace")[:200]
    at = fragment.find(words[0])
    return {
        "name": path.split("/")[-1],
        "path": path,
        "sha": "4" * 40,
        "url": f"https://api.github.com/repositories/1/contents/{path}",
        "git_url": "https://api.github.com/repositories/1/git/blobs/4",
        "html_url": f"https://github.com/{name}/blob/main/{path}",
        "repository": {"id": 1, "full_name": name, "private": False},
        "score": 1.0,
        "text_matches": [
            {
                "object_url": "https://api.github.com/repositories/1/contents",
                "object_type": "FileContent",
                "property": "content",
                "fragment": fragment,
                "matches": [{"text": words[0], "indices": [at, at + len(words[0])]}],
            }
        ],
    }


def _repository(name: str) -> dict[str, object]:
    return {
        "id": 1,
        "name": name.partition("/")[2],
        "full_name": name,
        "html_url": f"https://github.com/{name}",
        "description": "A library.",
        "stargazers_count": 12,
        "language": "Python",
        "license": {"key": "apache-2.0", "name": "Apache License 2.0", "spdx_id": "Apache-2.0"},
        "pushed_at": "2026-11-01T10:00:00Z",
        "archived": False,
    }


def _contents(asked: Asked, files: Mapping[str, bytes], path: str) -> Given:
    inside = [each for each in files if each.startswith(f"{path}/")]
    if inside:
        return Given(content=json.dumps([{"name": each.split("/")[-1]} for each in inside]))
    if path not in files:
        return MISSING
    content = files[path]
    if "raw" in asked.headers["accept"]:
        return Given(content=content, content_type="application/vnd.github.raw+json")
    is_inline = len(content) <= LARGEST_INLINE
    found = {
        "type": "file",
        "encoding": "base64" if is_inline else "none",
        "size": len(content),
        "name": path.split("/")[-1],
        "path": path,
        "content": base64.encodebytes(content).decode() if is_inline else "",
        "sha": "3" * 40,
        "html_url": f"https://github.com/o/r/blob/main/{path}",
    }
    return Given(content=json.dumps(found))
