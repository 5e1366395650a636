"""A command with commands of its own, as `runs` and `models` are: each module is imported when it is asked for."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import click

from envbuild.errors import UsageError


class Nested(click.Group):
    """`subcommands` are names with what each does, `home` says in which module each stands."""

    def __init__(
        self,
        *args: Any,
        subcommands: Mapping[str, str],
        home: Mapping[str, str],
        is_one: Callable[[str], bool],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.subcommands = subcommands
        self._home = home
        self._is_one = is_one

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.subcommands)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.subcommands:
            return None
        module = importlib.import_module(f"envbuild.cli.{self._home[name]}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.subcommands.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.subcommands:
            from envbuild.shape import nearest

            shown = f"run 'envbuild {self.name} show {args[0]}'" if self._is_one(args[0]) else ""
            hint = shown or nearest(args[0], self.subcommands)
            raise UsageError(f"there is no command '{self.name} {args[0]}'", hint=hint)
        return super().resolve_command(ctx, args)
