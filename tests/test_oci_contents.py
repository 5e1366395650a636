"""What is in images of builder `oci`: copies where Docker puts them, users, how a container starts, their bases."""

import json
from pathlib import Path

import pytest
from support.assembling import FILES, GROUP, PASSWD, PYTHON, World, made_by
from support.index import Index
from support.layered import layer, member
from support.registry import Registry


@pytest.fixture
def world(registry: Registry, tmp_path: Path, uv_cache: Path, index: Index) -> World:
    return World(tmp_path, uv_cache, index, registry.server)


def copied(world: World, name: str = "web") -> dict[str, tuple[str, str, int, int, bytes]]:
    """What the last layer has: kind, mode, owner and content by path."""
    served = world.served(name)
    kinds = {b"0": "file", b"2": "link", b"5": "folder"}
    return {
        path: (kinds[one.type], f"{one.mode:o}", one.uid, one.gid, data or one.linkname.encode())
        for path, (one, data) in served.files(served.layers("v1")[-1]["digest"]).items()
    }


def test_copies_go_where_docker_puts_them(world: World) -> None:
    """As whoever is named, through links of the base, whose folders stay; own links are what they lead to."""
    world.project.write("app/run.sh", "#!/bin/sh\n").chmod(0o700)
    world.project.write("app/lib/one.py", "1\n").chmod(0o600)
    (world.project.path / "app/link").symlink_to("lib/one.py")
    world.project.write("notes.txt", "notes\n")
    (world.project.path / "empty").mkdir()
    base = world.base(FILES, layer(member("srv/", uid=7, gid=8, mode=0o2775)))
    world.write(
        "web", base, "alpha",
        image="""  copy:
    - {from: ../app, to: /srv/app}
    - {from: ../app/run.sh, to: /bin/run}
    - {from: ../notes.txt, to: /srv/}
    - {from: [../notes.txt, ../app/run.sh], to: /srv/web, owner: web, mode: '0640'}
    - {from: ../notes.txt, to: /etc/numbers.txt, owner: '1000:7'}
    - {from: ../notes.txt, to: /opt/env/notes.txt}
    - {from: ../notes.txt, to: /opt/env/../up.txt}
    - {from: ../empty, to: /srv/empty}
""",
    )  # fmt: skip
    world.apply()
    world.judge(base=2, disjoint=False)
    assert copied(world) == {
        "etc": ("folder", "755", 0, 0, b""),
        "etc/numbers.txt": ("file", "644", 1000, 7, b"notes\n"),
        "opt": ("folder", "755", 0, 0, b""),
        "opt/env": ("folder", "755", 0, 0, b""),
        "opt/env/notes.txt": ("file", "644", 0, 0, b"notes\n"),
        "opt/up.txt": ("file", "644", 0, 0, b"notes\n"),
        "srv": ("folder", "2775", 7, 8, b""),
        "srv/app": ("folder", "755", 0, 0, b""),
        "srv/app/lib": ("folder", "755", 0, 0, b""),
        "srv/app/lib/one.py": ("file", "644", 0, 0, b"1\n"),
        "srv/app/link": ("file", "644", 0, 0, b"1\n"),
        "srv/app/run.sh": ("file", "755", 0, 0, b"#!/bin/sh\n"),
        "srv/empty": ("folder", "755", 0, 0, b""),
        "srv/notes.txt": ("file", "644", 0, 0, b"notes\n"),
        "srv/web": ("folder", "755", 0, 0, b""),
        "srv/web/notes.txt": ("file", "640", 33, 34, b"notes\n"),
        "srv/web/run.sh": ("file", "640", 33, 34, b"#!/bin/sh\n"),
        "usr": ("folder", "755", 0, 0, b""),
        "usr/bin": ("folder", "755", 0, 0, b""),
        "usr/bin/run": ("file", "755", 0, 0, b"#!/bin/sh\n"),
    }


def test_a_user_that_is_made(world: World) -> None:
    """With a group and a folder of its own, and who is there already stays; the copies may be this user's."""
    world.project.write("app.py", "print(1)\n")
    image = "  user: {name: app, uid: 1001}\n  copy: [{from: ../app.py, to: /home/app/app.py, owner: app}]\n"
    world.write("web", world.base(), image=image)
    world.apply()
    world.judge(disjoint=False)
    found = copied(world)
    assert found["etc/passwd"][-1].decode() == f"{PASSWD}app:x:1001:1001::/home/app:/bin/sh\n"
    assert found["etc/group"][-1].decode() == f"{GROUP}app:x:1001:\n"
    assert found["home/app"] == ("folder", "755", 1001, 1001, b"")
    assert found["home/app/app.py"] == ("file", "644", 1001, 1001, b"print(1)\n")
    assert world.served().config("v1")["config"]["User"] == "app"


