"""The small pieces of Block Kit: texts, options, confirmations; and the list of what is wrong.

https://docs.slack.dev/reference/block-kit/composition-objects
"""

from collections.abc import Callable, Collection
from typing import Any

PLAIN = ("plain_text",)
ANY_TEXT = ("plain_text", "mrkdwn")


class Problems:
    """Messages with the place they are about, in Slack's words where those are known."""

    def __init__(self, file_exists: Callable[[dict[str, Any]], bool]) -> None:
        self.messages: list[str] = []
        self.file_exists = file_exists

    def add(self, at: str, message: str) -> None:
        self.messages.append(f"{message} [json-pointer:{at}]")

    def object(self, at: str, thing: Any) -> bool:
        if not isinstance(thing, dict):
            self.add(at, "must be an object")
        return isinstance(thing, dict)

    def need(self, at: str, thing: dict[str, Any], *names: str) -> bool:
        absent = [name for name in names if name not in thing]
        for name in absent:
            self.add(at, f"missing required field: {name}")
        return not absent

    def only(self, at: str, thing: dict[str, Any], names: Collection[str]) -> None:
        for name in thing:
            if name not in names:
                self.add(at, f"invalid additional property: {name}")

    def length(self, at: str, value: Any, longest: int, shortest: int = 0) -> None:
        """A string of at most `longest` characters."""
        if not isinstance(value, str):
            self.add(at, "must be a string")
        elif len(value) > longest:
            self.add(at, f"must be less than {longest + 1} characters")
        elif len(value) < shortest:
            self.add(at, f"must be more than {shortest - 1} characters")

    def count(self, at: str, value: Any, most: int, least: int = 1) -> bool:
        """A list of `least` to `most` items."""
        if not isinstance(value, list):
            self.add(at, "must be an array")
            return False
        if len(value) > most:
            self.add(at, f"no more than {most} items allowed")
        if len(value) < least:
            self.add(at, f"no fewer than {least} items required")
        return True

    def one_of(self, at: str, value: Any, allowed: Collection[str]) -> None:
        if not isinstance(value, str) or value not in allowed:
            self.add(at, f"value must be one of: {', '.join(sorted(allowed))}")


def check_text(
    problems: Problems, at: str, text: Any, kinds: Collection[str], longest: int
) -> None:
    """A text object. `emoji` belongs to plain text, `verbatim` to mrkdwn."""
    if not problems.object(at, text):
        return
    if text.get("type") not in kinds:
        problems.add(f"{at}/type", f"must be a valid enum value: {', '.join(kinds)}")
        return
    extra = "emoji" if text["type"] == "plain_text" else "verbatim"
    problems.only(at, text, {"type", "text", extra})
    if problems.need(at, text, "text"):
        problems.length(f"{at}/text", text["text"], longest, 1)


def check_option(problems: Problems, at: str, option: Any, kinds: Collection[str] = PLAIN) -> None:
    if not problems.object(at, option):
        return
    problems.only(at, option, {"text", "value", "description", "url"})
    if problems.need(at, option, "text", "value"):
        check_text(problems, f"{at}/text", option["text"], kinds, 75)
        problems.length(f"{at}/value", option["value"], 150, 1)
    if "description" in option:
        check_text(problems, f"{at}/description", option["description"], kinds, 75)


def check_confirm(problems: Problems, at: str, confirm: Any) -> None:
    """https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object"""
    if not problems.object(at, confirm):
        return
    problems.only(at, confirm, {"title", "text", "confirm", "deny", "style"})
    limits = {
        "title": (PLAIN, 100),
        "text": (ANY_TEXT, 300),
        "confirm": (PLAIN, 30),
        "deny": (PLAIN, 30),
    }
    problems.need(at, confirm, *limits)
    for name, (kinds, longest) in limits.items():
        if name in confirm:
            check_text(problems, f"{at}/{name}", confirm[name], kinds, longest)
    if "style" in confirm:
        problems.one_of(f"{at}/style", confirm["style"], {"primary", "danger"})


def check_image(problems: Problems, at: str, image: dict[str, Any]) -> None:
    """Exactly one of an address and a file that Slack has; and words for who cannot see it."""
    if problems.need(at, image, "alt_text"):
        problems.length(f"{at}/alt_text", image["alt_text"], 2000)
    if ("image_url" in image) == ("slack_file" in image):
        problems.add(at, "must provide exactly one of image_url and slack_file")
    elif "image_url" in image:
        check_url(problems, f"{at}/image_url", image["image_url"])
    elif not (isinstance(image["slack_file"], dict) and problems.file_exists(image["slack_file"])):
        problems.add(f"{at}/slack_file", "invalid slack file")


def check_url(problems: Problems, at: str, url: Any) -> None:
    problems.length(at, url, 3000)
    if not str(url).startswith(("http://", "https://")):
        problems.add(at, "invalid url")
