"""`slack manifest`: the app as Slack wants it described."""

import json
import sys

from ml_intern.cli import exits
from ml_intern.slack import manifest as described


def manifest() -> int:
    """Print it as JSON."""
    sys.stdout.write(json.dumps(described.manifest(), indent=2) + "\n")
    return exits.DONE
