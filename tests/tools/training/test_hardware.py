import resource
from pathlib import Path

import pytest

from ml_intern.events import Fact
from ml_intern.tools.facts import Facts
from ml_intern.tools.training.hardware import (
    available_bytes,
    cgroup_limit_bytes,
    gpu_names,
    memory_limit_bytes,
)
from tests.support.contexts import a_place


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_limit_of_control_group_version_2_counts_wherever_it_is_set(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "0::/user/job\n")
    write(tmp_path / "sys/fs/cgroup/user/job/memory.max", "max\n")
    write(tmp_path / "sys/fs/cgroup/user/memory.max", "3000000000\n")
    assert cgroup_limit_bytes(tmp_path) == 3_000_000_000


def test_a_limit_of_control_group_version_1_counts(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "5:cpu:/x\n4:memory:/x\n")
    write(tmp_path / "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "2000000000\n")
    assert cgroup_limit_bytes(tmp_path) == 2_000_000_000


def test_version_1_writes_no_limit_as_a_huge_number(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "4:memory:/\n")
    write(tmp_path / "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert cgroup_limit_bytes(tmp_path) is None


def test_a_path_of_the_host_falls_back_to_the_root_of_the_container(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "0::/docker/not-here\n")
    write(tmp_path / "sys/fs/cgroup/memory.max", "1000000000\n")
    assert cgroup_limit_bytes(tmp_path) == 1_000_000_000


def test_no_control_groups_no_limit(tmp_path: Path) -> None:
    assert cgroup_limit_bytes(tmp_path) is None


def test_the_tightest_limit_counts() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (64 << 30, hard))
    try:
        under_rlimit = memory_limit_bytes(None)
        under_setting = memory_limit_bytes(1 << 30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert under_rlimit is not None
    assert under_rlimit <= 64 << 30
    assert under_setting == min(1 << 30, under_rlimit)


@pytest.mark.parametrize(("gpus", "expected"), [([], False), ([16], True), ([16, 8], True)])
def test_a_gpu_counts_once_it_was_seen(tmp_path: Path, gpus: list[int], expected: bool) -> None:
    seen = [{"name": "x", "memory_bytes": size << 30} for size in gpus]
    facts = Facts([Fact(kind="hardware", data={"report": {"gpus": seen}})])
    found, gpu = available_bytes(a_place(tmp_path), facts)
    assert gpu is expected
    if gpus:
        assert found == min(gpus) << 30


def test_gpus_have_the_names_of_the_driver(tmp_path: Path) -> None:
    for number, model in enumerate(("NVIDIA H100 80GB HBM3", "NVIDIA A10")):
        write(tmp_path / f"dev/nvidia{number}", "")
        folder = tmp_path / f"proc/driver/nvidia/gpus/0000:0{number}:00.0"
        write(folder / "information", f"Model: \t\t {model}\nIRQ:   \t\t 7\n")
    assert gpu_names(tmp_path) == ("NVIDIA H100 80GB HBM3", "NVIDIA A10")


def test_a_gpu_that_is_listed_but_was_not_given_to_us_does_not_count(tmp_path: Path) -> None:
    write(tmp_path / "proc/driver/nvidia/gpus/0/information", "Model: NVIDIA A10\n")
    assert gpu_names(tmp_path) == ()
