"""The process that holds a model: a program of its own, run by the Python of `training_python`.

Stands alone: it imports the standard library, torch, transformers and what they bring, and nothing
of ml_intern, which that Python need not have. `start.py` is run with the number of a socket, over
which orders come and answers go, one line of JSON each (`work.py`).

It runs no code that comes with a model: no remote code, and weights as safetensors only.
"""
