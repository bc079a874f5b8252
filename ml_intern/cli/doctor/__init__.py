"""`doctor`: whether everything is there that a run needs."""

from ml_intern.cli.doctor.examination import doctor, examine

__all__ = ["doctor", "examine"]
