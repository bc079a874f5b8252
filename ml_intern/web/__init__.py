"""Asking services outside: politely, from a cache where that will do, and never where it may not.

Knows nothing of what is asked: papers, repositories and documentation have clients of their own in
`ml_intern/tools/`, each over the one `Web` of the process.
"""

from ml_intern.web.cache import Cache
from ml_intern.web.client import Web
from ml_intern.web.page import Page
from ml_intern.web.service import Service

__all__ = ["Cache", "Page", "Service", "Web"]
