"""How fast envbuild is, always beside something that people know: `python -m tests.bench`."""

import sys
from pathlib import Path

# `support` is imported as the tests import it; `-m` puts only the working directory on the path.
sys.path.append(str(Path(__file__).parents[1]))
