"""A model behind HTTP that works on one task for a thousand calls, and checks all that it is sent.

`Task`: the files that are read, and what is planted in them. `Model`: what the server answers.
`Checks`: what each request must hold. `summaries`: who sums up, well and in every wrong way.
"""

from tests.support.long_run.model import LongModel
from tests.support.long_run.summaries import BROKEN, Summarise, does_its_job
from tests.support.long_run.task import LongTask

__all__ = ["BROKEN", "LongModel", "LongTask", "Summarise", "does_its_job"]
