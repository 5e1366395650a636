"""`spark`: what it takes, what is wrong with it, how it is inherited, and what it adds, builder by builder."""

import subprocess
import sys

import pytest
from support.keys import body, child, heirs, refused
from support.manifests import environment, problems
from support.project import Project

from envbuild.document import PREFIX
from envbuild.project import Project as Opened
from envbuild.render import addition_texts
from envbuild.resolve import Environment, resolved_text

_BAD = {
    "version: '3.x'": "1:18: '3.x' is no version of Spark | write it as '3.5' or '3.5.1'",
    "java: oracle": "1:15: 'java' cannot be 'oracle' | known are: apt, conda, system",
    "packages: ['a:b']": (
        "1:20: 'a:b' is no package of Maven | write 'GROUP:ARTIFACT:VERSION', as in 'org.example:tables_2.12:1.4.0'"
    ),
    "packages: ['a:b:[1,2)']": (
        "1:20: 'a:b:[1,2)' is no package of Maven"
        " | write 'GROUP:ARTIFACT:VERSION', as in 'org.example:tables_2.12:1.4.0'"
    ),
    "packages: ['a:b:1.+']": (
        "1:20: 'a:b:1.+' is no package of Maven"
        " | write 'GROUP:ARTIFACT:VERSION', as in 'org.example:tables_2.12:1.4.0'"
    ),
    "packages: ['a:b:latest.release']": "1:20: 'a:b:latest.release' is another package tomorrow | name one version",
    "packages: ['a:b:1-SNAPSHOT']": "1:20: 'a:b:1-SNAPSHOT' is another package tomorrow | name one version",
    "packages: ['a:b:1', {group: a, artifact: b, version: '2'}]": (
        "1:29: 'a:b' is named twice: at line 1, too | keep one of the two"
    ),
    "repositories: ['ftp://m.example.com']": (
        "1:24: the repository 'ftp://m.example.com' is not https | write 'https://…'"
    ),
    "repositories: ['https://m.example.com/?a=b']": (
        "1:24: 'https://m.example.com/?a=b' is no URL of a repository | mend it"
    ),
    "repositories: ['https://m.example.com/a/../b']": (
        "1:24: 'https://m.example.com/a/../b' leads elsewhere than it says | write it without '.' and '..' in its path"
    ),
    "repositories: ['http://m.example.com/x']": (
        "1:24: the repository 'http://m.example.com/x' is not https"
        " | use https, or name the host: 'insecure_indexes: [m.example.com]'"
    ),
    "repositories: [{url: 'https://m.example.com', secret: gone}], packages: ['a:b:1'], precache: true": (
        "1:63: there is no secret 'gone' in the settings"
        " | name it in envbuild.yaml: 'secrets: {NAME: {env: VARIABLE}}'"
    ),
    "properties: {'master': 'local'}": "1:22: 'master' is no property of Spark | write it as 'spark.NAME'",
    "properties: {spark.jars.packages: 'a:b:1'}": (
        "1:22: 'spark.jars.packages' is what 'spark.packages' says | write it under 'packages'"
    ),
    "properties: {spark.jars: 'a.jar'}, packages: ['a:b:1'], precache: true": (
        "1:34: 'spark.jars' is what 'precache' makes of 'packages' | keep one of the two"
    ),
}  # fmt: skip


@pytest.mark.parametrize("stated", _BAD)
def test_what_cannot_be_is_refused_at_its_place(stated: str) -> None:
    """With what mends it; of several things at one place the first."""
    beside = "" if stated.startswith("java") else ", java: system"
    assert refused(f"spark: {{{stated}{beside}}}") == _BAD[stated]


_TOGETHER = {
    "spark: {}\n": (
        "1:1: Spark needs Java, and nothing says who brings it"
        " | write 'java: conda' under 'spark', or 'java: system' where it is there already"
    ),
    "python: {from: uv}\nspark: {java: conda}\n": (
        "2:15: Java is to come from conda, and this environment's Python comes from uv"
        " | write 'from: conda' under 'python'"
    ),
    "python: {managed: false}\nspark: {java: system}\n": (
        "2:1: 'spark' brings packages of Python, and this Python is not managed"
        " | remove 'managed: false' under 'python'"
    ),
    "dependencies: [{pip: [pyspark==3.4.1]}]\nspark: {java: system, version: '3.5'}\n": (
        "2:32: the version of 'pyspark' is said twice: at manifests/k.yaml:1:23, too | keep one of the two"
    ),
}


