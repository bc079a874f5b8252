"""A pretend workplace: the tools of the contract, with a pretend training behind them.

It is as strict as the real one: unknown tools and arguments, a second use of a call id, a launch
without its checks and an edit that does not match are faults of the planner, not of the world.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_intern.errors import Refused
from ml_intern.llm.autopilot import Autopilot
from ml_intern.llm.client import ModelClient
from ml_intern.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    ToolSpec,
    UserMessage,
)
from ml_intern.tools.untrusted import marked

ARGUMENTS: dict[str, tuple[set[str], set[str]]] = {
    "plan": ({"items"}, set()),
    "ask_person": ({"question"}, set()),
    "propose_change": ({"what", "was", "becomes", "why"}, set()),
    "bash": ({"command"}, {"timeout_s"}),
    "read": ({"path"}, {"offset", "limit"}),
    "write": ({"path", "content"}, set()),
    "edit": ({"path", "old", "new"}, set()),
    "read_paper": ({"paper"}, set()),
    "extract_recipe": ({"paper"}, set()),
    "plan_experiment": (set(), {"values", "defaults", "scale"}),
    "inspect_dataset": ({"source"}, set()),
    "prepare_dataset": (
        {"source"},
        {"name", "text_column", "label_column", "seed", "validation_fraction", "test_fraction"},
    ),
    "survey_hardware": (set(), set()),
    "estimate_memory": (
        {
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "sequence_length",
            "per_device_train_batch_size",
        },
        {"parameters", "vocab_size", "intermediate_size", "precision", "optimizer", "method"},
    ),
    "write_recipe": ({"recipe"}, {"path", "values"}),
    "dummy_forward": ({"path"}, set()),
    "smoke_test": ({"path"}, set()),
    "launch_training": ({"path", "output_dir"}, {"timeout_s"}),
    "watch_job": ({"job_id"}, set()),
    "cancel_job": ({"job_id"}, set()),
    "evaluate": ({"model_dir"}, {"split"}),
    "write_model_card": ({"model_dir", "model_name", "summary"}, {"limitations"}),
    "write_reproduce_bundle": ({"model_dir"}, set()),
    "publish": ({"model_dir", "repo_name"}, {"private"}),
}
"""Tool: required and optional arguments."""

SPECS = [ToolSpec(name=name, description=name, parameters={"type": "object"}) for name in ARGUMENTS]

IMAGE_DEFAULTS: dict[str, Any] = {
    "train_dir": "",
    "validation_dir": "",
    "max_train_samples": 0,
    "num_labels": 0,
    "model_name_or_path": "",
    "image_size": 0,
    "patch_size": 0,
    "num_channels": 0,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "hidden_dropout_prob": 0.0,
    "num_train_epochs": 25.0,
    "per_device_train_batch_size": 32,
    "per_device_eval_batch_size": 256,
    "gradient_accumulation_steps": 1,
    "learning_rate": 1e-3,
    "weight_decay": 0.05,
    "label_smoothing_factor": 0.0,
    "augment": 0.3,
    "seed": 42,
    "deterministic": False,
    "output_dir": "output",
}
TEXT_DEFAULTS: dict[str, Any] = {
    **{k: v for k, v in IMAGE_DEFAULTS.items() if not k.startswith(("image", "patch", "num_ch"))},
    "max_length": 128,
    "vocab_size": 8000,
}
for _name in ("train_dir", "validation_dir", "augment"):
    del TEXT_DEFAULTS[_name]
TEXT_DEFAULTS |= {"train_file": "", "validation_file": ""}

COMPARED = {
    "title": "Small Owls",
    "url": "",
    "compared": [
        {
            "what": what,
            "paper": paper,
            "here": here,
            "why": why,
            "sentence": "We train for 30 epochs with a batch size of 64.",
            "section": "3 Training",
        }
        for what, paper, here, why in (
            ("epochs", "30 epochs", "3 epochs", "chosen for this run"),
            ("batch size", "64 examples", "64 examples", ""),
        )
    ],
    "chosen": [{"what": "weight decay", "here": "0.05"}],
}
"""What the card of a paper's experiment tells."""

Values = dict[str, Any]


class Broken(Exception):
    """A tool fails with these details."""

    def __init__(self, error: str, **details: Any) -> None:
        super().__init__(error)
        self.answer = {"error": error, **details}


