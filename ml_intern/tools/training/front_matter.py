"""The YAML head of a model card: plain data in, lines that every YAML reader takes out."""

import json
import math
import re
from typing import Any

import yaml

_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Line breaks of YAML that PyYAML writes into plain text as they are, and so loses."""


def front_matter(data: dict[str, Any]) -> str:
    """`data` between two lines of dashes."""
    is_readable = not _BREAKS.search(json.dumps(data, ensure_ascii=False))
    body = yaml.safe_dump(data, sort_keys=False, allow_unicode=is_readable, width=math.inf)
    return f"---\n{body}---\n"
