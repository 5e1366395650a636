"""`spark` -> texts: what sessions begin with, and the script that fetches their packages while building."""

from typing import Any

from envbuild.document import PREFIX
from envbuild.render.quoting import setting
from envbuild.render.templates import Templates, rendered
from envbuild.resolve import SPARK_FOLDER, Environment

CONF, FETCH = "spark-defaults.conf", "fetch_jars.py"
CONF_PLACE = f"{SPARK_FOLDER}/conf/{CONF}"
HOME_PLACE = f"{SPARK_FOLDER}/home"


def spark_texts(environment: Environment, templates: Templates) -> dict[str, str]:
    """By file name; nothing where no Spark is asked for. What names the place of the environment is left open."""
    if environment.keys.spark is None:
        return {}
    values = {"spark": _values(environment)}
    names = (CONF, FETCH) if environment.keys.spark.fetches else (CONF,)
    return {name: rendered(f"{name}.j2", templates, values) for name in names}


def _values(environment: Environment) -> dict[str, Any]:
    stated = environment.keys.spark
    assert stated  # noqa: S101 - who asks has looked
    packages = list(stated.coordinates)
    places = [{"url": one.url, "secret": one.secret, "user": one.user or ""} for one in stated.places]
    asked = {
        "spark.jars.packages": ",".join(packages),
        "spark.jars.repositories": ",".join(one["url"] for one in places),
    }
    properties = {name: value for name, value in stated.properties.items() if value is not None}
    later = {} if stated.fetches else {name: value for name, value in asked.items() if packages and value}
    return {"packages": packages, "repositories": places, "properties": dict(sorted({**properties, **later}.items()))}


def placed_conf(text: str, prefix: str) -> str:
    """Of values that name a place in the environment, now that it is known where it lies."""
    return text.replace(PREFIX, setting(prefix))


def home_link(python: str) -> str:
    """Where `home` leads to: the folder of pyspark, from its own."""
    minor = ".".join(python.split(".")[:2])
    return f"../../lib/python{minor}/site-packages/pyspark"
