import pytest

from ml_intern.tools.tracebacks import OUT_OF_MEMORY, last_words, traceback_tail

CHAINED = """\
{"event": "log", "step": 1}
Traceback (most recent call last):
  File "train.py", line 3, in <module>
KeyError: 'text'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "train.py", line 9, in main
    run()
  File "torch/x.py", line 1, in run
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.
It has 3 parts
"""


def test_the_last_exception_speaks() -> None:
    assert last_words(CHAINED) == (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
    )


def test_without_an_exception_the_last_line_for_people_speaks() -> None:
    text = 'loading\nerror: --train_dir: no such folder\n{"event": "log"}\n\n'
    assert last_words(text) == "error: --train_dir: no such folder"


def test_silence_has_no_words() -> None:
    assert last_words('{"event": "log"}\n') is None
    assert traceback_tail("nothing went wrong") is None


def test_a_long_traceback_loses_its_middle() -> None:
    deep = (
        "Traceback (most recent call last):\n" + '  File "a.py", line 1\n' * 1000 + "ValueError: x"
    )
    tail = traceback_tail(deep)
    assert tail is not None
    assert len(tail) <= 4096
    frame = '  File "a.py", line 1\n'
    assert tail.startswith(f"Traceback (most recent call last):\n{frame}")
    assert f"{frame}  [...]\n{frame}" in tail
    assert tail.endswith("ValueError: x")


def test_a_long_traceback_shows_both_the_outer_and_the_inner_frames() -> None:
    """Whether a step or an evaluation asked for memory stands at its beginning."""
    inner = '  File "module.py", line 9, in _call_impl\n    return call(*args)\n    ^^^^~~~~~~\n'
    outer = '  File "trainer.py", line 7, in evaluation_loop\n    self.step()\n'
    tail = traceback_tail(
        f"Traceback (most recent call last):\n{outer}{inner * 100}MemoryError: at the end\n"
    )
    assert tail is not None
    assert len(tail) <= 4096
    assert "in evaluation_loop" in tail
    assert tail.endswith("MemoryError: at the end")
    assert "^" not in tail


def test_a_short_traceback_is_left_alone() -> None:
    text = 'Traceback (most recent call last):\n  File "a.py", line 1\n    x()\n    ^^^\nE: 1'
    assert traceback_tail(text) == text


@pytest.mark.parametrize(
    "aside",
    [
        "skipping backtrace printing to avoid potential recursion",
        "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
    ],
)
def test_what_rust_says_of_its_backtrace_is_not_the_last_word(aside: str) -> None:
    said = f"memory allocation of 1 bytes failed\n{aside}\n"
    assert last_words(said) == "memory allocation of 1 bytes failed"


def test_every_way_to_run_out_of_memory_is_known() -> None:
    for words in (
        "RuntimeError: [enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory",
        "MemoryError",
        "torch.OutOfMemoryError: CUDA out of memory.",
        "OSError: [Errno 12] Cannot allocate memory",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "memory allocation of 1310720 bytes failed",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 3.7 GiB for an array",
        "ImportError: libtorch_cpu.so: failed to map segment from shared object",
        "RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed.",
        "RuntimeError: DataLoader worker (pid(s) 7) is out of shared memory",
    ):
        assert OUT_OF_MEMORY.search(words), words
    assert not OUT_OF_MEMORY.search("IndexError: Target 2 is out of bounds.")
