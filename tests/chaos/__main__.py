"""`make chaos`: everything that may happen to the service, many times, and a table of what it cost.

Exit status 1 when a promise was broken; the folders of what broke it stay.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from tests.chaos import disk, power
from tests.chaos.daemon import Home
from tests.chaos.databases import DATABASES, SQLITE, Source, databases, here
from tests.chaos.frozen import LOOKED, RECORDED, freeze
from tests.chaos.ledger import Count
from tests.chaos.mutations import ACKNOWLEDGED, FROZEN, MUTATIONS
from tests.chaos.noticing import noticed
from tests.chaos.outage import AT_WORK_WITHIN_S, stop_server
from tests.chaos.plan import Plan
from tests.chaos.points import POINTS
from tests.chaos.rounds import come_to_rest, die_at, kill_at_random, lose_sends
from tests.chaos.scenes import Stage
from tests.support.nursery import Nursery

OUTAGES = 10
"""Stops of the server under one state directory, before the next one."""
CHAPTER = 50
"""Random kills over one state directory, before the next one."""
SCENES = tuple(dict.fromkeys(point.scene for point in POINTS))
FROZEN_TOGETHER = 10
JUMPS_S = (3600.0, 0.0, -3600.0, 86_400.0, 0.0)
LEAST_INSIDE = 0.2
SENDS = {"retry": 2, "done": 1, "skip": 1}
"""How often an effect that was cut off comes about, by what a person says of it."""


@dataclass(kw_only=True)
class Row:
    """One line of the table."""

    name: str
    kills: int = 0
    inside: int = 0
    points: int = 0
    """Of the named ones, that were reached at least once."""
    of_points: int = 0
    frozen: int = 0
    count: Count = field(default_factory=Count)
    trouble: list[str] = field(default_factory=list)
    """What was broken that is no number."""
    slowest_s: float = 0.0
    """Until the service was at work again."""
    took_s: float = 0.0

    @property
    def is_good(self) -> bool:
        return self.count.is_clean and not self.trouble


class Run:
    """One run over one kind of database."""

    def __init__(
        self,
        nursery: Nursery,
        folder: Path,
        source: Source,
        seed: int,
        scenes: Sequence[str] = SCENES,
    ) -> None:
        """`scenes`: those whose points are tried."""
        self._scenes = scenes
        self._points = [point for point in POINTS if point.scene in scenes]
        self._nursery = nursery
        self._new = source.new
        self._server = source.server
        self._folder = folder
        self.kind = source.kind
        self._seed = seed
        self._homes = 0

    def points(self, times: int) -> Row:
        """Each point so many times."""
        row = Row(name="named points", of_points=len(self._points))
        reached = set()
        for number in range(times):
            for scene in self._scenes:
                with self._stage(row) as stage:
                    for point in (one for one in self._points if one.scene == scene):
                        died = die_at(stage, point, number % point.hits + 1)
                        row.kills += died.status == -9
                        if died.reached:
                            reached.add(point.name)
                    come_to_rest(stage)
                    row.count.add(stage.count())
                _tell(f"  points, round {number + 1} of {times}: {scene}")
        row.points = len(reached)
        missed = [point.name for point in self._points if point.name not in reached]
        row.trouble += [f"{name} was not reached" for name in missed]
        if row.count.given_up:
            row.trouble.append(f"{row.count.given_up} ops were given up")
        return row

    def random(self, kills: int, *, jumps_s: tuple[float, ...] = ()) -> Row:
        """So many kills at random moments."""
        row = Row(name="clock jumps" if jumps_s else "random moments")
        left = kills
        while left > 0:
            seed = self._seed + self._homes
            with self._stage(row) as stage:
                plan = Plan(clock_jumps_s=jumps_s)
                found = kill_at_random(stage, min(left, CHAPTER), random.Random(seed), plan)
                row.kills += found.kills
                row.inside += found.inside
                row.count.add(found.count)
            left -= CHAPTER
            _tell(f"  {row.name}, seed {seed}: {row.kills} kills, {row.inside} inside a call")
        if row.kills and not jumps_s and row.inside < LEAST_INSIDE * row.kills:
            row.trouble.append("too few kills inside a call")
        return row

    def sends(self, times: int) -> Row:
        """A kill inside of effects that reach outside, so many times, and three answers to each."""
        row = Row(name="effects that reach outside")
        for _ in range(times):
            with self._stage(row) as stage:
                found = lose_sends(stage)
                row.kills += 1
                row.inside += 1
                row.count.add(stage.count())
                if found != SENDS:
                    row.trouble.append(f"sent {found}, not {SENDS}")
        _tell(f"  {row.name}: {row.count.unknown} were lost and answered for")
        return row

    def frozen(self, owners: int) -> Row:
        """So many owners stopped past their leases."""
        row = Row(name="frozen owners")
        for at in cycle((RECORDED, LOOKED)):
            if row.frozen >= owners:
                break
            found = 0
            with self._stage(row) as stage:
                found = freeze(stage, min(FROZEN_TOGETHER, owners - row.frozen), at=at)
                row.frozen += found
                late = at == LOOKED and self._server is not None
                row.count.add(stage.count(frozen=late))
            _tell(f"  frozen owners: {row.frozen}")
            if not found:
                row.trouble.append("nobody was frozen")
                break
        return row

    def stops(self, times: int) -> Row:
        """The server stopped without a word, so many times."""
        row = Row(name="server stopped")
        assert self._server is not None
        left = times
        while left > 0:
            chance = random.Random(self._seed + self._homes)
            with self._stage(row) as stage:
                found = stop_server(stage, self._server, min(left, OUTAGES), chance)
                row.kills += found.stops
                row.inside += found.inside
                row.count.add(found.count)
                row.slowest_s = max(row.slowest_s, found.slowest_s)
            left -= OUTAGES
            _tell(f"  {row.name}: {row.kills}, at work again in {row.slowest_s:.1f} s at most")
        if row.slowest_s > AT_WORK_WITHIN_S:
            row.trouble.append(f"at work again only after {row.slowest_s:.1f} s")
        return row

    def power(self, cuts: int) -> Row:
        """The log cut at so many places; SQLite has one."""
        row = Row(name=f"log cut at {cuts} places")
        with self._stage(row) as stage:
            sized = power.written(stage)
            folder = stage.home.folder / "cuts"
            chance = random.Random(self._seed)
            row.trouble += power.cut(stage.home.state, folder, sized, cuts, chance)
            row.count.acknowledged = len(sized)
        return row

    def disk(self) -> Row:
        """A disk that is full for a while."""
        row = Row(name="disk full")
        folder = self._new_folder()
        try:
            with disk.small_disk(folder / "disk") as small:
                home = folder / "home"
                row.count = disk.fill_under_load(self._nursery, home, small, self._new())
        except PermissionError as exc:
            row.name += f" (left out: {exc})"
        except AssertionError as exc:
            row.trouble.append(str(exc))
        return row

    def mutations(self) -> dict[str, str]:
        """What noticed each rule that was broken, if the scenes in which it is seen are tried."""
        found = {}
        names = {FROZEN, ACKNOWLEDGED, *(point.name for point in self._points)}
        for mutation in MUTATIONS:
            if mutation.is_of_many and self._server is None:
                continue
            if not names >= set(mutation.caught_at):
                continue
            found[mutation.name] = noticed(self._nursery, self._new_folder(), mutation, self._new())
            _tell(f"  {mutation.name}: {found[mutation.name] or 'NOT NOTICED'}")
        return found

    @contextmanager
    def _stage(self, row: Row) -> Iterator[Stage]:
        """A stage of its own; what goes wrong on it is told, and its folder stays then."""
        folder = self._new_folder()
        before = (len(row.trouble), len(row.count.problems))
        stage = Stage(Home(self._nursery, folder, database=self._new()))
        try:
            yield stage
        except AssertionError as exc:
            row.trouble.append(_told(exc))
        finally:
            stage.close()
        if (len(row.trouble), len(row.count.problems)) == before:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            _tell(f"  BROKEN, see {folder}: {(row.trouble + row.count.problems)[-3:]}")

    def _new_folder(self) -> Path:
        self._homes += 1
        return self._folder / f"{self.kind}-{self._homes}"


def main(words: Sequence[str] | None = None) -> int:
    """Run what was asked for; 0 when every promise was kept."""
    asked = _parser().parse_args(words)
    seed = asked.seed if asked.seed is not None else random.randrange(1 << 32)
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=asked.folder))
    _tell(f"seed {seed}, folder {folder}")
    good = True
    for kind in asked.database or here():
        with databases(kind) as source, Nursery() as nursery:
            run = Run(nursery, folder, source, seed, asked.scene or SCENES)
            good &= _run(run, asked)
    if good:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


def _run(run: Run, asked: argparse.Namespace) -> bool:
    _tell(f"\n{run.kind}")
    acts: list[Callable[[], Row]] = []
    if asked.points:
        acts.append(lambda: run.points(asked.points))
    if asked.kills:
        acts.append(lambda: run.random(asked.kills))
    if asked.jumps:
        acts.append(lambda: run.random(asked.jumps, jumps_s=JUMPS_S))
    if asked.sends:
        acts.append(lambda: run.sends(asked.sends))
    if asked.frozen:
        acts.append(lambda: run.frozen(asked.frozen))
    if asked.stops and run.kind != SQLITE:  # which has no server
        acts.append(lambda: run.stops(asked.stops))
    if asked.cuts and run.kind == SQLITE:
        acts.append(lambda: run.power(asked.cuts))
    if asked.disk and run.kind == SQLITE:  # elsewhere the database is not on that disk
        acts.append(run.disk)
    rows = [_timed(act) for act in acts]
    noticed_by = run.mutations() if asked.mutations else {}
    _tell(_table(run.kind, rows))
    if noticed_by:
        _tell(_noticed(noticed_by))
    return all(row.is_good for row in rows) and all(noticed_by.values())


def _told(exc: AssertionError) -> str:
    """What was not so; an assertion without words is told by its line."""
    if words := str(exc).strip():
        return words.splitlines()[0]
    frame = traceback.extract_tb(exc.__traceback__)[-1]
    return f"{Path(frame.filename).name}, line {frame.lineno}: {frame.line}"


def _timed(act: Callable[[], Row]) -> Row:
    began = time.monotonic()
    row = act()
    row.took_s = time.monotonic() - began
    return row


def _table(kind: str, rows: Sequence[Row]) -> str:
    head = (
        *("", "kills", "points", "inside", "frozen", "accepted", "effects", "jobs"),
        *("lost", "doubled", "reordered", "unfenced", "broken"),
        *("repeated", "unknown", "given up", "seconds"),
    )
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    trouble = [f"! {row.name}: {what}" for row in rows for what in row.trouble]
    problems = [f"! {row.name}: {what}" for row in rows for what in row.count.problems[:10]]
    return "\n".join(["", f"What came of it on {kind}:", *shown, *trouble, *problems])


def _cells(row: Row) -> tuple[str, ...]:
    count = row.count
    points = f"{row.points}/{row.of_points}" if row.of_points else ""
    inside = f"{row.inside / row.kills:.0%}" if row.inside and row.kills else ""
    numbers = (
        *(count.acknowledged, count.effects, count.jobs, count.lost, count.duplicated),
        *(count.reordered, count.unfenced, count.broken + len(row.trouble)),
        *(count.repeated, count.unknown, count.given_up),
    )
    return (
        *(row.name, str(row.kills or ""), points, inside, str(row.frozen or "")),
        *(str(number) for number in numbers),
        f"{row.took_s:.0f}",
    )


def _noticed(noticed_by: dict[str, str]) -> str:
    lines = [f"  {name}: {by or 'NOT NOTICED'}" for name, by in noticed_by.items()]
    return "\n".join(["", "Rules that were broken on purpose, and what noticed it:", *lines])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    number = {"type": int, "metavar": "N"}
    parser.add_argument("--points", default=5, help="times for each named point", **number)
    parser.add_argument("--kills", default=1000, help="kills at random moments", **number)
    parser.add_argument("--jumps", default=50, help="kills while the clock jumps", **number)
    parser.add_argument("--sends", default=10, help="kills in effects that reach outside", **number)
    parser.add_argument("--frozen", default=100, help="owners stopped past their lease", **number)
    parser.add_argument("--stops", default=50, help="stops of the database's server", **number)
    parser.add_argument("--cuts", default=500, help="places at which the log is cut", **number)
    for name in ("disk", "mutations"):
        parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--database", action="append", choices=DATABASES, help="default: all")
    parser.add_argument(
        "--scene",
        action="append",
        choices=SCENES,
        help="whose named points are tried; default: all",
    )
    parser.add_argument("--seed", type=int, help="default: another one each time")
    parser.add_argument("--folder", help="where state directories are made; default: /tmp")
    return parser


def _tell(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
