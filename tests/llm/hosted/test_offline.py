"""LiteLLM stays away until it is asked for, and does nothing of its own accord."""

import subprocess
import sys
from pathlib import Path


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = str(Path(__file__).parents[3])
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def test_neither_the_package_nor_a_model_of_it_imports_litellm(tmp_path: Path) -> None:
    code = """
import sys
from ml_intern.llm.hosted import RequestLoop, hosted_model
hosted_model("ollama/qwen3", RequestLoop())
print([name for name in ("litellm", "openai", "tiktoken", "tokenizers") if name in sys.modules])
"""
    ran = run(code, tmp_path)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def test_litellm_asks_nobody_prints_nothing_and_leaves_dotenv_alone(tmp_path: Path) -> None:
    """No name is looked up and nothing is connected to while it is warmed."""
    (tmp_path / ".env").write_text("SURPRISE=1\n")
    code = """
import os, socket, sys
touched = []
sys.addaudithook(lambda event, args: touched.append(event) if event in (
    "socket.connect", "socket.getaddrinfo") else None)
from ml_intern.llm.hosted import warm
warm()
import litellm
print(touched, os.environ.get("SURPRISE"), len(litellm.model_cost) > 1000)
litellm.token_counter(model="meta-llama/Llama-3-8B", text="hello")
print(touched)
"""
    ran = run(code, tmp_path)
    assert (ran.stdout, ran.stderr) == ("[] None True\n[]\n", "")