def test_how_a_container_starts(world: World) -> None:
    """As the manifest says; of the base stays what it does not say, but no command with a new entrypoint."""
    starts = {
        "Env": ["PATH=/usr/local/bin", "GPG_KEY=1", "PYTHON_VERSION=3.11.7", "A=1"],
        "Cmd": ["python3"],
        "Labels": {"a": "1", "b": "1"},
        "ExposedPorts": {"53/udp": {}},
        "StopSignal": "SIGINT",
        "WorkingDir": "/usr",
    }
    base = world.base(starts=starts)
    image = """  entrypoint: [python, "{{ prefix }}/x"]
  workdir: /srv
  labels: {b: "2", c: "3"}
  expose: [80, 8000-8001]
  user: web
"""
    image = image.replace("{{ prefix }}", "/opt/env")
    world.write(
        "web", base, image=image, more='variables: {A: "2", B: {prepend: [/x]}, LD_LIBRARY_PATH: {append: [/y]}}\n'
    )
    world.write("job", base, image="  stop_signal: SIGQUIT\n  command: echo $A\n  shell: [/bin/bash, -c]\n")
    world.write("below", base, image="  workdir: ../srv/app\n")
    world.apply()
    web = world.served().config("v1")["config"]
    assert web == {
        "Env": [
            "PATH=/opt/env/bin:/usr/local/bin", "GPG_KEY=1", "PYTHON_VERSION=3.11.7", "A=2", "B=/x",
            "LD_LIBRARY_PATH=/y", "VIRTUAL_ENV=/opt/env",
        ],
        "Entrypoint": ["python", "/opt/env/x"],
        "ExposedPorts": {"53/udp": {}, "80/tcp": {}, "8000/tcp": {}, "8001/tcp": {}},
        "Labels": {"a": "1", "b": "2", "c": "3"},
        "StopSignal": "SIGINT",
        "User": "web",
        "WorkingDir": "/srv",
    }  # fmt: skip
    job = world.served("job").config("v1")["config"]
    assert (job["Cmd"], job["StopSignal"], job["Shell"]) == (
        ["/bin/bash", "-c", "echo $A"],
        "SIGQUIT",
        ["/bin/bash", "-c"],
    )
    assert "Entrypoint" not in job
    assert (job["WorkingDir"], world.served("below").config("v1")["config"]["WorkingDir"]) == ("/usr", "/srv/app")


def child(world: World, *packages: str, more: str = "", image: str = "") -> None:
    """An environment that extends the one whose image it starts from."""
    listed = f"dependencies: [{{pip: {json.dumps(packages)}}}]\n"
    text = f"extends: root\n{more}image:\n  base: {{environment: root}}\n{image}{listed}"
    world.project.write("manifests/web.yaml", text)


def test_an_environment_upon_another_at_its_place(world: World) -> None:
    """Nothing of the lower one is seen any more; what both have is named again, and was sent once."""
    world.project.write("app.py", "print(1)\n")
    world.project.write("in.py", "print(2)\n")
    copies = "  copy: [{from: ../app.py, to: /srv/app.py}, {from: ../in.py, to: /opt/env/in.py}]\n"
    world.write("root", world.base(), "alpha", "tool", more="variables: {MODE: fast}\n", image=copies)
    child(world, "alpha==1.1", "beta")
    world.apply()
    world.judge(base=5, disjoint=False, hides="opt/env")
    served, below = world.served(), world.served("root")
    layers = served.layers("v1")
    assert layers[:5] == below.layers("v1")
    assert made_by(layers[5:]) == ["", "alpha 1.1", "beta 1.0", "python 3.11.7 image", "tool 1.0", ""]
    assert [*served.files(layers[5]["digest"])] == ["opt", "opt/env", "opt/env/.wh..wh..opq"]
    assert {made_by([one])[0] for one in layers[5:] if one in layers[:5]} == {"python 3.11.7 image", "tool 1.0"}
    assert [*copied(world)] == ["opt", "opt/env", "opt/env/in.py"]  # the other one is there
    python = next(one["digest"] for one in layers[5:] if made_by([one])[0].startswith("python"))
    assert served.files(python)["opt/env/bin/python"][0].linkname == "/usr/local/bin/python3.11"
    env = served.config("v1")["config"]["Env"]
    assert env.count("MODE=fast") == 1
    assert next(one for one in env if one.startswith("PATH=")) == "PATH=/opt/env/bin:/usr/local/bin:/usr/bin"
    assert (world.changes(), world.changes("--refresh")) == ({}, {})
    world.write(
        "root", f"{world.server}/base/python:1", "alpha", "beta", more="variables: {MODE: slow}\n", image=copies
    )
    assert world.changes() == {"root": "rebuild", "web": "rebuild"}