@dataclass
class Outcome:
    """How a pretend training goes."""

    accuracy: float = 0.97
    error: str | None = None
    traceback: str | None = None
    status: str = "succeeded"
    verdicts: list[str] = field(default_factory=list)
    train_accuracy: float = 0.98
    losses: list[float] = field(default_factory=lambda: [1.0, 0.5, 0.3, 0.25, 0.24, 0.24, 0.24])
    steps: int = 1000
    last: dict[str, Any] = field(default_factory=dict)


def image_report(**changes: Any) -> dict[str, Any]:
    """What inspection says of small grey images in ten classes."""
    return {
        "source": "somewhere",
        "kind": "packaged",
        "task": "image-classification",
        "fingerprint": "sha256:1",
        "rows": 1797,
        "columns": [{"name": "image", "type": "image"}, {"name": "label", "type": "integer"}],
        "mapping": {"image": "image", "label": "label", "text": None, "why": "pixels"},
        "alternatives": {"text": [], "label": []},
        "labels": {str(digit): 180 for digit in range(10)},
        "num_labels": 10,
        "images": {"width": 8, "height": 8, "mode": "L", "sizes": 1, "unreadable": []},
        "problems": [],
        "blocking": [],
        "recipe": "image_classification",
        **changes,
    }


def text_report(**changes: Any) -> dict[str, Any]:
    """What inspection says of short texts in three classes."""
    return {
        "source": "tickets.jsonl",
        "kind": "jsonl",
        "task": "text-classification",
        "fingerprint": "sha256:2",
        "rows": 600,
        "columns": [
            {"name": "id", "type": "integer"},
            {"name": "body", "type": "string", "mean_length": 80.0},
            {"name": "kind", "type": "string"},
            {"name": "mood", "type": "string"},
        ],
        "mapping": {"text": "body", "label": "kind", "image": None, "why": "lengths"},
        "alternatives": {"text": [], "label": ["mood"]},
        "labels": {"a": 200, "b": 200, "c": 200},
        "num_labels": 3,
        "problems": [],
        "blocking": [],
        "recipe": "text_classification",
        **changes,
    }


def stated(value: Any, unit: str = "") -> dict[str, Any]:
    """A value as extract_recipe answers it."""
    return {"value": value, **({"unit": unit} if unit else {}), "from": 1}


PAPER: dict[str, Any] = {
    "title": "Small Owls",
    "task": stated("image classification"),
    "architecture": stated("ViT-S"),
    "learning_rate": stated(0.0005),
    "batch_size": stated(64, "examples"),
    "epochs": stated(30, "epochs"),
    "weight_decay": None,
    "data": [{"name": "OwlSet", "from": 1, "train": stated(50_000, "examples")}],
    "metrics": [{"dataset": "OwlSet", "metric": "accuracy", **stated(93.4, "%")}],
    "ambiguous": {},
    "sentences": {"1": {"section": "3 Training", "text": "We train with a batch size of 64."}},
}


