"""Proofs of death, and what proves nothing."""

import dataclasses
import os
import subprocess
import sys

from ml_intern.queue.owner import Owner, is_provably_dead, read_owner

ASK = "from ml_intern.queue.owner import read_owner as r; o = r(); print(o.pid, o.start_time)"


def test_this_process_lives() -> None:
    here = read_owner()
    assert here.pid == os.getpid()
    assert here == read_owner()
    assert not is_provably_dead(here, seen_from=here)


def test_a_process_lives_is_dead_when_only_its_entry_is_left_and_stays_dead() -> None:
    here = read_owner()
    child = subprocess.Popen(
        [sys.executable, "-c", f"{ASK}; import sys; sys.stdout.flush(); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pid, start_time = map(int, child.stdout.readline().split())
    owner = Owner(boot_id=here.boot_id, pid=pid, start_time=start_time)
    assert not is_provably_dead(owner, seen_from=here)
    child.kill()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert is_provably_dead(owner, seen_from=here)
    child.communicate()
    assert is_provably_dead(owner, seen_from=here)


def test_another_process_of_the_same_number_proves_the_death_of_the_first() -> None:
    here = read_owner()
    earlier = dataclasses.replace(here, start_time=here.start_time - 1)
    assert is_provably_dead(earlier, seen_from=here)


def test_nothing_is_proved_about_another_boot_or_namespace() -> None:
    here = read_owner()
    assert not is_provably_dead(
        Owner(boot_id="another", pid=2**22 - 1, start_time=1), seen_from=here
    )
