"""What Typer does in its own way, done in ours: the words of its help, Ctrl-C, and a reader who has seen enough."""

import os
import sys
from typing import Any

import typer
import typer.core
from typer import rich_utils

from tenure.cli import show
from tenure.language import tr


class Command(typer.core.TyperCommand):
    def get_help_option(self, ctx: Any) -> Any:
        return _said(super().get_help_option(ctx))


class Group(typer.core.TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        # Here, since Typer would end a stopped command without a word, and a broken pipe as a failure.
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            show.complain(tr("Stopped. Nothing was left half done; run the same command again to go on."))
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # Python would complain once more on closing.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        return result

    def get_help_option(self, ctx: Any) -> Any:
        return _said(super().get_help_option(ctx))


def _said(option: Any) -> Any:
    if option is not None:
        option.help = tr("Show this help and leave.")
    return option


def speak() -> None:
    """Give Typer's headings and remarks in the current language."""
    rich_utils.ARGUMENTS_PANEL_TITLE = tr("Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = tr("Options")
    rich_utils.COMMANDS_PANEL_TITLE = tr("Commands")
    rich_utils.ERRORS_PANEL_TITLE = tr("Error")
    rich_utils.DEFAULT_STRING = tr("[default: {}]")
    rich_utils.ENVVAR_STRING = tr("[env var: {}]")
    rich_utils.REQUIRED_LONG_STRING = tr("[required]")
    rich_utils.RICH_HELP = tr("For help: [blue]{command_path} {help_option}[/]")