@pytest.mark.parametrize("text", _TOGETHER)
def test_what_does_not_go_together_is_refused(text: str) -> None:
    """Once all of the lineage is known."""
    assert _TOGETHER[text] in [
        one.removeprefix("manifests/k.yaml:").replace("\n  hint: ", " | ") for one in problems({"k": text})
    ]


def test_a_secret_is_for_building_alone(project: Project) -> None:
    """Without `precache` nobody could use it."""
    project.write("envbuild.yaml", "secrets: {m: {env: M}}\n")
    stated = "[{url: 'https://m.example.com', secret: m}]"
    text = f"spark:\n  java: system\n  packages: ['a:b:1']\n  repositories: {stated}\n"
    project.write("manifests/k.yaml", text)
    assert project.run("check", check=1).err == (
        "manifests/k.yaml:4:17: a repository has a secret, and secrets are for building alone\n"
        "  hint: write 'precache: true' under 'spark', so that its packages are fetched while building\n"
    )
    project.write("manifests/k.yaml", f"{text}  precache: true\n")
    project.run("check")


def test_it_is_inherited_key_by_key() -> None:
    """Lists replace, properties overlay; null removes a key, and `!reset` all of it."""
    parent = {"java": "system", "packages": ["a:b:1"], "properties": {"spark.a": "1", "spark.b": "2"}}
    own = {"packages": ["c:d:2"], "properties": {"spark.b": None, "spark.c": "3"}, "java": "system"}
    merged = {"java": "system", "packages": ["c:d:2"], "properties": {"spark.a": "1", "spark.c": "3"}}
    stated = {"packages": ["c:d:2"], "properties": {"spark.c": "3"}, "java": "system"}
    found = heirs("spark", parent, own, body("spark"))
    assert found == (merged, found[1], None, parent)
    assert {**found[1], "properties": {"spark.c": "3"}} == stated


def asked(found: Environment) -> list[str]:
    return [item.text for package in found.packages for item in package.items]


def test_it_brings_spark_and_java_from_where_the_rest_comes() -> None:
    """Conda's where there is conda, else PyPI's and, in images, Debian's; what is listed already is not asked again."""
    conda = environment({"k": "dependencies: [numpy]\nspark: {version: '3.5'}\n"})
    assert asked(conda) == ["numpy", "openjdk", "pyspark 3.5.*"]
    assert (conda.python.source, conda.brought.java, conda.brought.debian) == ("conda", "conda", ())
    image = environment({"k": "builder: docker\nimage: {base: debian}\nspark: {version: '3.5'}\n"})
    assert asked(image) == ["pyspark==3.5.*"]
    assert (image.python.source, image.brought.java) == ("image", "apt")
    assert image.brought.debian == ("default-jre-headless",)
    exact = environment({"k": "dependencies: [{pip: [alpha]}]\nspark: {java: system, version: '3.5.1'}\n"})
    assert (asked(exact), exact.python.source, exact.brought.debian) == (["alpha", "pyspark==3.5.1"], "uv", ())
    java = environment({"k": "dependencies: [{pip: [alpha]}]\nspark: {java: conda}\n"})
    assert (asked(java), java.python.source) == (["openjdk", "alpha", "pyspark"], "conda")
    listed = environment({"k": "dependencies: [openjdk =17, pyspark]\nspark: {version: '3.5'}\n"})
    assert asked(listed) == ["openjdk 17.*", "pyspark", "pyspark 3.5.*"]
    of_pip = environment({"k": "dependencies: [numpy, {pip: [pyspark==3.5.1]}]\nspark: {}\n"})
    assert asked(of_pip) == ["numpy", "openjdk", "pyspark==3.5.1"]
    (item,) = image.package("pip/pyspark")
    assert str(item.where) == "manifests/k.yaml:3:18"


def test_its_variables_stand_behind_the_manifests_own() -> None:
    """Where Spark and what it begins with lie, wherever the environment does."""
    found = environment({"k": "spark: {java: system}\nvariables: {SPARK_HOME: /opt/spark, A: b}\n"})
    assert {one.name: one.value for one in found.variables} == {
        "A": "b",
        "SPARK_CONF_DIR": f"{PREFIX}/share/spark/conf",
        "SPARK_HOME": "/opt/spark",
    }