class World:
    """The tools, their state, and everything that was called."""

    def __init__(
        self,
        report: dict[str, Any] | None = None,
        *,
        train: Callable[[Values], Outcome] = lambda _values: Outcome(),
        check: Callable[[str, Values], None] = lambda _stage, _values: None,
        answers: Sequence[str] = (),
        consent: Callable[[dict[str, Any]], bool] = lambda _asked: True,
        may_publish: bool = True,
        overrides: dict[str, Callable[[dict[str, Any]], Any]] | None = None,
        without: frozenset[str] = frozenset(),
        paper: dict[str, Any] | None = None,
    ) -> None:
        self.report = image_report() if report is None else report
        self.paper = PAPER if paper is None else paper
        self.train = train
        self.check = check
        self.answers = list(answers)
        self.consent = consent
        self.may_publish = may_publish
        self.overrides = overrides or {}
        self.specs = [spec for spec in SPECS if spec.name not in without]
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.ids: set[str] = set()
        self.source = ""
        self.scripts: list[str] = []
        self.passed: dict[str, set[str]] = {"dummy_forward": set(), "smoke_test": set()}
        self.jobs: dict[str, tuple[str, Values]] = {}
        self.weights: dict[str, Outcome] = {}
        self.lost: set[str] = set()
        """Jobs whose folder may be used again."""
        self.scored: set[tuple[str, str]] = set()
        self.inspected = self.prepared = False
        self.questions: list[str] = []
        self.memory_batch = 1 << 20
        self.taken: set[str] = set()

    # ---- the frame -----------------------------------------------------------------------------

    def answer(self, call: ToolCall) -> ToolMessage:
        """Run one call."""
        assert call.call_id not in self.ids, f"the id {call.call_id} was used twice"
        self.ids.add(call.call_id)
        assert any(spec.name == call.name for spec in self.specs), f"{call.name} is not offered"
        arguments = json.loads(call.arguments)
        self._check_arguments(call.name, arguments)
        self.calls.append((call.name, arguments))
        try:
            run = self.overrides.get(call.name) or getattr(self, f"_{call.name}")
            said, is_error = run(arguments), False
        except Broken as broken:
            said, is_error = broken.answer, True
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
        return ToolMessage(call_id=call.call_id, name=call.name, text=text, is_error=is_error)

    def _check_arguments(self, name: str, arguments: dict[str, Any]) -> None:
        required, optional = ARGUMENTS[name]
        assert required <= set(arguments) <= required | optional, (name, arguments)

    def named(self, name: str) -> list[dict[str, Any]]:
        """The arguments of every call of one tool."""
        return [arguments for called, arguments in self.calls if called == name]

    def order(self) -> list[str]:
        """The tools as they were called, without plans and without repetitions in a row."""
        names = [name for name, _ in self.calls if name != "plan"]
        return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]

    # ---- the tools -----------------------------------------------------------------------------

    def _plan(self, arguments: dict[str, Any]) -> Any:
        statuses = [item["status"] for item in arguments["items"]]
        assert set(statuses) <= {"pending", "in_progress", "done"}
        done = statuses.count("done")
        return {"done": done, "open": len(statuses) - done}

    def _ask_person(self, arguments: dict[str, Any]) -> Any:
        self.questions.append(arguments["question"])
        assert len(arguments["question"]) <= 4000
        if not self.answers:
            raise Broken("nobody answered within the time limit")
        return {"answer": self.answers.pop(0)}

    def _propose_change(self, arguments: dict[str, Any]) -> Any:
        assert all(isinstance(value, str) for value in arguments.values())
        if self.consent(arguments):
            return {"agreed": True, "what": arguments["what"]}
        raise Broken("ada said no.")

    def _inspect_dataset(self, arguments: dict[str, Any]) -> Any:
        self.source = arguments["source"]
        if self.source.startswith("missing"):
            raise Broken(f"There is no file {self.source}; name another path.")
        self.inspected = True
        return self.report

    def _read_paper(self, arguments: dict[str, Any]) -> Any:
        if arguments["paper"].startswith("missing"):
            raise Broken(f"There is no file {arguments['paper']}; name another path.")
        return _from_outside({"title": self.paper["title"], "sections": []})

    def _extract_recipe(self, _arguments: dict[str, Any]) -> Any:
        return _from_outside(self.paper)

    def _plan_experiment(self, arguments: dict[str, Any]) -> Any:
        assert self.inspected
        said = {name: each["value"] for name, each in self.paper.items() if _is_stated(each)}
        known = {**arguments["defaults"], **said, **arguments["values"]}
        settings = {
            "learning_rate": known["learning_rate"],
            "per_device_train_batch_size": known["batch_size"],
            "gradient_accumulation_steps": 1,
            "num_train_epochs": known["epochs"],
            "max_length": 77,
            **({"max_train_samples": 300} if "scale" in arguments else {}),
        }
        return _from_outside({"work": {"updates": 900}, "settings": settings})

    def _prepare_dataset(self, arguments: dict[str, Any]) -> Any:
        assert self.inspected
        task = self.report["task"] or "text-classification"
        name = arguments.get("name", "data")
        ending = "" if task.startswith("image") else ".jsonl"
        self.prepared = True
        rows = self.report["rows"]
        return {
            "task": task,
            "train": f"data/{name}/train{ending}",
            "validation": f"data/{name}/validation{ending}",
            "test": "held out",
            "labels": list(self.report["labels"]),
            "num_labels": len(self.report["labels"]),
            "rows": {"train": rows * 8 // 10, "validation": rows // 10, "test": rows // 10},
            "dropped": {"missing_label": 4, "missing_text": 0, "duplicate": 2, "conflicting": 0},
            "fingerprint": self.report["fingerprint"],
            "class_counts": self.report["labels"],
        }

    def _survey_hardware(self, _arguments: dict[str, Any]) -> Any:
        return {
            "cpus": 2,
            "memory_bytes": 8 << 30,
            "available_memory_bytes": 6 << 30,
            "memory_limit_bytes": None,
            "gpus": [],
            "disk_free_bytes": 1 << 36,
            "training_python": "/usr/bin/python3",
            "packages": {"torch": "2.13.0"},
        }

    def _estimate_memory(self, arguments: dict[str, Any]) -> Any:
        batch = arguments["per_device_train_batch_size"]
        return {
            "total_bytes": batch << 20,
            "available_bytes": 6 << 30,
            "fits": batch <= self.memory_batch,
            "largest_batch_size_that_fits": self.memory_batch,
        }

    def _write_recipe(self, arguments: dict[str, Any]) -> Any:
        image = arguments["recipe"] == "image_classification"
        assert arguments["recipe"] in ("image_classification", "text_classification")
        values = dict(IMAGE_DEFAULTS if image else TEXT_DEFAULTS)
        for name, value in arguments.get("values", {}).items():
            if name not in values:
                raise Broken(f"The recipe has no argument {name}; the nearest are seed, augment.")
            values[name] = float(value) if isinstance(values[name], float) else value
        lines = ['"""A pretend script."""', "", "class Arguments:"]
        for name, value in values.items():
            lines += [f"    {name}: {type(value).__name__} = {_source(value)}", '    """help"""']
        self.scripts.append("\n".join(lines) + "\n")
        return {
            "path": arguments.get("path", "train.py"),
            "sha256": self._sha(),
            "recipe": arguments["recipe"],
            "values": arguments.get("values", {}),
            "arguments": values,
        }

    def _read(self, arguments: dict[str, Any]) -> Any:
        offset, limit = arguments.get("offset", 1), arguments.get("limit", 400)
        lines = self.scripts[-1].split("\n")[offset - 1 : offset - 1 + limit]
        return "\n".join(f"{offset + i:6}  {line}" for i, line in enumerate(lines))

    def _edit(self, arguments: dict[str, Any]) -> Any:
        text = self.scripts[-1]
        if text.count(arguments["old"]) != 1:
            raise Broken(f"old occurs {text.count(arguments['old'])} times; it must occur once.")
        self.scripts.append(text.replace(arguments["old"], arguments["new"]))
        return {"path": arguments["path"], "sha256": self._sha(), "diff": "-a\n+b"}

    def _dummy_forward(self, _arguments: dict[str, Any]) -> Any:
        self.check("dummy_forward", self.values())
        self.passed["dummy_forward"].add(self._sha())
        return {"report": {"parameters": 70_000}, "memory": {}, "fits": True}

    def _smoke_test(self, _arguments: dict[str, Any]) -> Any:
        self.check("smoke_test", self.values())
        self.passed["smoke_test"].add(self._sha())
        return {"report": {"steps": 3, "losses": [1.0, 0.9, 0.8]}}

    def _launch_training(self, arguments: dict[str, Any]) -> Any:
        missing = [tool for tool, passed in self.passed.items() if self._sha() not in passed]
        missing += [] if self.prepared else ["dataset_prepared"]
        folder = arguments["output_dir"]
        used = {used for job_id, (used, _) in self.jobs.items() if job_id not in self.lost}
        assert folder not in used, "the folder is used"
        assert not folder.startswith(("/", "~", "..")), folder
        if missing:
            raise Broken("Checks are missing.", missing=missing)
        job_id = f"job-{len(self.jobs) + 1}"
        self.jobs[job_id] = (folder, self.values())
        return {"job_id": job_id, "output_dir": folder, "log": "log"}

    def _watch_job(self, arguments: dict[str, Any]) -> Any:
        folder, values = self.jobs[arguments["job_id"]]
        outcome = self.train(values)
        if outcome.status == "lost":
            self.lost.add(arguments["job_id"])
        if outcome.status == "succeeded":
            self.weights[folder] = outcome
        return {
            "job_id": arguments["job_id"],
            "status": outcome.status,
            "exit_code": 0 if outcome.status == "succeeded" else 1,
            "reason": "",
            "done": {"global_step": outcome.steps} if outcome.status == "succeeded" else None,
            "last": {"loss": 0.2, "train_accuracy": outcome.train_accuracy, **outcome.last},
            "evaluations": [
                {
                    "step": i,
                    "epoch": float(i + 1),
                    "eval_loss": loss,
                    "eval_accuracy": outcome.accuracy * (1 - (loss - min(outcome.losses)) / 2),
                    "train_loss": loss,
                }
                for i, loss in enumerate(outcome.losses)
            ],
            "verdicts": outcome.verdicts,
            "error": outcome.error,
            "traceback": outcome.traceback,
            "output_dir": folder,
        }

    def _evaluate(self, arguments: dict[str, Any]) -> Any:
        folder, split = arguments["model_dir"], arguments.get("split", "validation")
        if split == "test":
            assert (folder, "validation") in self.scored, "test before validation"
            if any(known == "test" for _, known in self.scored):
                raise Broken("The test split was scored already, and is scored once.")
        self.scored.add((folder, split))
        accuracy = self.weights[folder].accuracy
        return {
            "split": split,
            "rows": 100,
            "metrics": {"accuracy": accuracy, "macro_f1": accuracy - 0.01, "loss": 1 - accuracy},
            "per_class": {"a": {"f1": 0.8}, "b": {"f1": 0.9}},
            "weights_sha256": "0" * 64,
        }

    def _write_model_card(self, arguments: dict[str, Any]) -> Any:
        folder = arguments["model_dir"]
        card = {"path": f"{folder}/README.md", "picture": f"{folder}/loss_curve.png"}
        is_of_paper = bool(self.named("plan_experiment"))
        return _from_outside({**card, "paper": COMPARED}) if is_of_paper else card

    def _write_reproduce_bundle(self, arguments: dict[str, Any]) -> Any:
        return {"path": f"{arguments['model_dir']}/reproduce", "command": "bash run.sh"}

    def _publish(self, arguments: dict[str, Any]) -> Any:
        if not self.may_publish:
            raise Broken("ada said no: not yet.")
        name = arguments["repo_name"]
        if name in self.taken:
            raise Broken(f"me/{name} exists and holds something else. Choose another repo_name.")
        return {"repo_id": f"me/{name}", "path": f"/published/me/{name}", "files": ["README.md"]}

    # ---- the script ----------------------------------------------------------------------------

    def _sha(self) -> str:
        return hashlib.sha256(self.scripts[-1].encode()).hexdigest()

    def values(self) -> Values:
        """The arguments of the script as it is now."""
        namespace: dict[str, Any] = {}
        exec(self.scripts[-1], namespace)  # our own pretend script
        return {k: v for k, v in vars(namespace["Arguments"]).items() if k in IMAGE_OR_TEXT}


IMAGE_OR_TEXT = set(IMAGE_DEFAULTS) | set(TEXT_DEFAULTS)


def _is_stated(value: Any) -> bool:
    return isinstance(value, dict) and "value" in value


def _from_outside(answer: dict[str, Any]) -> str:
    return marked(json.dumps(answer), ["https://papers.example"])


def _source(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


@dataclass
class Talk:
    """A conversation so far."""

    world: World
    messages: list[Message]
    model: ModelClient
    turns: int = 0
    refused: bool = False
    """Whether the last words were that it cannot be done."""

    def say(self, words: str) -> str:
        """A person speaks; the planner works until it ends with words, which are returned."""
        self.messages.append(UserMessage(text=words))
        for _ in range(200):
            self.turns += 1
            try:
                reply = self.model.complete(self.messages, self.world.specs)
            except Refused as exc:
                self.refused = True
                return str(exc)
            assert reply.cost_micro_usd == 0
            self.messages.append(reply.message)
            if not reply.message.tool_calls:
                assert reply.stop_reason == "end"
                assert reply.message.text.strip()
                assert not open_steps(self.messages), "the guards would call it back"
                return reply.message.text
            self.messages += [self.world.answer(call) for call in reply.message.tool_calls]
        raise AssertionError("the planner does not come to an end")


def open_steps(messages: list[Message]) -> list[str]:
    """Steps of the plan, as the last call wrote it, that are not done."""
    plans = [
        call.arguments
        for message in messages
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
        if call.name == "plan"
    ]
    items = json.loads(plans[-1])["items"] if plans else []
    return [item["step"] for item in items if item["status"] != "done"]


def talk(world: World) -> Talk:
    """A new conversation in this world."""
    return Talk(world, [SystemMessage(text="Work.")], Autopilot())


def run(world: World, task: str) -> str:
    """The planner's last words on one task."""
    return talk(world).say(task)
