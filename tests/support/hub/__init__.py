"""A Hugging Face Hub on a loopback port, for clients that speak real HTTP to it.

A group of routes is a module with a class of its own, given to `HubServer`; so far: jobs.
"""

from tests.support.hub.hardware import a_machine
from tests.support.hub.server import HubServer

__all__ = ["HubServer", "a_machine"]
