"""Training scripts without any training: standard library only, so that they take milliseconds."""

_FRAME = """\
import json
import pathlib
import sys
import time


def say(event, **values):
    print(json.dumps({{"event": event, **values}}), flush=True)


def dummy_forward():
    {dummy}


def smoke():
    {smoke}


def train(out):
    {train}


if "--dummy_forward" in sys.argv:
    dummy_forward()
elif "--smoke" in sys.argv:
    smoke()
else:
    out = pathlib.Path(sys.argv[sys.argv.index("--output_dir") + 1])
    out.mkdir(exist_ok=True)
    train(out)
"""

SHAPE = (
    "parameters=1000, per_device_train_batch_size=4, gradient_accumulation_steps=1, "
    "hidden_size=8, num_hidden_layers=1, num_attention_heads=1, sequence_length=8, "
    "logits_shape=[4, 2], precision='float32', optimizer='adamw_torch', loss=0.7"
)
DUMMY = f'say("dummy_forward", {SHAPE})'
SMOKE = 'say("smoke", loss=0.7)'
DONE = '(out / "done.json").write_text(json.dumps({"global_step": 3, "max_steps": 3}))'
TRAIN = f"""\
for step in (1, 2, 3):
        say("log", step=step, max_steps=3, epoch=step / 3, loss=1.0 / step)
        say("evaluate", step=step, max_steps=3, epoch=step / 3, eval_loss=1.1 / step,
            eval_accuracy=step / 4)
    {DONE}
"""


def a_script(*, dummy: str = DUMMY, smoke: str = SMOKE, train: str = TRAIN) -> str:
    """A script that passes every check and trains; any part can be replaced."""
    return _FRAME.format(dummy=dummy, smoke=smoke, train=train)


GATE = f"""\
while not pathlib.Path("gate").exists():
        time.sleep(0.02)
    {DONE}
"""
"""Trains until a file named gate appears in the workspace."""
