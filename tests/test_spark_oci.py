"""`spark` in an image that nothing is run in: what sessions begin with, and where Spark lies, are files of a layer."""

from pathlib import Path

from support.assembling import World
from support.index import Index
from support.registry import Registry

_SPARK = """\
spark:
  java: system
  packages: ["org.example:tables:1.0"]
  properties: {spark.local.dir: "{{ environment.prefix }}/tmp"}
"""


def test_what_sessions_begin_with_is_in_an_assembled_image(
    registry: Registry, tmp_path: Path, uv_cache: Path, index: Index
) -> None:
    """Beside its packages, with its variables; a plan has nothing more to do then, and a change has its line."""
    index.add("pyspark", "3.5.1")
    world = World(tmp_path, uv_cache, index, registry.server)
    world.write("web", world.base(), more=_SPARK)
    world.apply()
    world.judge()
    served = world.served()
    assert {"SPARK_CONF_DIR=/opt/env/share/spark/conf", "SPARK_HOME=/opt/env/share/spark/home"} <= {
        *served.config("v1")["config"]["Env"]
    }
    files = {path: one for each in served.layers("v1")[1:] for path, one in served.files(each["digest"]).items()}
    entry, _ = files["opt/env/share/spark/home"]
    assert (entry.issym(), entry.linkname) == (True, "../../lib/python3.11/site-packages/pyspark")
    assert "opt/env/lib/python3.11/site-packages/pyspark/__init__.py" in files
    assert files["opt/env/share/spark/conf/spark-defaults.conf"][1].decode().splitlines()[1:] == [
        "spark.jars.packages=org.example:tables:1.0",
        "spark.local.dir=/opt/env/tmp",
    ]
    assert world.changes() == {}
    world.write("web", world.base(), more=_SPARK.replace("tables:1.0", "tables:1.1"))
    (step,) = world.project.json("plan")["steps"]
    assert [(one["part"], one["change"], one["where"]) for one in step["reasons"]] == [
        ("spark", "spark-defaults.conf changed", "manifests/web.yaml:2")
    ]
