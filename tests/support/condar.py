"""A `r-base` package for conda whose R is Debian's, unpacked beside it: packages go into the prefix all the same.

R looks for itself where Debian puts it, so it runs with the unpacked system for its root; that takes rights, and Linux.
"""

import subprocess
import tempfile
from pathlib import Path

from .condapkg import PREFIX, File, Package
from .condapython import SUBDIR
from .once import made_once
from .services import services_folder

_RSCRIPT = f"""\
#!/bin/sh
exec unshare --mount sh -ec 'mount --rbind TMP ROOT/tmp; exec chroot ROOT /usr/bin/env "$@"' sh \\
    R_LIBS_SITE="${{R_LIBS_SITE:-{PREFIX}/lib/R/library}}" /usr/bin/Rscript "$@"
"""


def r_base(folder: Path) -> Package:
    """Make the package; FOLDER is where several processes unpack R once."""
    root = made_once(folder, _unpack)
    script = _RSCRIPT.replace("TMP", tempfile.gettempdir()).replace("ROOT", str(root))
    files = {"bin/Rscript": File(script.encode(), 0o755, prefix="text"), "lib/R/library/README": File(b"R's own\n")}
    return Package(name="r-base", version="4.2.2", subdir=SUBDIR, files=files)


def _unpack(root: Path) -> None:
    subprocess.run(["tar", "-xf", services_folder() / "base-r.tar", "-C", root], check=True)  # noqa: S607 - the system's
    (root / "tmp").mkdir(exist_ok=True)
