"""The settings of a project, or of a catalogue that is one."""

from envbuild.document import parse
from envbuild.names import FILE
from envbuild.settings import Settings, settings
from envbuild.workspace import Workspace


def read_settings(workspace: Workspace, path: str = FILE) -> Settings:
    if not workspace.exists(path):
        return Settings()
    return settings(parse(path, workspace.read(path)))
