"""A notice for people who do not watch: told once, in the session's thread or in a named channel.

Sends nothing itself. It is recorded with the call's answer, and whoever tells people reads it
there; so running it again after a crash tells nothing twice.
"""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from ml_intern.clock import parse_stamp, stamp
from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed

HOUR = timedelta(hours=1)


class NotifyArguments(Arguments):
    """One notice."""

    text: str = Field(min_length=1, max_length=2000)
    destination: str = Field(
        "", max_length=100, description="A channel by its name in the settings; empty: the thread."
    )


class Notify(Tool[NotifyArguments]):
    """Limited by rate and destination, both of which people set."""

    name: ClassVar[str] = "notify"
    description: ClassVar[str] = (
        "Tell people something that they want to know before the work is done: a result, a "
        "surprise, a delay. Do not use it for questions (ask_person) or for the final answer."
    )
    arguments = NotifyArguments
    # Not a read: of several in one answer each must see those before it.
    effect: ClassVar[Effect] = "write"
    recovery: ClassVar[Recovery] = "pure"

    def run(self, args: NotifyArguments, ctx: ToolContext) -> ToolOutcome:
        notices = ctx.place.notices
        if notices is None:
            return fail("Nobody can be told: Slack is not set up. Go on without it.")
        if args.destination and args.destination not in notices.channels:
            known = ", ".join(notices.channels) or "none"
            return fail(
                f"There is no destination {args.destination!r}; known are: {known}. Leave it empty "
                "for the session's own thread."
            )
        now = ctx.place.clock.now()
        recent = [
            one for one in ctx.facts.all("notice") if now - parse_stamp(str(one["at"])) < HOUR
        ]
        if len(recent) >= notices.per_hour:
            return fail(
                f"{len(recent)} notices went out in the last hour, and {notices.per_hour} may. Put "
                "it into the final answer, or wait."
            )
        data = {"text": args.text, "destination": args.destination, "at": stamp(now)}
        return succeed({"told": args.destination or "thread"}, Fact(kind="notice", data=data))
