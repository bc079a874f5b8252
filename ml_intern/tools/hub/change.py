"""The tool `hub_change`: files, branches, tags and pull requests of a repository of the Hub.

What a person says yes to is bound to the commit that was there when they were asked (`parent`) and
to the hash of the files (`sha256`): where either is another one when it runs, nothing is done. The
files are copied out of the reach of the session's code before they are looked at and sent, and
opened so that no link leads out of the workspace.
"""

import difflib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from ml_intern.errors import (
    HubAway,
    HubError,
    HubOvertaken,
    InputError,
    MLInternError,
    OutsideError,
)
from ml_intern.events import Effect, Exhibit, Fact, Recovery
from ml_intern.hub.away import HubAbroad
from ml_intern.hub.protocol import Change, Ref
from ml_intern.tools.files.beneath import open_beneath
from ml_intern.tools.foreign import items, mapping, text
from ml_intern.tools.hub import reading
from ml_intern.tools.hub.blobs import is_same, outgoing, sha256_of
from ml_intern.tools.hub.names import (
    Kind,
    Repo,
    check_path,
    check_revision,
    repo_named,
    seen,
)
from ml_intern.tools.hub.reading import Info
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed
from ml_intern.wording import size_words

Operation = Literal[
    "create",
    "upload",
    "delete",
    "pull_request",
    "create_branch",
    "delete_branch",
    "create_tag",
    "delete_tag",
]
Standing = Literal["done", "untouched", "unknown"]
MOST_FILES = 200
MOST_DIFF_BYTES = 64 << 10
NO_TOKEN = (
    "There is no token of the Hub, or HF_HUB_OFFLINE is set, so nothing can be changed there. Ask "
    "the person to set HF_TOKEN to one that may write, or to say `hf auth login`."
)


class ChangeArguments(Arguments):
    """What to change."""

    operation: Operation
    repo: str = Field(min_length=1, description="OWNER/NAME.")
    kind: Kind = "model"
    files: dict[str, str] = Field(
        {},
        max_length=MOST_FILES,
        description="For upload and pull_request: path in the repository to path in the workspace.",
    )
    paths: list[str] = Field(
        [], max_length=MOST_FILES, description="For delete and pull_request: files to delete."
    )
    branch: str = Field("main", description="That upload and delete change.")
    name: str = Field("", description="Of the branch or tag.")
    start: str = Field("main", description="Where a new branch or tag begins.")
    message: str = Field("", max_length=500, description="Of the commit.")
    private: bool = Field(True, description="For create.")
    parent: str = Field("", description="Leave it out: it is filled in.")
    sha256: str = Field("", description="Leave it out: it is filled in.")


