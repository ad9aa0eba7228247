"""What counts as churn, at the terminal: what is in force, and what a definition would have said of the last year."""

from typing import Annotated, Any

import typer

from tenure.cli import opened, show
from tenure.cli.show import Format, Tell
from tenure.errors import TenureError
from tenure.lake import SYSTEM
from tenure.language import is_chinese, tr

Kind = Annotated[str, typer.Argument(help=tr("Name of the definition; see: tenure churn definitions"))]
Said = Annotated[
    list[str] | None, typer.Option("--set", help=tr("A setting, as horizon_days=60 or share=0.3; may be given again"))
]


def definitions(format: Tell = Format.table) -> None:
    opened.desk()
    from tenure.desk.customers import packs
    from tenure.insight.churn.definitions import DEFINITIONS, said

    practice = packs.in_force()
    wishes = [("main", one) for one in practice.churn[:1]] + [(str(one["code"]), one) for one in practice.beside]
    rows: list[dict[str, Any]] = [
        {"name": str(wish["definition"]), "in_force": code, "settings": None, "what": str(said(wish))}
        for code, wish in wishes
    ]
    rows += [
        {
            "name": kind.name,
            "in_force": None,
            "settings": ", ".join(one.name for one in kind.settings),
            "what": str(kind.title),
        }
        for kind in DEFINITIONS.values()
    ]
    headings = {"name": tr("Definition"), "in_force": tr("In force"), "what": tr("What"), "settings": tr("Settings")}
    show.rows(rows, format, headings=headings)
    show.hint(tr("Next: tenure churn preview own_rhythm"))


def preview(name: Kind, settings: Said = None, format: Tell = Format.table) -> None:
    opened.desk()
    from tenure.desk.customers import packs
    from tenure.desk.customers.models import Publication
    from tenure.insight.churn.preview import READ, last_year

    here = opened.workspace()
    lake = opened.lake(here)
    shown = Publication.current()
    until = (shown.as_of if shown else opened.now()).astimezone(here.zone_info)
    records = {one: lake.read(f"records/{one}", actor=SYSTEM) for one in READ}
    told = last_year(records, _wish(name, settings or []), packs.in_force().churn, until, lake)
    headings = {
        "month": tr("Month"), "asked": tr("Could leave"), "left": tr("Would have left"), "left_before": tr("By the one in force"),
        "both": tr("By both"), "only_new": tr("By this one alone"), "only_old": tr("By the one in force alone"),
    }  # fmt: skip
    rows = [{"month": cut[:7], **row} for cut, row in zip(told["cuts"], told["months"], strict=True)]
    language = "zh" if is_chinese() else "en"
    if format is Format.table:
        show.out.print(told["words"][language], markup=False, soft_wrap=True)
    show.rows(rows, format, headings=headings)
    for one in told["remarks"]:
        show.hint(one[language])


def _wish(name: str, settings: list[str]) -> dict[str, Any]:
    wish: dict[str, Any] = {"definition": name}
    for one in settings:
        key, equals, text = one.partition("=")
        if not equals:
            raise TenureError(tr('"{text}" is no setting; write it as horizon_days=60.', text=one[:40]))
        try:
            value: Any = float(text)
            value = int(value) if value == int(value) else value
        except (ValueError, OverflowError):
            value = text
        wish[key.strip()] = value
    return wish
