"""A model behind HTTP that works on one task for a thousand calls, and checks all that it is sent.

`LongTask`: the files that are read, and what is planted in them. `LongModel`: what the server
answers, and what each request must hold (`checks.py`). `WildModel`: one that goes by chance.
`BROKEN`: who sums up in some wrong way.
"""

from tests.support.long_run.model import LongModel
from tests.support.long_run.summaries import BROKEN, Summarise, does_its_job
from tests.support.long_run.task import LongTask
from tests.support.long_run.wild import WildModel

__all__ = ["BROKEN", "LongModel", "LongTask", "Summarise", "WildModel", "does_its_job"]
