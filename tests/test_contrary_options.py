"""Options that contradict each other, or that name what does not exist, are refused before anything is read or done."""

import pytest
from support.project import Project


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("plan", "--refresh", "--no-refresh"), "'--refresh' looks at all, '--no-refresh' at nothing"),
        (("apply", "--refresh", "--no-refresh"), "'--refresh' looks at all, '--no-refresh' at nothing"),
        (("show", "a", "--image", "--resolved"), "'--image' shows an image, '--resolved' a manifest"),
        (("apply", "--platform", "linux64"), "there is no platform 'linux64'"),
        (("plan", "--platform", "foo"), "there is no platform 'foo'"),
    ],
)
def test_they_are_refused(project: Project, words: tuple[str, ...], message: str) -> None:
    """As bad usage, with what to do."""
    project.write("manifests/a.yaml", "variables: {A: b}\n")
    run = project.run(*words, check=64)
    assert f"error: {message}" in run.err
    assert "hint: " in run.err
