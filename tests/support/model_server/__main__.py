"""`python -m tests.support.model_server --script FILE [--port N]`: serve until Ctrl-C or TERM.

Prints one line with its address when it listens. The script's form: `script.script_from_json`.
"""

import argparse
import signal
import sys
from pathlib import Path

from tests.support.model_server.script import script_from_json
from tests.support.model_server.server import ModelServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.model_server")
    parser.add_argument("--script", required=True, type=Path, help="a JSON file")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    given = parser.parse_args()
    script = script_from_json(given.script.read_text(encoding="utf-8"))
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    with ModelServer(script, port=given.port) as server:
        sys.stdout.write(f"serving {server.openai_url}\n")
        sys.stdout.flush()
        signal.sigwait(stops)


main()
