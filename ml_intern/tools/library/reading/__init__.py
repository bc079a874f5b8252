"""Reads installed packages as text: what a name is, what it takes, what its own words say of it.

Stands alone, with the standard library only: the training environment's interpreter runs it, which
need not have ml-intern (`run.py`). Nothing of a package is imported, but where `imported.py` is
asked because reading cannot say.
"""
