"""Link scripts of packages that nobody runs: which may be left alone, and how the others are refused."""

from pathlib import Path

import pytest
from support.condapkg import Package, link_script
from support.project import Project
from support.staged import OTHER, Stage, united

from envbuild.builders.oci.linkscripts import matters
from envbuild.errors import BuildError

_ONLY_SAYS = [
    "",
    "#!/bin/bash\n# nothing\n",
    "exit 0\n",
    "set -euo pipefail\n:\ntrue\n",
    'echo "read this; or | that > there" >> "$PREFIX/.messages.txt"\n',
    "echo hi >> ${PREFIX}/.messages.txt 2>&1\n",
    "printf '%s\\n' a \\\n  b > /dev/null\n",
    "echo a 1>&2\n",
    "cat << EOF >> ${PREFIX}/.messages.txt\nrm -rf $PREFIX; more\nEOF\n",
    "cat <<'EOF'\n$(rm -rf x)\nEOF\n",
]
_MATTERS = [
    "touch x\n",
    '"$PREFIX/bin/jupyter" enable x\n',
    "PREFIX=/\n",
    "exit 1\n",
    "echo a > $PREFIX/share/x\n",
    "echo a >> $PREFIX/.messages.txt.x\n",
    "true > x\n",
    "echo a#b > x\n",
    "echo a; rm x\n",
    "echo a && rm x\n",
    "echo a | sh\n",
    "echo a &\n",
    "echo $(rm x)\n",
    "echo `rm x`\n",
    'echo "$(rm x)"\n',
    "echo <(rm x)\n",
    "echo $'\\''; rm x; echo '\n",
    "echo 'a\n",
    "echo () {\n rm x\n}\necho\n",
    "if true; then rm x; fi\n",
    "cat /etc/passwd >> $PREFIX/.messages.txt\n",
    "cat <<EOF | sh\nrm x\nEOF\n",
    "cat <<EOF\n$(rm x)\nEOF\n",
    "cat <<EOF\nit never ends\n",
    "cat <<A <<B\nx\nA\nrm x\nB\n",
    "echo a <<< b\n",
    "echo a\r\nrm x\n",
]


@pytest.fixture
def staged(project: Project, tmp_path: Path) -> Stage:
    found = Stage(project, tmp_path)
    found.write(more="dependencies:\n  - linked\n")
    return found


def _linked(staged: Stage, script: str, moment: str = "post-link") -> None:
    staged.conda(Package(name="linked", subdir=OTHER, files=link_script("linked", moment, script)))


@pytest.mark.parametrize("script", _ONLY_SAYS)
def test_what_only_says_something_is_of_no_matter(script: str) -> None:
    """To whoever installs, or into the file that conda shows."""
    assert not matters(script)


@pytest.mark.parametrize("script", _MATTERS)
def test_what_may_do_more_matters(script: str) -> None:
    """Whatever is not understood is taken to do so."""
    assert matters(script)


def test_a_script_that_says_something_is_left_alone(staged: Stage) -> None:
    """It is one of the package's files."""
    _linked(staged, "echo hi\n")
    staged.link_scripts(OTHER)
    with staged.apart(OTHER) as found:
        assert "bin/.linked-post-link.sh" in united(found)
    staged.link_scripts(OTHER)


@pytest.mark.parametrize("moment", ["post-link", "pre-link"])
def test_a_script_that_matters_is_refused(staged: Stage, moment: str) -> None:
    """At the line that asks for its package; as soon as the package has been seen, before anything is fetched."""
    _linked(staged, "touch x\n", moment)
    staged.link_scripts(OTHER)
    with pytest.raises(BuildError) as caught, staged.apart(OTHER):
        pass
    script = f"bin/.linked-{moment}.sh"
    assert caught.value.message == f"linked 1.0 wants to run its script '{script}', and nothing is run for this image"
    assert str(caught.value.where) == "manifests/a.yaml:5:5"
    assert caught.value.hint == "set 'builder: docker' for it"
    staged.said.clear()
    with pytest.raises(BuildError, match="nothing is run for this image"):
        staged.link_scripts(OTHER)
    assert staged.said == []


def test_what_another_build_has_fetched_is_known(staged: Stage) -> None:
    """From the package cache, which other builders fill as well."""
    _linked(staged, "touch x\n")
    with pytest.raises(BuildError, match="which only its own place can"):
        staged(on=OTHER)
    with pytest.raises(BuildError, match="nothing is run for this image"):
        staged.link_scripts(OTHER)


def test_what_is_unlinked_is_of_no_matter(staged: Stage) -> None:
    """Nothing is taken away from an image."""
    _linked(staged, "touch x\n", "pre-unlink")
    with staged.apart(OTHER) as found:
        assert "bin/.linked-pre-unlink.sh" in united(found)
