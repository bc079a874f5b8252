"""Block elements: buttons, menus, fields. What each may hold and how long it may be.

https://docs.slack.dev/reference/block-kit/block-elements
"""

from collections.abc import Callable
from typing import Any

from tests.support.slack.shapes import (
    ANY_TEXT,
    PLAIN,
    Problems,
    check_confirm,
    check_image,
    check_option,
    check_text,
    check_url,
)

Element = dict[str, Any]
Check = Callable[[Problems, str, Element], None]

CHOICES = {
    "static_select": "initial_option",
    "multi_static_select": "initial_options",
    "radio_buttons": "initial_option",
    "checkboxes": "initial_options",
}
"""Elements with options of their own, and the name of what is chosen at first."""
PICKERS = {"users_select", "conversations_select", "channels_select"}
DATES = {"datepicker": "initial_date", "timepicker": "initial_time"}
IN_ACTIONS = {"button", "overflow", *CHOICES, *PICKERS, *DATES}
IN_SECTION = {*IN_ACTIONS, "image"}
IN_INPUT = {"plain_text_input", "number_input", *CHOICES, *PICKERS, *DATES}

LONGEST_FIELD = 3000
COMMON = {"type", "action_id", "confirm", "focus_on_load"}


def check_element(problems: Problems, at: str, element: Any, allowed: set[str]) -> None:
    if not problems.object(at, element):
        return
    kind = element.get("type")
    if not isinstance(kind, str) or kind not in allowed:
        problems.add(f"{at}/type", f"unsupported type: {kind}")
        return
    if "action_id" in element:
        problems.length(f"{at}/action_id", element["action_id"], 255, 1)
    if "confirm" in element:
        check_confirm(problems, f"{at}/confirm", element["confirm"])
    if "placeholder" in element:
        check_text(problems, f"{at}/placeholder", element["placeholder"], PLAIN, 150)
    CHECKS[kind](problems, at, element)


def _button(problems: Problems, at: str, button: Element) -> None:
    problems.only(at, button, COMMON | {"text", "url", "value", "style", "accessibility_label"})
    if problems.need(at, button, "text"):
        check_text(problems, f"{at}/text", button["text"], PLAIN, 75)
    if "value" in button:
        problems.length(f"{at}/value", button["value"], 2000)
    if "url" in button:
        check_url(problems, f"{at}/url", button["url"])
    if "style" in button:
        problems.one_of(f"{at}/style", button["style"], {"primary", "danger"})
    if "accessibility_label" in button:
        problems.length(f"{at}/accessibility_label", button["accessibility_label"], 75)


def _menu(problems: Problems, at: str, menu: Element) -> None:
    names = {"options", "option_groups", "placeholder", "max_selected_items"}
    problems.only(at, menu, COMMON | names | {CHOICES[menu["type"]]})
    if ("options" in menu) == ("option_groups" in menu):
        problems.add(at, "must provide exactly one of options and option_groups")
    elif "options" in menu:
        _options(problems, f"{at}/options", menu["options"], 100, PLAIN)
    else:
        _groups(problems, f"{at}/option_groups", menu["option_groups"])
    _chosen(problems, at, menu)


def _marks(problems: Problems, at: str, marks: Element) -> None:
    """Radio buttons and checkboxes: at most ten."""
    problems.only(at, marks, COMMON | {"options", CHOICES[marks["type"]]})
    if problems.need(at, marks, "options"):
        _options(problems, f"{at}/options", marks["options"], 10, ANY_TEXT)
    _chosen(problems, at, marks)


def _overflow(problems: Problems, at: str, menu: Element) -> None:
    problems.only(at, menu, COMMON | {"options"})
    if problems.need(at, menu, "options"):
        _options(problems, f"{at}/options", menu["options"], 5, PLAIN)


def _options(problems: Problems, at: str, options: Any, most: int, kinds: tuple[str, ...]) -> None:
    if problems.count(at, options, most):
        for index, option in enumerate(options):
            check_option(problems, f"{at}/{index}", option, kinds)


def _groups(problems: Problems, at: str, groups: Any) -> None:
    if not problems.count(at, groups, 100):
        return
    for index, group in enumerate(groups):
        place = f"{at}/{index}"
        if problems.object(place, group) and problems.need(place, group, "label", "options"):
            check_text(problems, f"{place}/label", group["label"], PLAIN, 75)
            _options(problems, f"{place}/options", group["options"], 100, PLAIN)


def _chosen(problems: Problems, at: str, element: Element) -> None:
    """What is chosen at first must be one of the options, word for word."""
    name = CHOICES[element["type"]]
    if name not in element or problems.messages:
        return
    value = element[name]
    chosen = value if name.endswith("s") and isinstance(value, list) else [value]
    if any(option not in options_of(element) for option in chosen):
        problems.add(f"{at}/{name}", f"`{name}` must match an option")


def options_of(element: Element) -> list[dict[str, Any]]:
    groups = element.get("option_groups", [])
    return element.get("options", []) + [one for group in groups for one in group["options"]]


def _picker(problems: Problems, at: str, picker: Element) -> None:
    kind = picker["type"].removesuffix("s_select")
    names = {"placeholder", f"initial_{kind}", "filter", "default_to_current_conversation"}
    problems.only(at, picker, COMMON | names | {"response_url_enabled"})


def _date(problems: Problems, at: str, picker: Element) -> None:
    problems.only(at, picker, COMMON | {"placeholder", DATES[picker["type"]], "timezone"})


def _image(problems: Problems, at: str, image: Element) -> None:
    problems.only(at, image, {"type", "image_url", "slack_file", "alt_text"})
    check_image(problems, at, image)


def _field(problems: Problems, at: str, text: Element) -> None:
    """https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element"""
    names = {"initial_value", "multiline", "min_length", "max_length", "placeholder"}
    problems.only(at, text, (COMMON - {"confirm"}) | names | {"dispatch_action_config"})
    for name, least in (("min_length", 0), ("max_length", 1)):
        value = text.get(name, least)
        if not isinstance(value, int) or not least <= value <= LONGEST_FIELD:
            problems.add(f"{at}/{name}", f"must be between {least} and {LONGEST_FIELD}")
    if "initial_value" in text:
        longest = text.get("max_length")
        longest = longest if isinstance(longest, int) else LONGEST_FIELD
        problems.length(f"{at}/initial_value", text["initial_value"], min(longest, LONGEST_FIELD))


def _number(problems: Problems, at: str, number: Element) -> None:
    names = {"is_decimal_allowed", "initial_value", "min_value", "max_value", "placeholder"}
    problems.only(at, number, (COMMON - {"confirm"}) | names | {"dispatch_action_config"})
    problems.need(at, number, "is_decimal_allowed")
    for name in ("initial_value", "min_value", "max_value"):
        if name in number:
            problems.length(f"{at}/{name}", number[name], 20)


CHECKS: dict[str, Check] = {
    "button": _button,
    "static_select": _menu,
    "multi_static_select": _menu,
    "radio_buttons": _marks,
    "checkboxes": _marks,
    "overflow": _overflow,
    "image": _image,
    "plain_text_input": _field,
    "number_input": _number,
    **dict.fromkeys(PICKERS, _picker),
    **dict.fromkeys(DATES, _date),
}
