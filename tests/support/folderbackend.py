"""The build backend of the folders of `folders`: it packs `src`, and litters where it builds, as old ones do."""

import json
import tomllib
import zipfile
from pathlib import Path
from typing import Any


def _facts() -> dict[str, Any]:
    """What pyproject.toml says; what it calls dynamic, or says nothing of, stands in further files."""
    facts: dict[str, Any] = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    if Path("facts.json").exists():
        facts = {**json.loads(Path("facts.json").read_text(encoding="utf-8")), **facts}
    if "dependencies" in facts.get("dynamic", ()):
        facts["dependencies"] = Path("needs.txt").read_text(encoding="utf-8").split()
    if "version" in facts.get("dynamic", ()):
        facts["version"] = Path("src", facts["name"], "version.txt").read_text(encoding="utf-8").strip()
    return facts


def _metadata(facts: dict[str, Any]) -> str:
    extras = facts.get("optional-dependencies", {})
    lines = ["Metadata-Version: 2.1", f"Name: {facts['name']}", f"Version: {facts['version']}"]
    lines += [f"Requires-Dist: {one}" for one in facts.get("dependencies", ())]
    lines += [line for extra in extras for line in (f"Provides-Extra: {extra}",)]
    lines += [f'Requires-Dist: {one} ; extra == "{extra}"' for extra, listed in extras.items() for one in listed]
    return "\n".join([*lines, ""])


def _wheel(folder: str, files: dict[str, str]) -> str:
    facts = _facts()
    stem = f"{facts['name'].replace('-', '_')}-{facts['version']}"
    told = {
        "METADATA": _metadata(facts),
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(Path(folder, f"{stem}-py3-none-any.whl"), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        for name, text in told.items():
            archive.writestr(f"{stem}.dist-info/{name}", text)
    return f"{stem}-py3-none-any.whl"


def build_wheel(
    wheel_directory: str,
    config_settings: object = None,  # noqa: ARG001 - PEP 517 gives the names and the number of arguments
    metadata_directory: object = None,  # noqa: ARG001
) -> str:
    for path in (Path("build/lib/litter"), Path("litter.egg-info/PKG-INFO")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("litter", encoding="utf-8")
    found = sorted(path for path in Path("src").rglob("*") if path.is_file())
    files = {path.relative_to("src").as_posix(): path.read_text(encoding="utf-8") for path in found}
    everything = sorted(path.as_posix() for path in Path().rglob("*") if path.is_file() and "litter" not in path.name)
    return _wheel(wheel_directory, files | {"seen_by_the_build.txt": "\n".join(everything)})


def build_editable(
    wheel_directory: str,
    config_settings: object = None,  # noqa: ARG001 - PEP 517 gives the names and the number of arguments
    metadata_directory: object = None,  # noqa: ARG001
) -> str:
    return _wheel(wheel_directory, {"editable_of_a_test.pth": f"{Path.cwd()}/src\n"})
