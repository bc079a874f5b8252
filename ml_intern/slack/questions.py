"""What is said of questions in words, and of calls of which nobody knows what became. Pure."""

import json

from ml_intern.client.view import Step
from ml_intern.events import UnknownResolved
from ml_intern.messages import SessionId
from ml_intern.slack.blocks import actions, arguments, button, context, said, section
from ml_intern.slack.drafts import Said
from ml_intern.slack.mrkdwn import escaped, fitting, moment, person


def words(text: str) -> Said:
    """What the model says while something waits for a person."""
    return said(fitting(text, 2900))


def question(words: str, expires_at: str) -> Said:
    """The model wants to know something in words; `expires_at`: as in `ToolWaiting`."""
    text = f":question: *A question*\n{fitting(words, 2800)}"
    until = f" It is given up {moment(expires_at)}." if expires_at else ""
    return said(text, section(text), context(f"Reply in this thread to answer.{until}"))


def answered(words: str, answer: str) -> Said:
    """The same, once somebody has answered it."""
    return _closed(words, f":white_check_mark: *Answered*: {fitting(answer, 1500)}")


def given_up(words: str) -> Said:
    """The same, when nobody has answered in time."""
    how = "The session goes on without an answer; what is said now is no answer to it any more."
    return _closed(words, f":alarm_clock: *Given up*: nobody answered in time. {how}")


def dropped(words: str) -> Said:
    """The same, when the session was ended, or goes on otherwise."""
    return _closed(words, ":heavy_minus_sign: *No longer asked*: the session went on without it.")


def _closed(words: str, how: str) -> Said:
    return said(how, section(f"*A question*\n{fitting(words, 2800)}"), section(how))


def too_late(words: str) -> Said:
    """What was said after a question was given up is something new to the model."""
    return said(
        f":information_source: The question “{fitting(words, 300)}” was given up before this was "
        "said. The model reads it as new words, not as the answer."
    )


def unknown(session_id: SessionId, step: Step) -> Said:
    """A call of which nobody can tell whether it took effect."""
    words = (
        f":warning: *Did `{escaped(step.tool)}` take effect?* The process died in the middle of "
        "it, and nobody can tell from here. Look at what it left behind."
    )
    value = json.dumps({"session": session_id, "call": step.call_id})
    choices = actions(
        button("retry", "It did not: run it again", value),
        button("done", "It did", value),
        button("skip", "Leave it", value),
    )
    return said(words, section(words), *arguments(step.arguments), choices)


def resolved(tool: str, resolution: UnknownResolved) -> Said:
    """The same, once somebody has said so."""
    meaning = {
        "retry": "run it again",
        "done": "it took effect",
        "skip": "it is not repeated",
    }[resolution.choice]
    words = (
        f":white_check_mark: *`{escaped(tool)}`: {meaning}*, says {person(resolution.resolved_by)}."
    )
    return said(words)
