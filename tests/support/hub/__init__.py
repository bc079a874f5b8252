"""A Hugging Face Hub on a loopback port, for clients that speak real HTTP to it.

A group of routes is a module with a class of its own, given to `HubServer`: jobs, and the models,
datasets and Spaces (who asks, search, repositories with branches and tags, files as git blobs or in
LFS, commits on a parent, pull requests). It refuses what the real one refuses, and breaks on
demand. In a test:

    with HubServer() as hub:
        api = HfApi(endpoint=hub.url, token=TOKEN)
        hub.faults.lose_answer("/commit/")
        ...  # and then hub.datasets.repository("ada/logs").files, .commits, .private
"""

from tests.support.hub.hardware import a_machine
from tests.support.hub.people import READ_TOKEN, SCOPED_TOKEN, TOKEN, USER
from tests.support.hub.server import HubServer

__all__ = ["READ_TOKEN", "SCOPED_TOKEN", "TOKEN", "USER", "HubServer", "a_machine"]
