"""Draw the loss and accuracy of a training run over its steps.

Stands alone: run by the training environment's interpreter, which has matplotlib.
`draw_curve.py OUT.png` reads `{"train": [[step, loss]], "evaluations": [[step, loss, accuracy]]}`
as JSON text from `--data` or from standard input.
"""

import argparse
import json
import pathlib
import sys
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

TRAIN, HELD, GREY = "#8fb3d9", "#c8501e", "#5b6470"
STYLE: Any = {
    "font.size": 10.5,
    "axes.edgecolor": "#b6bcc4",
    "axes.labelcolor": GREY,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlepad": 12,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e7eaee",
    "legend.frameon": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
}

Points = list[list[float | None]]


def column(points: Points, index: int) -> tuple[list[float], list[float]]:
    """Steps and values of one column, without the gaps."""
    kept = [(p[0], p[index]) for p in points if p[0] is not None and p[index] is not None]
    return [float(x or 0.0) for x, _ in kept], [float(y or 0.0) for _, y in kept]


def draw_loss(axes: Axes, train: Points, evaluations: Points) -> None:
    """Training loss thin behind, validation loss before it."""
    axes.set_title("Loss")
    axes.plot(*column(train, 1), color=TRAIN, linewidth=1.3, label="training")
    steps, losses = column(evaluations, 1)
    axes.plot(
        steps, losses, color=HELD, linewidth=1.8, marker="o", markersize=3, label="validation"
    )
    axes.set_ylim(bottom=0)
    axes.legend()


def draw_accuracy(axes: Axes, evaluations: Points) -> None:
    """Validation accuracy, its best value named."""
    steps, values = column(evaluations, 2)
    axes.set_title("Validation accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if not values:
        axes.text(0.5, 0.5, "not measured", ha="center", color=GREY, transform=axes.transAxes)
        return
    axes.plot(steps, values, color=HELD, linewidth=1.8, marker="o", markersize=3)
    best = max(range(len(values)), key=lambda index: (values[index], index))
    axes.axhline(values[best], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.plot(steps[best], values[best], "o", color=GREY, markersize=6)
    axes.annotate(
        f"best {values[best]:.1%} at step {steps[best]:.0f}",
        (steps[0], values[best]),
        xytext=(0, 5),
        textcoords="offset points",
        color=GREY,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
    )
    low = min(values)
    axes.set_ylim(max(0.0, low - 0.08 * (1.0 - low)), 1.0 + 0.04 * (1.0 - low) + 0.02)


def draw(data: dict[str, Points], out: pathlib.Path) -> None:
    """One picture with two panels."""
    with plt.rc_context():
        plt.rcParams.update(STYLE)
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.9), layout="constrained")
        draw_loss(left, data["train"], data["evaluations"])
        draw_accuracy(right, data["evaluations"])
        for axes in (left, right):
            axes.set_xlabel("optimizer step")
            axes.set_xlim(left=0)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        figure.savefig(out, dpi=150, metadata={"Software": ""})


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--data", help="JSON text; default: standard input")
    args = parser.parse_args()
    draw(json.loads(args.data or sys.stdin.read()), args.out)


if __name__ == "__main__":
    main()
