"""`python -m tests.support.long_run --calls N --window TOKENS`: serve one run until TERM.

Prints one line with its address when it listens. The files of the run are `LongTask(N).write`'s.
"""

import argparse
import signal
import sys

from tests.support.long_run import LongModel, LongTask, does_its_job
from tests.support.model_server import ModelServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.long_run")
    parser.add_argument("--calls", required=True, type=int)
    parser.add_argument("--window", required=True, type=int)
    given = parser.parse_args()
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    model = LongModel(LongTask(given.calls), given.window, does_its_job)
    pages = {"/v1/models": {"data": [{"id": "scripted", "max_model_len": given.window}]}}
    with ModelServer(model, pages=pages) as server:
        sys.stdout.write(f"serving {server.openai_url}\n")
        sys.stdout.flush()
        signal.sigwait(stops)


main()
