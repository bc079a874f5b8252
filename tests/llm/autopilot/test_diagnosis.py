"""From the words of a failure to its cause."""

import pytest

from ml_intern.llm.autopilot.diagnosis import Asker, diagnose, diagnose_job, who_asked

CAUSES = [
    ("RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried to", "memory"),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "memory"),
    ("MemoryError", "memory"),
    ("OSError: [Errno 12] Cannot allocate memory", "memory"),
    ("Killed by signal 9; the system does that when memory runs out.", "memory"),
    ("terminate called after throwing an instance of 'std::bad_alloc'", "memory"),
    ("Killed by signal 6. Its last words: memory allocation of 1310720 bytes failed", "memory"),
    (
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 3.7 GiB for an array",
        "memory",
    ),
    ("ImportError: libtorch_cpu.so: failed to map segment from shared object", "memory"),
    ("RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed.", "memory"),
    ("RuntimeError: DataLoader worker (pid(s) 7) is out of shared memory", "memory"),
    ("IndexError: Target 3 is out of bounds.", "labels"),
    ("error: --num_labels: 1 classes; give 2 or more, or 0 to count", "labels"),
    ("FloatingPointError: loss is nan at step 3 (learning_rate=10.0)", "nan"),
    ("FloatingPointError: grad_norm is inf at step 9", "nan"),
    ("FloatingPointError: loss is 0.0 at step 9", "nan"),
    ("The smoke test ended, but a loss in it is not a finite number above zero", "nan"),
    ("error: --hidden_size: 64 is not divisible by num_attention_heads=5; change one", "heads"),
    (
        "ValueError: The hidden size (64,) is not a multiple of the number of attention heads",
        "heads",
    ),
    ("error: --patch_size: image_size=31 is not divisible by 4; use one of 1, 31", "patch"),
    ("error: --label_column_name: no 'label' in row 1 of a.jsonl; nearest: labels", "column"),
    ("error: --max_length: 256 is too long; the model reads 128", "length"),
    ("error: --model_name_or_path: a/b: not a local folder", "model"),
    ("OSError: We couldn't connect to 'https://huggingface.co' to load this file", "model"),
    ("the job ran into its time limit of 60 s", "time"),
    ("train.py --smoke took longer than 300 s and was stopped.", "time"),
    ("KeyError: 'nothing we know'", "unknown"),
    ("", "unknown"),
]


@pytest.mark.parametrize(("said", "cause"), CAUSES)
def test_cause(said: str, cause: str) -> None:
    assert diagnose(said) == cause


def test_what_the_watcher_saw_counts_more_than_words() -> None:
    assert diagnose("exit code 1", verdicts=("nan",)) == "nan"
    assert diagnose("exit code 1", verdicts=("out_of_memory",)) == "memory"
    assert diagnose("exit code 1", verdicts=("diverged",)) == "nan"


def test_a_job_that_went_well_has_no_cause_unless_its_loss_is_none() -> None:
    assert diagnose_job({"status": "succeeded", "last": {"loss": 0.3}, "verdicts": []}) is None
    assert diagnose_job({"status": "succeeded", "verdicts": ["plateau", "spike"]}) is None
    assert diagnose_job({"status": "succeeded", "last": {"loss": 0.0}}) == "nan"
    assert diagnose_job({"status": "succeeded", "verdicts": ["nan"]}) == "nan"
    assert diagnose_job({"status": "cancelled"}) == "cancelled"
    assert diagnose_job({"status": "lost"}) == "lost"
    assert diagnose_job({"status": "failed", "reason": "time limit"}) == "time"


def traceback(*frames: tuple[str, str], error: str = "MemoryError") -> str:
    lines = [f'  File "{path}", line 7, in {name}' for path, name in frames]
    return "\n".join([error, "Traceback (most recent call last):", *lines, error])


SCRIPT = "/workspace/train.py"
SITE = "/venv/lib/python3.11/site-packages"
STEPS = [
    [(SCRIPT, "dummy_forward"), (f"{SITE}/torch/nn/modules/module.py", "_wrapped_call_impl")],
    [(SCRIPT, "dummy_forward"), (f"{SITE}/torch/_tensor.py", "backward")],
    [(SCRIPT, "dummy_forward"), (f"{SITE}/torch/optim/adamw.py", "_init_group")],
    [(SCRIPT, "train"), (f"{SITE}/transformers/trainer.py", "training_step")],
    [(SCRIPT, "train"), (f"{SITE}/torch/utils/data/dataloader.py", "__next__")],
    [(SCRIPT, "main"), (SCRIPT, "dummy_forward")],
]
MODULE = (f"{SITE}/torch/nn/modules/module.py", "_wrapped_call_impl")
EVALUATIONS = [
    [(SCRIPT, "smoke"), (f"{SITE}/transformers/trainer.py", "evaluation_loop"), MODULE],
    [(f"{SITE}/transformers/trainer.py", "_inner_training_loop"), (SCRIPT, "accuracy_on"), MODULE],
]
LOADING = [
    [(SCRIPT, "<module>"), ("<frozen importlib._bootstrap>", "_find_and_load")],
    [(SCRIPT, "<module>"), (f"{SITE}/transformers/trainer.py", "<module>")],
    [(SCRIPT, "train"), (f"{SITE}/transformers/trainer.py", "train"), ("importlib", "import_it")],
    [(SCRIPT, "build_task"), (SCRIPT, "load_splits"), (SCRIPT, "read_records")],
    [(SCRIPT, "build_model"), (f"{SITE}/torch/nn/modules/linear.py", "__init__")],
    [(SCRIPT, "dummy_forward"), (f"{SITE}/torch/nn/modules/module.py", "convert")],
]


@pytest.mark.parametrize(
    ("frames", "asker"),
    [
        *((frames, "step") for frames in STEPS),
        *((frames, "evaluation") for frames in EVALUATIONS),
        *((frames, "loading") for frames in LOADING),
    ],
)
def test_frames_tell_what_asked_for_the_memory(frames: list[tuple[str, str]], asker: Asker) -> None:
    assert who_asked(traceback(*frames)) == asker
    assert who_asked(traceback(*frames, error="DefaultCPUAllocator: can't allocate")) == asker


@pytest.mark.parametrize(
    ("said", "asker"),
    [
        ("RuntimeError: DefaultCPUAllocator: can't allocate memory", "step"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "step"),
        ("Killed by signal 9; the system does that when memory runs out.", "step"),
        ("ImportError: libtorch_cpu.so: failed to map segment from shared object", "loading"),
        ("Killed by signal 6. Its last words: memory allocation of 2 bytes failed", "loading"),
        ("MemoryError", None),
    ],
)
def test_without_frames_only_some_words_tell(said: str, asker: Asker | None) -> None:
    assert who_asked(said) == asker
