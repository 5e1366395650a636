"""The one door to the files of a project: found by walking up, read within bounds, written whole or not at all."""

from envbuild.workspace.files import PRIVATE, Survey, Workspace, find_root
from envbuild.workspace.lent import Lent
from envbuild.workspace.passing import passing_folder
from envbuild.workspace.writing import write_folder, write_whole

__all__ = ["PRIVATE", "Lent", "Survey", "Workspace", "find_root", "passing_folder", "write_folder", "write_whole"]