@pytest.mark.parametrize(
    "text",
    ["dependencies: [numpy]\nspark: {}\n", "spark: {java: system, version: '3.5', properties: {spark.a: b}}\n"],
)
def test_what_is_recorded_of_it_is_the_same_environment(text: str) -> None:
    """Written whole and read again, it brings the same, once."""
    first = environment({"k": text})
    again = environment({"k": resolved_text(first)})
    assert asked(again) == asked(first)
    assert (again.variables, again.keys.spark, again.brought.java) == (
        first.variables,
        first.keys.spark,
        first.brought.java,
    )


def test_a_child_goes_without_it() -> None:
    """`!reset` takes all of it away."""
    found = child("spark: {java: system}\n", "spark: !reset\nsetup: [x]\n")
    assert (found.keys.spark, found.packages, found.variables) == (None, (), ())


def test_each_builder_says_what_it_cannot_do(project: Project) -> None:
    """At plan time, at the line, with who can."""
    java = "platforms: [linux-64]\nspark:\n  java: apt\n"
    project.write("manifests/local.yaml", java)
    project.write("manifests/oci.yaml", f"{java}  precache: true\nbuilder: oci\nimage: {{base: debian}}\n")
    assert project.run("plan", check=1).err == (
        "manifests/local.yaml:3:3: builder 'local' cannot do 'spark.java: apt'\n"
        "  hint: remove it, or use 'builder: docker'\n"
        "manifests/oci.yaml:3:3: builder 'oci' cannot do 'spark.java: apt'\n"
        "  hint: remove it, or use 'builder: docker'\n"
        "manifests/oci.yaml:4:3: builder 'oci' cannot do 'spark.precache: true'\n"
        "  hint: remove it, or use 'builder: docker' or 'builder: local'\n"
    )


def test_what_it_renders_is_content(project: Project) -> None:
    """Each value of it; the order of what has none is not, and without it nothing changes."""
    texts = {}
    for name, more in {
        "one": "packages: ['a:b:1'], properties: {spark.a: '1', spark.b: '2'}",
        "two": "properties: {spark.b: '2', spark.a: '1'}, packages: ['a:b:1']",
        "three": "packages: ['a:b:2'], properties: {spark.a: '1', spark.b: '2'}",
        "four": "packages: ['a:b:1'], properties: {spark.a: '1', spark.b: '2'}, precache: true",
    }.items():
        project.write(f"manifests/{name}.yaml", f"python: {{from: uv}}\nspark: {{java: system, {more}}}\n")
    opened = Opened.load(project.path, project.environ)
    for name in ("one", "two", "three", "four"):
        texts[name] = addition_texts(opened.one(name), lambda: opened.templates)
    assert texts["one"] == texts["two"]
    assert len({str(one) for one in texts.values()}) == 3
    assert list(texts["one"]["spark"]) == ["spark-defaults.conf"]
    assert texts["three"]["spark"]["spark-defaults.conf"].splitlines()[1:] == [
        "spark.a=1", "spark.b=2", "spark.jars.packages=a:b:2",
    ]  # fmt: skip
    assert list(texts["four"]["spark"]) == ["spark-defaults.conf", "fetch_jars.py"]


@pytest.mark.parametrize(
    ("home", "place"),
    [
        ("", "none is on PATH, and JAVA_HOME is not set"),
        ("/gone", "JAVA_HOME, /gone, has none"),
    ],
)
def test_a_build_without_java_says_so(project: Project, home: str, place: str) -> None:
    """Not that Spark could not get its packages, which nobody could mend."""
    project.write(
        "manifests/k.yaml", "python: {from: uv}\nspark: {java: system, packages: ['a:b:1'], precache: true}\n"
    )
    opened = Opened.load(project.path, project.environ)
    script = addition_texts(opened.one("k"), lambda: opened.templates)["spark"]["fetch_jars.py"]
    environ = {"PATH": str(project.path), **({"JAVA_HOME": home} if home else {})}
    command = [sys.executable, "-I", "-c", script, str(project.path), str(project.path)]
    run = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (1, f"envbuild: Spark needs Java, and {place}\n")
