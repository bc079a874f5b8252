"""Who asks, where nobody else is named: the person that runs this process."""

import getpass
import os


def author() -> str:
    """The name of the person who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without an entry in the password file
        return f"uid {os.getuid()}"
