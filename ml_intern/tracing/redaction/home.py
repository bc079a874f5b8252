"""Home folders and the name of the user, out of texts. Immutable."""

import re
from pathlib import PurePath

_FOLDER = re.compile(r"(?<![\w.-])(?:/home|/Users|/var/home)/(?P<user>[A-Za-z0-9_][\w.-]*)")
_WINDOWS = re.compile(r"[A-Za-z]:(?:\\{1,4}|/)Users(?:\\{1,4}|/)(?P<user>[A-Za-z0-9_][\w.-]*)")
_NOBODY = frozenset(("root", "user", "admin", "ubuntu", "nobody", "runner", "Shared", "Public"))
"""Names that tell nothing; as words they stand in too many texts."""
SHORTEST_NAME = 3


def below_home(path: str) -> str:
    """`path` with `~` for a home folder, which need not be told to say where in it."""
    return _FOLDER.sub("~", path)


class Home:
    """Of one person, and the folders of others by how they are called."""

    def __init__(self, folder: PurePath, user: str) -> None:
        """`folder`: the home of this process's user. `user`: their name."""
        deep = len(folder.parts) > 1 and folder.is_absolute()
        self._own = re.compile(re.escape(str(folder)) + r"(?![\w-]|\.\w)") if deep else None
        named = len(user) >= SHORTEST_NAME and user not in _NOBODY
        self._user = re.compile(rf"(?<![\w-]){re.escape(user)}(?![\w-])") if named else None

    def masked(self, text: str) -> str:
        """With `~` for a home folder, and `[user]` for the name."""
        if self._own is not None:
            text = self._own.sub("~", text)
        text = _FOLDER.sub("~", text)
        text = _WINDOWS.sub("~", text)
        return text if self._user is None else self._user.sub("[user]", text)
