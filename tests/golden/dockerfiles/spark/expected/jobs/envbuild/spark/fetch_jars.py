# Fetches the packages of Maven that sessions of Spark use, while the environment is built. Rendered by envbuild.
#
#     python fetch_jars.py PREFIX SECRETS
#
# PREFIX is where the environment lies, and SECRETS the folder with its secrets, each in a file of its name. Spark itself
# looks for the packages and for what these need. Every session begins with the files then, and asks nobody for them.
import base64
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

PACKAGES = (
    'org.example:tables_2.12:1.4.0',
    'org.example:rows:2.1',
)
# Each with the name of its secret and whose that is; without any, Spark's own are asked.
REPOSITORIES = (
    ('https://maven.example.com/public', '', ''),
    ('https://maven.example.com/team', 'maven', 'reader'),
)
_SECONDS = 60
_PASSWORD = "changeit"  # as Java calls it: what it guards are certificates, which everybody may see
_UNRESOLVED = re.compile(r"(?:unresolved dependency|download failed): (?P<what>\S+#[^\s!\]:]+)")


def main(prefix, secrets):
    spark = prefix / "share/spark"
    with tempfile.TemporaryDirectory(prefix="envbuild-jars-") as work:
        fetch(spark / "home", Path(work), secrets)
        place(sorted(Path(work, "ivy/jars").glob("*.jar")), spark)


def fetch(home, work, secrets):
    """Let Spark resolve the packages, for a program that does nothing."""
    java = os.environ.get("JAVA_HOME", "")
    if not shutil.which(os.path.join(java, "bin/java") if java else "java"):
        place = f"JAVA_HOME, {java}, has none" if java else "none is on PATH, and JAVA_HOME is not set"
        sys.exit(f"envbuild: Spark needs Java, and {place}")
    work.joinpath("nothing.py").touch()
    work.joinpath("empty.conf").touch()
    options = {"spark.jars.ivy": str(work / "ivy"), "spark.ui.enabled": "false"}
    if REPOSITORIES:
        work.joinpath("ivysettings.xml").write_text(ivy_settings(secrets), encoding="utf-8")
        options["spark.jars.ivySettings"] = str(work / "ivysettings.xml")
    command = [str(home / "bin/spark-submit"), "--master", "local[1]", "--properties-file", str(work / "empty.conf")]
    for name, value in options.items():
        command += ["--conf", f"{name}={value}"]
    command += ["--packages", ",".join(PACKAGES), str(work / "nothing.py")]
    environ = {**os.environ, "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    environ["SPARK_SUBMIT_OPTS"] = " ".join([*network(), *trust(work)])
    ran = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = ran.stdout.decode("utf-8", "replace")
    print(said, end="", flush=True)
    if ran.returncode:
        lost = dict.fromkeys(one.replace("#", ":").replace(";", ":") for one in _UNRESOLVED.findall(said))
        sys.exit(f"envbuild: Spark cannot get {', '.join(lost) or 'its packages'}")


def ivy_settings(secrets):
    """The repositories, and no others, in their order."""
    logins, places = [], []
    for at, (url, secret, user) in enumerate(REPOSITORIES):
        places.append(f'<ibiblio name="repository-{at}" m2compatible="true" root={quoteattr(url)}/>')
        if secret:
            name, password = login(secrets / secret, user)
            realm, host = realm_of(url), urlsplit(url).hostname
            given = {"host": host, "realm": realm, "username": name, "passwd": password}
            logins.append(f"<credentials {' '.join(f'{key}={quoteattr(value)}' for key, value in given.items())}/>")
    chain = f'<chain name="stated" returnFirst="true">{"".join(places)}</chain>'
    known = f"<ivysettings><settings defaultResolver=\"stated\"/>{''.join(logins)}<resolvers>{chain}</resolvers>"
    return f"{known}</ivysettings>\n"


def login(file, user):
    """USER:PASSWORD is both, where no user is named."""
    value = file.read_text(encoding="utf-8").rstrip("\r\n")
    name, colon, password = value.partition(":")
    return (name, password) if colon and not user else (user or "__token__", value)


def realm_of(url):
    """What the repository calls what it guards: only who knows that is let in."""
    group, artifact, version = PACKAGES[0].split(":")
    asked = f"{url.rstrip('/')}/{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}.pom"
    try:
        urllib.request.urlopen(asked, timeout=_SECONDS).close()
    except urllib.error.HTTPError as error:
        found = re.search(r'realm="([^"]*)"', error.headers.get("WWW-Authenticate") or "", re.IGNORECASE)
        return found[1] if found else ""
    except OSError as error:
        sys.exit(f"envbuild: {url} does not answer: {error}")
    return ""


def network():
    """Proxies as everybody else knows them, and as Java does."""
    proxies = urllib.request.getproxies()
    for scheme in ("http", "https"):
        found = urlsplit(proxies.get(scheme, ""))
        if found.hostname:
            yield f"-D{scheme}.proxyHost={found.hostname}"
            yield f"-D{scheme}.proxyPort={found.port or 80}"
    if hosts := [one.strip() for one in proxies.get("no", "").split(",") if one.strip()]:
        direct = "|".join(f"*{one}" if one.startswith(".") else one for one in [*hosts, "localhost", "127.*"])
        yield f"-Dhttp.nonProxyHosts={direct}"


def trust(work):
    """The certificates that are trusted here, in a form that Java reads."""
    file = os.environ.get("SSL_CERT_FILE", "")
    if not os.path.isfile(file):
        return []
    text = Path(file).read_text(encoding="utf-8", errors="replace")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    found = [base64.b64decode(one.partition(end)[0]) for one in text.split(begin)[1:]]
    work.joinpath("trust.jks").write_bytes(key_store(found))
    return [f"-Djavax.net.ssl.trustStore={work / 'trust.jks'}", f"-Djavax.net.ssl.trustStorePassword={_PASSWORD}"]


def key_store(certificates):
    """As Java has written them since its first version: each with a name, and a digest behind all of them."""
    data = struct.pack(">III", 0xFEEDFEED, 2, len(certificates))
    for at, one in enumerate(certificates):
        data += struct.pack(">I", 2) + counted(f"trusted-{at}") + struct.pack(">Q", 0)
        data += counted("X.509") + struct.pack(">I", len(one)) + one
    guarded = _PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + data
    return data + hashlib.sha1(guarded).digest()


def counted(text):
    return struct.pack(">H", len(text)) + text.encode()


def place(jars, spark):
    folder, settings = spark / "jars", spark / "conf/spark-defaults.conf"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for jar in jars:
        shutil.copyfile(jar, folder / jar.name)
        print(f"envbuild: {jar.name}", flush=True)
    known = settings.read_text(encoding="utf-8")
    named = ",".join((folder / jar.name).as_uri() for jar in jars)
    settings.write_text(f"{known}spark.jars={named}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