class HubChange(Tool[ChangeArguments]):
    """One commit, or one mark. Never forces, never rewrites what is there."""

    name: ClassVar[str] = "hub_change"
    description: ClassVar[str] = (
        "Change a repository on the Hugging Face Hub: create it, upload or delete files, open a "
        "pull request, create or delete a branch or tag. A person is asked first. For a trained "
        "model use publish."
    )
    arguments = ChangeArguments
    effect: ClassVar[Effect] = "external"
    recovery: ClassVar[Recovery] = "probe"
    timeout_s: ClassVar[float] = 3600.0
    operations: ClassVar[tuple[str, ...]] = (
        "create_private",
        "create_public",
        "upload",
        "delete",
        "pull_request",
        "create_branch",
        "delete_branch",
        "create_tag",
        "delete_tag",
    )

    def operation(self, args: ChangeArguments) -> str:
        if args.operation == "create":
            return f"create_{'private' if args.private else 'public'}"
        return args.operation

    def repository(self, args: ChangeArguments, ctx: ToolContext) -> str:
        try:
            return _repo(args, ctx).id
        except InputError:  # `ask_reason` and `run` say so
            return ""

    def settle(self, args: ChangeArguments, ctx: ToolContext) -> ChangeArguments:
        """Bound to the state that is there now; as it is where that cannot be read."""
        bare = args.model_copy(update={"parent": "", "sha256": ""})
        try:
            _check(bare)
            parent = "" if args.operation == "create" else _look(args, ctx).sha
            digest = _digest(_hashes(args, ctx))
        except (MLInternError, OSError):  # `run` will say why
            return bare
        return args.model_copy(update={"parent": parent, "sha256": digest})

    def ask_reason(self, args: ChangeArguments, ctx: ToolContext) -> str:
        try:
            _check(args)
            return _question(args, ctx)
        except MLInternError as exc:
            return f"{_said(args)}: {args.repo[:100]}. It would be refused now: {exc}"

    def exhibits(self, args: ChangeArguments, ctx: ToolContext) -> tuple[Exhibit, ...]:
        """The files with their sizes, and what changes in those of text."""
        if not (args.files or args.paths):
            return ()
        info = _look(args, ctx)
        lines, diff = [], ""
        for path, at in args.files.items():
            with _opened(ctx, at) as file:
                lines.append(f"+ {seen(path)} ({size_words(os.fstat(file.fileno()).st_size)})")
                diff += _diff(ctx, info, path, file)
        lines += [f"- {seen(path)}" for path in args.paths]
        listed = Exhibit(title="Files", kind="text", text="\n".join(lines))
        return (listed, Exhibit(title="Changes", kind="diff", text=diff)) if diff else (listed,)

    def refusals(self, args: ChangeArguments, ctx: ToolContext) -> dict[str, str]:
        found = dict(super().refusals(args, ctx))
        try:
            _check(args)
        except InputError as exc:
            found[""] = str(exc)
        return found

    def content_sha256(self, args: ChangeArguments, ctx: ToolContext) -> str:
        if not args.files:
            return ""
        return _digest(_hashes(args, ctx))

    def run(self, args: ChangeArguments, ctx: ToolContext) -> ToolOutcome:
        _check(args)
        hub = ctx.place.connect_hub(ctx.cancelled)
        if hub is None:
            return fail(NO_TOKEN)
        with hub:
            try:
                return self._done(args, ctx, hub)
            except HubOvertaken as exc:
                return fail(f"{exc}. Nothing was changed; look again, and call hub_change anew.")
            except HubAway as exc:
                if _standing(args, ctx) == "done":
                    return _answer(args, ctx, {"found_done": True})
                return fail(f"{exc}. It may have been done: look with hub_details before again.")
            except HubError as exc:
                return fail(f"The Hub refuses it: {exc}.")

    def _done(self, args: ChangeArguments, ctx: ToolContext, hub: HubAbroad) -> ToolOutcome:
        repo = _repo(args, ctx)
        match args.operation:
            case "create":
                hub.make(repo.kind, repo.id, args.private)
                return _answer(args, ctx, {})
            case "upload" | "delete" | "pull_request":
                return self._commit(args, ctx, hub, repo)
            case "create_branch" | "delete_branch" | "create_tag" | "delete_tag":
                if _look(args, ctx).sha != args.parent:
                    return fail(f"{args.name} is not what was looked at; call hub_change again.")
                hub.mark(
                    Ref(
                        act=args.operation,
                        kind=repo.kind,
                        repo_id=repo.id,
                        name=args.name,
                        at=args.parent,
                    )
                )
                return _answer(args, ctx, {"name": args.name, "commit": args.parent})

    def _commit(
        self, args: ChangeArguments, ctx: ToolContext, hub: HubAbroad, repo: Repo
    ) -> ToolOutcome:
        if not args.parent:
            _hashes(args, ctx)
            _look(args, ctx)  # what was in the way says so itself, if it still is
            return fail(f"Nobody has looked at what the {repo} holds now; call hub_change again.")
        with _copied(args, ctx) as files:
            if _digest({path: sha256_of(at) for path, at in files.items()}) != args.sha256:
                return fail("The files are not those that were looked at; call hub_change again.")
            made = hub.change(
                Change(
                    kind=repo.kind,
                    repo_id=repo.id,
                    branch=args.branch,
                    parent=args.parent,
                    files=tuple(outgoing(path, at) for path, at in files.items()),
                    deleted=tuple(args.paths),
                    message=args.message or _said(args),
                    as_pull_request=args.operation == "pull_request",
                )
            )
        more = {"pull_request": made.pull_request} if made.pull_request else {}
        return _answer(args, ctx, {"commit": made.commit, **more})

    def recover(self, args: ChangeArguments, ctx: ToolContext) -> ToolOutcome | None:
        """What stands there now tells whether it was done; of a pull request nothing tells.

        Where nothing has happened it is done now: what was sent before and arrives later finds the
        branch moved on, or the name taken, and is refused.
        """
        match _standing(args, ctx):
            case "done":
                return _answer(args, ctx, {"found_done": True})
            case "untouched":
                return self.run(args, ctx)
            case "unknown":
                return None


