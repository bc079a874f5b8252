"""`python -m tests.tracing.importing.take FILE TRACES`: take a file in, as the command does."""

import sys
from pathlib import Path

from ml_intern.tracing.importing.formats import sources
from ml_intern.tracing.importing.writing import take_in
from ml_intern.tracing.redaction import Redactor
from ml_intern.transcript.problems import Problems

if __name__ == "__main__":
    for source in sources(Path(sys.argv[1]), Problems()):
        take_in(source, Path(sys.argv[2]), Redactor())
