"""docs/serve.md is what is: its project answers as its transcript shows, and its tables name every key."""

import shlex
import sys

import pytest
from support.pages import DOCS, fences, path_of
from support.project import Project
from support.serving import free_port, started

from envbuild.manifest.serve import Routes, Serve

PAGE = DOCS / "serve.md"


def test_the_transcript_is_what_is_answered(project: Project) -> None:
    """Of the project that the page shows, on a port that is free."""
    port = free_port()
    for kind, body in fences(PAGE):
        if kind != "console":
            project.write(path_of(body), body.partition("\n")[2] if kind == "json" else body)
            continue
        first, *lines = body.replace("5001", str(port)).splitlines()
        assert first == "$ envbuild serve churn/score"
        words = [*shlex.split(first)[2:], "--port", str(port)]
        command = [sys.executable, "-m", "envbuild", *words]
        with started(command, project.path, f"{lines[0]}\n", project.environ) as server:
            server.wait_until_ready()
            for asked, told in zip(lines[1::2], lines[2::2], strict=True):
                match shlex.split(asked):
                    case ["$", "curl", "-s", url, "-d", data]:
                        reply = server.ask(data, path=url.partition(f":{port}")[2])
                    case ["$", "curl", "-s", url]:
                        reply = server.ask(path=url.partition(f":{port}")[2])
                    case _:
                        pytest.fail(asked)
                assert reply.body.decode() == told
            server.wait_for_log("score.py:13: run() raised KeyError: 'data'")
            assert server.stop() == 0


def test_every_key_is_named() -> None:
    """With the defaults that hold."""
    page = PAGE.read_text(encoding="utf-8")
    assert [one for one in (*Serve.__struct_fields__, *Routes.__struct_fields__) if f"`{one}`" not in page] == []