@pytest.mark.parametrize("is_told", [True, False], ids=["settings", "files"])
def test_an_environment_upon_another_elsewhere(world: World, *, is_told: bool) -> None:
    """Both are there, and the upper one comes first; both stand on the Python of the lowest base."""
    program = member("usr/local/bin/python3.11", mode=0o755)
    files = layer("usr/", "usr/local/", "usr/local/bin/", program)
    starts = PYTHON if is_told else {"Env": ["PATH=/usr/local/bin:/usr/bin"]}
    world.write("root", world.base(FILES, files, starts=starts), "alpha")
    world.write("web", "{environment: root}", "beta", image="  prefix: /opt/web\n")
    world.apply()
    world.judge(base=4)
    served = world.served()
    layers = served.layers("v1")[2:]
    version = "3.11.7" if is_told else "3.11"
    packages = ["alpha 2.0", f"python {version} image", "alpha 2.0", "beta 1.0", f"python {version} image"]
    assert made_by(layers) == packages
    assert {path.split("/")[1] for one in layers[2:] for path in served.files(one["digest"]) if "/" in path} == {"web"}
    assert served.files(layers[4]["digest"])["opt/web/bin/python"][0].linkname == "/usr/local/bin/python3.11"
    env = served.config("v1")["config"]["Env"]
    assert env[0] == "PATH=/opt/web/bin:/opt/env/bin:/usr/local/bin:/usr/bin"
    assert "VIRTUAL_ENV=/opt/web" in env


def test_fewer_layers_than_packages(world: World) -> None:
    """Those that others have too stay alone; a changed package changes one layer, whichever it lies in."""
    world.settings("layers: {budget: 3}\n")
    base = world.base()
    world.write("job", base, "alpha", "beta")
    world.write("web", base, "alpha", "beta", "gamma", "tool")
    world.apply()
    world.judge()
    before = world.served().layers("v1")
    names: list[list[str]] = [one.split("\n") for one in made_by(before)[1:]]
    assert sorted(map(len, names)) == [1, 1, 3]
    assert {"gamma 1.0", "tool 1.0"} < {*next(one for one in names if len(one) == 3)}
    world.write("web", base, "alpha==1.0", "beta", "gamma", "tool")
    world.apply()
    after = world.served().layers("v2")
    assert len([one for one in after if one not in before]) == 1
    told = json.loads(world.project.run("verify", "web", "--json").out)["verified"]
    assert told["holds"]


def test_other_forms_of_layers(world: World) -> None:
    """Packed by zstd, and of a time that the host tells: sound both, and other bytes."""
    world.settings("layers: {compression: zstd}\n")
    world.write("web", world.base(), "alpha")
    world.apply()
    world.judge()
    kinds = [one["mediaType"].rpartition("+")[2] for one in world.served().layers("v1")]
    assert kinds == ["gzip", "zstd", "zstd"]
    assert world.project.json("verify", "web")["verified"]["holds"]
    other = world.elsewhere("other", SOURCE_DATE_EPOCH="86400")
    (step,) = other.apply("--no-push")["steps"]
    assert step["reference"].startswith("oci@sha256:")
    assert step["reference"] != f"oci@{world.digest()}"
    shown = other.project.json("show", "web", "--image")["image"]
    assert shown["platforms"][0]["created"] == "1970-01-02T00:00:00Z"
    other.write("web", f"{world.server}/base/python:1", "beta")
    told = other.project.run("apply", "--no-push", env={"SOURCE_DATE_EPOCH": "now"}, check=1).err
    assert "error: SOURCE_DATE_EPOCH is 'now'\n" in told
    assert "hint: set it to seconds since 1970" in told
