"""`python -m tests.recipes.as_script SCRIPT ...` runs a file as `python SCRIPT ...` does."""

import runpy
import sys

if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
