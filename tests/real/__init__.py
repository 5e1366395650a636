"""Real environment files in reduced form, and how envbuild does with them: `python -m tests.real`."""

import sys
from pathlib import Path

# `support` is imported as the tests import it; `-m` puts only the working directory on the path.
sys.path.append(str(Path(__file__).parents[1]))
