"""Secrets and private paths, out of everything that leaves this process."""

from ml_intern.tracing.redaction.redactor import Redactor, secrets_in

__all__ = ["Redactor", "secrets_in"]
