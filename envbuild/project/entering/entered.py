"""What stands to be used as it is: the version that was built last, where the manifest still says the same."""

from envbuild.errors import RefusedError, UsageError
from envbuild.globs import is_glob
from envbuild.project.activating import no_prefix
from envbuild.project.front import Project
from envbuild.project.reading import Selection
from envbuild.project.runs.running import Chosen, chosen
from envbuild.project.versions import parted


def named(project: Project, text: str) -> tuple[str, str]:
    """The one environment that is meant, without a name the default one, and its version if one is said."""
    if not text and not project.settings.default_environment:
        hint = "name it, or set 'default_environment' in envbuild.yaml"
        raise UsageError("no environment is named", hint=hint)
    name, version = parted(text or project.settings.default_environment)
    if is_glob(name) or name.startswith("@"):
        raise UsageError(f"'{name}' is not one environment", hint="name one environment")
    return (project.named(name) if version else project.one(name).name), version


def as_said(project: Project, text: str) -> Chosen:
    """NAME as its manifest says now, or NAME@VERSION; nothing is built for it."""
    name, version = named(project, text)
    if not version and project.plan(Selection((name,))).has_work:
        hint = f"run 'envbuild apply {name}', or name '{name}@latest' for what was built last"
        raise RefusedError(f"'{name}' is not built as its manifest says now", hint=hint)
    return chosen(project, name, version)


def standing(project: Project, text: str) -> Chosen:
    """The same, of a prefix of this machine that is whole."""
    found = as_said(project, text)
    if found.record.builder != "local":
        raise no_prefix(found.record.title)
    project.activation(found.record.environment, str(found.record.version))
    return found