def _check(args: ChangeArguments) -> None:
    """Raises InputError for arguments that do not go together."""
    for path in (*args.files, *args.paths):
        check_path(path)
    check_revision(args.branch)
    wants_files = args.operation in ("upload", "pull_request")
    wants_paths = args.operation in ("delete", "pull_request")
    if args.operation in ("upload", "delete", "pull_request"):
        if (args.files and not wants_files) or (args.paths and not wants_paths):
            raise InputError("upload takes files, delete takes paths, and pull_request takes both.")
        if not (args.files or args.paths):
            raise InputError(f"{args.operation} needs {'files' if wants_files else 'paths'}.")
        if both := sorted({*args.files} & {*args.paths}):
            raise InputError(f"{both[0]} cannot be both written and deleted.")
        if args.operation == "pull_request" and args.branch != "main":
            raise InputError("A pull request is opened against main; leave branch out.")
    elif args.operation != "create":
        if not args.name:
            raise InputError(f"{args.operation} needs the name of the branch or tag.")
        check_revision(args.name)


def _repo(args: ChangeArguments, ctx: ToolContext) -> Repo:
    return repo_named(args.repo, args.kind, ctx.place.web.service("hub").base_url)


def _question(args: ChangeArguments, ctx: ToolContext) -> str:
    """What a person is asked. Raises InputError, OutsideError."""
    repo = _repo(args, ctx)
    if args.operation == "create":
        who = "for you alone" if args.private else "for everybody to see"
        return f"Create the {repo} on the Hub, {who}."
    who = "private" if _look(args, ctx).said.get("private") is True else "public"
    return f"{_said(args)} ({repo}, {who})."


def _look(args: ChangeArguments, ctx: ToolContext) -> Info:
    """The repository where the change begins. Raises InputError, OutsideError."""
    at = {"create_branch": args.start, "create_tag": args.start}.get(args.operation, args.branch)
    if args.operation in ("delete_branch", "delete_tag"):
        at = args.name
    return reading.look(ctx, _repo(args, ctx), at, now=True)


@contextmanager
def _opened(ctx: ToolContext, path: str) -> Iterator[BufferedReader]:
    """A plain file of the workspace, whatever the session's code puts in its place meanwhile.

    Raises InputError.
    """
    workspace, found = ctx.place.workspace, ctx.place.writable(path)
    with ExitStack() as stack:
        try:
            if (workspace / path).is_symlink():
                raise IsADirectoryError
            file = stack.enter_context(open_beneath(workspace, found))
        except (OSError, InputError) as exc:
            raise InputError(f"{path} is no plain file in the workspace, {workspace}.") from exc
        yield file


