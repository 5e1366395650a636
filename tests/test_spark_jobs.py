"""`spark` for real: Spark from PyPI, packages of Maven from a repository on loopback, and a job that counts rows."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.authority import authority
from support.condachannel import Channel
from support.condapkg import Archive, Package
from support.condapython import SUBDIR
from support.engine import Engine
from support.imaging import Imaging
from support.index import Index
from support.line import apply_twice, reference
from support.maven import Maven
from support.project import Project
from support.services import java_home, require, spark_wheels

_PASSWORD = "not in any layer"  # noqa: S105 - of this test alone
_JOB = """
from pyspark.sql import SparkSession

session = SparkSession.builder.getOrCreate()
rows = session.createDataFrame([(number % 3,) for number in range(10)], ["third"])
print([tuple(row) for row in rows.groupBy("third").count().orderBy("third").collect()])
loader = session.sparkContext._jvm.java.lang.Thread.currentThread().getContextClassLoader()
print(loader.loadClass("org.example.Tables").getName(), session.conf.get("spark.app.name"))
"""
_SAYS = ["[(0, 4), (1, 3), (2, 3)]", "org.example.Tables counts: a \\ and 'more'"]
_SPARK = """
dependencies: [{{pip: [pyspark]}}]
pip: {{index_url: '{index}'}}
spark:
  java: system
  packages: ["org.example:tables:1.0"]
  repositories: [{repository}]
  precache: true
  properties:
    spark.master: local[1]
    spark.ui.enabled: false
    spark.sql.shuffle.partitions: 2
    spark.app.name: "counts: a \\\\ and 'more'"
"""


def spark_index(at: type[Index] = Index) -> Index:
    """Offer Spark's own wheels."""
    found = at()
    for path in spark_wheels().glob("*.whl"):
        found.add_file(path.name, path.read_bytes())
    return found


@pytest.fixture(scope="module")
def wheels() -> Iterator[Index]:
    """Give one index for all, of which uv keeps what it has fetched."""
    require("spark")
    with spark_index() as index:
        yield index


@pytest.fixture
def java() -> dict[str, str]:
    """Give what a machine with Java has of it."""
    require("spark")
    home = java_home()
    return {"JAVA_HOME": str(home), "PATH": f"{home}/bin:{os.environ['PATH']}"}


@pytest.fixture
def maven() -> Iterator[Maven]:
    with Maven(auth=("reader", _PASSWORD)) as maven:
        maven.add("org.example:tables:1.0", needs=["org.example:rows:2.1"])
        maven.add("org.example:rows:2.1")
        yield maven


def test_a_job_runs_in_a_prefix_and_asks_nobody(
    project: Project, java: dict[str, str], maven: Maven, wheels: Index
) -> None:
    """Packages are fetched while building, by who knows the password; the job then asks nobody for them."""
    project = Project(project.path, {**project.environ, **java, "MAVEN": f"reader:{_PASSWORD}"})
    project.write("envbuild.yaml", "secrets: {maven: {env: MAVEN}}\n")
    project.write("job.py", _JOB)
    stated = f"{{url: '{maven.url}', secret: maven}}"
    project.write("manifests/s.yaml", _SPARK.format(index=wheels.url, repository=stated))
    apply_twice(project)
    folder = Path(reference(project, "s"), "share/spark")
    jars = sorted(path.name for path in (folder / "jars").iterdir())
    assert jars == ["org.example_rows-2.1.jar", "org.example_tables-1.0.jar"]
    assert (folder / "conf/spark-defaults.conf").read_text().splitlines() == [
        "# What every session of Spark begins with. Rendered by envbuild.",
        "spark.app.name=counts: a \\\\ and 'more'",
        "spark.master=local[1]",
        "spark.sql.shuffle.partitions=2",
        "spark.ui.enabled=false",
        f"spark.jars={','.join((folder / 'jars' / jar).as_uri() for jar in jars)}",
    ]
    asked = len(maven.requests)
    assert project.run("run", "s", "--", "python", "job.py").out.splitlines() == _SAYS
    assert len(maven.requests) == asked
    kept = [path for path in project.path.rglob("*") if path.is_file() and _PASSWORD.encode() in path.read_bytes()]
    assert kept == []


def test_a_package_that_no_repository_has_is_named(
    project: Project, java: dict[str, str], wheels: Index, tmp_path: Path
) -> None:
    """By Spark's own search in the repositories that are stated, and no others; also where TLS is a test's own."""
    bundle, context = authority(tmp_path / "authority")
    with Maven(tls=context) as maven:
        maven.add("org.example:tables:1.0", needs=["org.example:gone:3"])
        environ = {**project.environ, **java, "SSL_CERT_FILE": str(bundle)}
        project = Project(project.path, environ)
        project.write("manifests/s.yaml", _SPARK.format(index=wheels.url, repository=f"'{maven.url}'"))
        told = project.run("apply", check=1).err
    assert "manifests/s.yaml:3:1: 'spark' cannot be built: Spark cannot get org.example:gone:3\n" in told
    assert "  hint: look at its output in the log" in told
    assert "/org/example/gone/3/gone-3.pom" in maven.requests
    assert not [path for path in Path(project.environ["ENVBUILD_STORE"]).glob("*") if path.name[0] != "."]


def test_a_job_runs_in_a_built_image(
    imaging: Imaging, engine: Engine, conda_python: Archive, wheels: Index, tmp_path: Path
) -> None:
    """On the base's Java, with packages that a step of the build has fetched, when nobody has them any more."""
    channel = Channel(tmp_path / "channel", conda_python, Package(name="pip", subdir=SUBDIR))
    with type("_Maven", (Maven,), {"host": engine.gateway})(auth=("reader", _PASSWORD)) as maven:
        maven.add("org.example:tables:1.0")
        text = imaging.project.read("envbuild.yaml")
        more = (
            f"insecure_indexes: ['{maven.address}']\nsecrets: {{maven: {{env: MAVEN}}}}\nchannels: ['{channel.url}']\n"
        )
        imaging.project.write("envbuild.yaml", text + more)
        stated = f"{{url: '{maven.url}', secret: maven, user: reader}}"
        spark = _SPARK.format(index=wheels.url, repository=stated).strip()
        imaging.write("s", "java", f"python: {{from: conda}}\n{spark}\nimage:\n")
        imaging.project.run("apply", "--no-push", env={"MAVEN": _PASSWORD})
    reference = imaging.reference("s")
    assert imaging.said(reference, "python", "-c", _JOB).splitlines() == _SAYS
    assert _PASSWORD not in imaging.log("s") + engine.docker("history", "--no-trunc", reference)
