"""Commands for the industry pack: what there are, what one would change, and choosing or taking it back."""

from typing import Annotated, Any

import typer

from tenure.cli import manners, opened, show
from tenure.cli.show import Format, Tell
from tenure.lake import SYSTEM
from tenure.language import tr

app = typer.Typer(
    cls=manners.Group, help=tr("The industry pack the company works by. See what there is with: tenure list packs"),
    no_args_is_help=True,
)  # fmt: skip
Named = Annotated[str, typer.Argument(help=tr("Name of the pack; see: tenure list packs"))]


@app.command("look", cls=manners.Command, help=tr("Say what a pack would change here, and what it would leave alone."))
def look(name: Named, format: Tell = Format.table) -> None:
    opened.desk()
    from tenure.desk.customers import packs

    _show(packs.plan(name), format)
    show.hint(tr("Next: tenure pack choose {name}", name=name))


@app.command("choose", cls=manners.Command, help=tr("Work by a pack from now on."))
def choose(name: Named) -> None:
    opened.desk()
    chosen(name)
    show.hint(tr("Next: tenure refresh"))


@app.command("take-back", cls=manners.Command, help=tr("Put back what was before the pack; what people set stays."))
def take_back() -> None:
    opened.desk()
    from tenure.desk.customers import packs

    wanted = packs.take_back(lake=opened.lake(), scope=SYSTEM, actor=None, now=opened.now())
    _show(wanted, Format.table)
    show.hint(tr("Next: tenure refresh"))


def chosen(name: str) -> None:
    """Put a pack in force, and say in a line what that did. The desk must be prepared."""
    from tenure.desk.customers import packs
    from tenure.packs import pack_named

    wanted = packs.choose(name, lake=opened.lake(), scope=SYSTEM, actor=None, now=opened.now())
    words = str(pack_named(name).words)
    if not wanted.moves:
        show.out.print(tr("{name} is in force already.", name=words), markup=False)
        return
    show.out.print(
        tr("{name} is in force: {changed} settings changed, {kept} left as people set them.",
           name=words, changed=len(wanted.changed), kept=len(wanted.kept)),
        markup=False,
    )  # fmt: skip
    for one in wanted.kept:
        show.out.print(f"  {one.what}: {one.before}", markup=False)


def _show(wanted: Any, format: Format) -> None:
    from tenure.desk.customers.packs import PARTS_OF_A_PACK

    if format is not Format.table:
        names = ("part", "what", "before", "after", "kept")
        show.rows([{name: getattr(one, name) for name in names} for one in wanted.changes], format, headings={})
        return
    # What stands on either side of an arrow may be a sentence: no table holds that.
    part = ""
    for one in wanted.changes:
        if one.part != part:
            part = one.part
            show.out.print(f"[bold]{PARTS_OF_A_PACK[part]}[/]")
        line = f"  {one.what}: {one.before} → {one.after}" + (f"  ({one.kept})" if one.kept else "")
        show.out.print(line, markup=False, soft_wrap=True)
    if not wanted.changes:
        show.out.print(tr("Nothing would change."), markup=False)