def _hashes(args: ChangeArguments, ctx: ToolContext) -> dict[str, str]:
    """The sha256 of each file's bytes, by its path in the repository. Raises InputError."""
    found = {}
    for path, at in args.files.items():
        with _opened(ctx, at) as file:
            found[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _digest(hashes: dict[str, str]) -> str:
    """Of the paths and bytes of all files; empty of none."""
    if not hashes:
        return ""
    lines = "".join(f"{path}\0{found}\n" for path, found in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


@contextmanager
def _copied(args: ChangeArguments, ctx: ToolContext) -> Iterator[dict[str, Path]]:
    """The files, where the session's code cannot change them any more."""
    ctx.place.jobs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hub-", dir=ctx.place.jobs) as folder:
        files = {}
        for number, (path, at) in enumerate(args.files.items()):
            files[path] = Path(folder) / f"{number:05d}"
            with _opened(ctx, at) as file, files[path].open("wb") as copy:
                shutil.copyfileobj(file, copy)
        yield files


def _diff(ctx: ToolContext, info: Info, path: str, file: BufferedReader) -> str:
    """Of a small file of text; empty for any other."""
    content = file.read(MOST_DIFF_BYTES + 1)
    new = _text_of(content)
    if new is None or len(content) > MOST_DIFF_BYTES:
        return ""
    try:
        old = _text_of(reading.content(ctx, info, path, most_bytes=MOST_DIFF_BYTES).content)
    except MLInternError:  # it is new, or cannot be shown
        old = ""
    lines = difflib.unified_diff(
        (old or "").splitlines(),
        new.splitlines(),
        f"a/{seen(path)}",
        f"b/{seen(path)}",
        lineterm="",
    )
    return "".join(f"{line}\n" for line in lines)


def _text_of(content: bytes) -> str | None:
    try:
        return None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        return None


def _said(args: ChangeArguments) -> str:
    match args.operation:
        case "upload":
            return f"Upload {_many(len(args.files))} to {args.branch}"
        case "delete":
            return f"Delete {_many(len(args.paths))} from {args.branch}"
        case "pull_request":
            return f"Open a pull request that changes {_many(len(args.files) + len(args.paths))}"
        case "create_branch" | "create_tag":
            act, _, what = args.operation.partition("_")
            return f"{act.capitalize()} the {what} {args.name} at {args.start}"
        case "delete_branch" | "delete_tag":
            act, _, what = args.operation.partition("_")
            return f"{act.capitalize()} the {what} {args.name}"
        case "create":
            return "Create it"


def _many(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _standing(args: ChangeArguments, ctx: ToolContext) -> Standing:
    """What has become of it; what cannot be seen now is unknown, and so is every pull request."""
    try:
        repo = _repo(args, ctx)
        match args.operation:
            case "create":
                return _standing_of_new(args, ctx, repo)
            case "upload" | "delete":
                return _standing_of_commit(args, ctx, repo)
            case "create_branch" | "create_tag":
                at = _refs(args, ctx, repo).get(args.name)
                return "done" if at == args.parent else "untouched" if at is None else "unknown"
            case "delete_branch" | "delete_tag":
                at = _refs(args, ctx, repo).get(args.name)
                return "done" if at is None else "untouched" if at == args.parent else "unknown"
            case "pull_request":
                return "unknown"
    except MLInternError:
        return "unknown"


def _standing_of_new(args: ChangeArguments, ctx: ToolContext, repo: Repo) -> Standing:
    """Raises InputError, OutsideError."""
    try:
        info = reading.look(ctx, repo, now=True)
    except OutsideError as exc:
        if exc.code != "RepoNotFound":
            raise
        return "untouched"
    return "done" if info.said.get("private") is args.private else "unknown"


def _standing_of_commit(args: ChangeArguments, ctx: ToolContext, repo: Repo) -> Standing:
    """Raises InputError, OutsideError."""
    info = reading.look(ctx, repo, args.branch, now=True)
    if info.sha == args.parent:
        return "untouched"
    held = reading.hashes(ctx, info, [*args.files, *args.paths])
    with _copied(args, ctx) as files:
        is_done = not any(path in held for path in args.paths) and all(
            is_same(held.get(path), at) for path, at in files.items()
        )
    return "done" if is_done else "unknown"


def _refs(args: ChangeArguments, ctx: ToolContext, repo: Repo) -> dict[str, str]:
    path = f"{repo.api}/refs"
    page = ctx.place.web.get("hub", path, fresh_s=0.0, or_old=False, cancelled=ctx.cancelled)
    kind = "tags" if args.operation.endswith("tag") else "branches"
    return {
        text(mapping(each).get("name")): text(mapping(each).get("targetCommit"), 40)
        for each in items(mapping(page.json()).get(kind))
    }


def _answer(args: ChangeArguments, ctx: ToolContext, more: dict[str, Any]) -> ToolOutcome:
    repo = _repo(args, ctx)
    url = ctx.place.web.service("hub").base_url + repo.page
    document = {"operation": args.operation, "repo": repo.id, "kind": repo.kind, "url": url, **more}
    return succeed(document, Fact(kind="hub_changed", data=document))
