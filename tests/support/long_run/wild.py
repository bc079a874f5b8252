"""A model that does whatever models do: reads again, writes much, calls what is not there."""

import random
from dataclasses import dataclass, field

from tests.support.long_run.model import LongModel
from tests.support.model_server import Call, Reply

MOST_PINS = 4


@dataclass
class WildModel(LongModel):
    """As `LongModel`, but by chance; nothing that it does is to be remembered but plan and pins."""

    chance: random.Random = field(default_factory=lambda: random.Random(0))

    def _next(self) -> Reply:
        if self._step == 0 or self._step > self.task.calls:
            return super()._next()
        self._step += 1
        chance = self.chance
        made = [self._any_call() for _ in range(chance.choice([1, 1, 1, 2, 3, 8]))]
        if chance.random() < 0.1:
            made.append(self._planned(chance.randrange(5)))
        if chance.random() < 0.05 and len(self._pins) < MOST_PINS:
            made.append(self._pinned(f'Of step {self._step}: “{chance.random()}” \\n "x"'))
        return Reply(
            text=chance.choice(["", "Now this.", "words " * 10, "words " * 2_000]),
            thinking=chance.choice(["", "thought " * 10, "thought " * 3_000]),
            calls=tuple(made),
        )

    def _any_call(self) -> Call:
        chance, step = self.chance, self._step
        number = chance.randrange(1, self.task.calls)
        seen, again = self.task.path(number), self.task.path(1)
        line = "x = 1  # a line like all others\n"
        return chance.choice(
            [
                Call(name="read", arguments={"path": seen}),
                Call(name="read", arguments={"path": again}),
                Call(name="read", arguments={"path": f"missing-{step}"}),
                Call(name="read", arguments=f'{{"path": "broken-{step}'),
                Call(name="write", arguments={"path": f"out/{number}.py", "content": line * 10}),
                Call(name="write", arguments={"path": f"out/{number}.py", "content": line * 2_000}),
                Call(name="bash", arguments={"command": f'echo "{step} \\""; seq 5000; exit 1'}),
                Call(name="fly", arguments={"number": step}),
                Call(name="memory", arguments={"action": "list"}),
            ]
        )
