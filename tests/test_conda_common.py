"""Specs as people mostly write them are read without rattler, and to what rattler would read."""

import subprocess
import sys

from hypothesis import example, given
from hypothesis import strategies as st
from rattler import MatchSpec

from envbuild.document import Scalar
from envbuild.errors import EnvbuildError
from envbuild.manifest.conda import conda_item

_NAMES = st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,12}", fullmatch=True).filter(lambda name: name not in {"python", "pip"})
_SEGMENTS = st.one_of(
    st.integers(0, 99_999_999).map(str), st.sampled_from(["0", "00", "01", "2024", "1a", "1rc1", "*"])
)
_VERSIONS = st.lists(_SEGMENTS, min_size=1, max_size=3).map(".".join)
_CLAUSES = st.tuples(st.sampled_from([">=", "<=", "!=", "==", ">", "<", "="]), _VERSIONS).map("".join)
_SPECS = st.tuples(_NAMES, st.sampled_from(["", " "]), st.lists(_CLAUSES, max_size=3).map(",".join)).map("".join)
_PROGRAM = """
import sys
from envbuild.document import Scalar
from envbuild.errors import EnvbuildError
from envbuild.manifest.conda import conda_item
for text in sys.argv[1:]:
    conda_item(Scalar("m.yaml", 1, 1, "", text, True))
sys.exit("rattler" in sys.modules)
"""


@given(_SPECS)
@example("a >=01")
@example("a >=1.02,<2.00")
@example("a =1.*,<2")
@example("a ==1,>=1")
def test_a_spec_is_read_as_rattler_reads_it(text: str) -> None:
    """Whoever reads it: name, version and canonical text are the same, and what it does not read is refused."""
    try:
        spec = MatchSpec(text, strict=False)
    except Exception:  # noqa: BLE001 - whatever it says, it does not read it
        assert _read(text) is None
        return
    found = _read(text)
    assert found in {None, (str(spec), str(spec.version or ""))}
    assert found or "=" in text or "*" in text


def _read(text: str) -> tuple[str, str] | None:
    try:
        item = conda_item(Scalar("m.yaml", 1, 1, "", text, plain=True))
    except EnvbuildError:
        return None
    return item.text, item.version


def test_common_specs_need_no_solver() -> None:
    """A plan or a check of plain manifests does not load it."""
    specs = ["numpy", "numpy>=1.26", "numpy >=1.26,<3", "pandas=2.1", "scipy ==1.11.4", "_libgcc_mutex", "ruamel.yaml"]
    assert subprocess.run([sys.executable, "-c", _PROGRAM, *specs], check=False).returncode == 0
    assert subprocess.run([sys.executable, "-c", _PROGRAM, "numpy 1.26.* py311*"], check=False).returncode == 1
