"""Tell what the environment that runs this has: package versions, GPUs, resolved requirements.

Stands alone: it is run by the training environment's interpreter, which need not have ml-intern.
Prints one JSON object. `--require NAME ...` adds `requirements`, the installed versions of these
packages and of everything that they need. Does not import torch unless a driver is there without
`nvidia-smi`.
"""

import argparse
import importlib.metadata
import json
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

PACKAGES = (
    "torch",
    "transformers",
    "datasets",
    "accelerate",
    "safetensors",
    "tokenizers",
    "scikit-learn",
    "matplotlib",
    "pillow",
    "numpy",
    "trl",
    "peft",
    "bitsandbytes",
)
DRIVERS = ("/dev/nvidiactl", "/dev/kfd")
QUERY = ("--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
MIB = 1 << 20


def version(name: str) -> str | None:
    """Of an installed package."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def gpus() -> list[dict[str, Any]]:
    """Those that code in this environment can use."""
    tool = shutil.which("nvidia-smi")
    if tool:
        done = subprocess.run(
            [tool, *QUERY], capture_output=True, text=True, timeout=30, check=False
        )
        if done.returncode == 0:
            return [_from_row(row) for row in done.stdout.splitlines() if row.count(",") == 2]
    if not any(pathlib.Path(driver).exists() for driver in DRIVERS) or not version("torch"):
        return []
    return _from_torch()


def _from_row(row: str) -> dict[str, Any]:
    name, total, free = (cell.strip() for cell in row.split(","))
    return {"name": name, "memory_bytes": int(total) * MIB, "free_bytes": int(free) * MIB}


def _from_torch() -> list[dict[str, Any]]:
    import torch  # seconds; only where a driver is

    found = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        found.append({"name": name, "memory_bytes": total, "free_bytes": free})
    return found


def canonical(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(names: Iterable[str]) -> dict[str, str]:
    """Installed versions of `names` and of all that they require here, by canonical name."""
    found: dict[str, str] = {}
    todo = [canonical(name) for name in names]
    while todo:
        name = todo.pop()
        if name not in found and (installed := version(name)) is not None:
            found[name] = installed
            todo += [canonical(need) for need in _needs(name)]
    return dict(sorted(found.items()))


def _needs(name: str) -> Iterator[str]:
    """Names that apply on this machine, extras left out."""
    for line in importlib.metadata.requires(name) or ():
        requirement, _, marker = line.partition(";")
        if "extra" not in marker and _applies(marker.strip()):
            yield re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]


def _applies(marker: str) -> bool:
    if not marker:
        return True
    try:
        from packaging.markers import Marker
    except ImportError:
        return True
    return Marker(marker).evaluate()


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--require", nargs="*", default=None)
    args = parser.parse_args()
    versions = {name: version(name) for name in PACKAGES}
    report = {
        "event": "environment",
        "python": sys.version.split()[0],
        "packages": {name: found for name, found in versions.items() if found},
        "gpus": gpus(),
    }
    if args.require is not None:
        report["requirements"] = closure(args.require)
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
