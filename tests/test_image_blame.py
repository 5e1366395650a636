"""What fails in a build is told at the line of the project that it comes from."""

import pytest
from support.imaging import Imaging

_BUILD = """\
image:
  base: {base}
  apt: [git]
  build:
    - 'true'
    - command: |
        echo "first"; exit 3
"""


@pytest.mark.parametrize(
    ("manifest", "where"),
    [
        (_BUILD.replace("  apt: [git]\n", ""), "manifests/web.yaml:5:7"),
        (_BUILD, "manifests/web.yaml:3:8"),
        ("dependencies: [python=3.11]\nimage: {{base: '{base}'}}\n", "manifests/web.yaml:1:16"),
        ("image: {{base: '{base}'}}\nsetup:\n- 'true'\n- exit 4\n", "manifests/web.yaml:4:3"),
        ("image: {{dockerfile: ../docker/Own}}\nplatforms: [linux-64]\n", "docker/Own:3:1"),
        ("image:\n  dockerfile: |\n    FROM {base}\n    RUN exit 5\n", "manifests/web.yaml:2:15"),
        ("image: {{base: '127.0.0.1:1/x@sha256:{zeros}'}}\n", "manifests/web.yaml:1:15"),
    ],
)
def test_where_it_is_mended(imaging: Imaging, manifest: str, where: str) -> None:
    """A step, packages, setup, a Dockerfile of the project's own, and a base that is not there."""
    imaging.project.write("docker/Own", f"# own\nFROM {imaging.base_reference} AS mine\nRUN exit 5\n")
    imaging.project.write("manifests/web.yaml", manifest.format(base=imaging.base_reference, zeros="0" * 64))
    run = imaging.project.run("apply", check=1)
    assert f"{where}: '" in run.err, run
