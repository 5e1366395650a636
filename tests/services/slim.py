"""Leaves out of a wheel of pyspark what sessions on one machine never use: a third of it stays."""

import base64
import hashlib
import re
import sys
import zipfile
from pathlib import Path

_UNUSED = re.compile(
    r"pyspark/(examples|data|licenses|sbin|python/lib)/"
    r"|pyspark/jars/(hive-|kubernetes-|mesos-|hadoop-yarn|rocksdbjni|datanucleus-|derby|spark-(hive|kubernetes|mesos|yarn)"
    r"|spark-(mllib|graphx|streaming|repl|ganglia)|breeze|netlib|arpack|lapack|blas|spire|scala-compiler|okhttp|zookeeper"
    r"|parquet-hadoop-bundle|jdo-api|javax\.jdo|HikariCP|bonecp|libthrift|libfb303|kafka|aws|leveldbjni-all-linux)"
)
"""What is loaded by nothing but what is left out itself."""


def slim(path: Path) -> None:
    """Write the wheel anew, with a RECORD of what stays."""
    made = path.with_suffix(".slim")
    lines = []
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        record = next(name for name in old.namelist() if name.endswith(".dist-info/RECORD"))
        for entry in old.infolist():
            if entry.filename != record and not _UNUSED.match(entry.filename):
                data = old.read(entry)
                new.writestr(entry, data, compress_type=zipfile.ZIP_STORED if len(data) > 1 << 16 else None)
                digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                lines.append(f"{entry.filename},sha256={digest},{len(data)}")
        new.writestr(record, "".join(f"{line}\n" for line in (*lines, f"{record},,")))
    made.replace(path)


if __name__ == "__main__":
    slim(Path(sys.argv[1]))
