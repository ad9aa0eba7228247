"""Commands for the churn models: versions, champion, drift, learning anew, and making a version again from its snapshot."""

from typing import Annotated, Any

import typer

from tenure.cli import manners, opened, show
from tenure.cli.show import Format, Tell
from tenure.errors import TenureError
from tenure.language import Words, tr

app = typer.Typer(
    cls=manners.Group, help=tr("The churn models: versions, champion, drift, learning anew."), no_args_is_help=True
)
Number = Annotated[int, typer.Argument(metavar="VERSION", help=tr("Number of the version; see: tenure models list"))]
Of = Annotated[
    str, typer.Option("--definition", metavar="CODE", help=tr("Which definition of churn; needed where there are several."))
]  # fmt: skip


@app.command("list", cls=manners.Command, help=tr("Versions of every definition, and which is champion."))
def list_(format: Tell = Format.table) -> None:
    opened.desk()
    from tenure.desk.customers import foresight
    from tenure.insight.churn.registry import WHY

    rows = []
    for one in foresight.definitions(opened.lake()):
        standing = one.standing
        places = {
            standing.previous: tr("champion before"),
            standing.challenger: tr("challenger"),
            standing.champion: tr("champion"),
        }
        for told in standing.versions:
            rows.append(
                {
                    "definition": one.code, "version": told["version"], "learner": told.get("learner", "blend"), "place": places.get(told["version"], ""),
                    "as_of": told["as_of"][:10], "why": str(WHY[told["why"]]), "auc": _short(told["metrics"]["auc"]),
                    "lift": _short(told["metrics"]["top_decile_lift"]), "brier": _short(told["metrics"]["brier"], 4),
                    "against": _against(told.get("against")),
                }
            )  # fmt: skip
        if standing.note and format is Format.table:
            show.err.print(str(Words(standing.note["en"], standing.note["zh"])), markup=False)
    if not rows:
        raise TenureError(tr("There is no churn model yet. Import records, then run: tenure refresh"))
    show.rows(rows, format, headings={
        "definition": tr("Definition"), "version": tr("Version"), "learner": tr("Learner"), "place": tr("Place"), "as_of": tr("As of"),
        "why": tr("Learned because"), "auc": "AUC", "lift": tr("Lift, top tenth"), "brier": "Brier",
        "against": tr("Against the champion then"),
    })  # fmt: skip


@app.command("learn", cls=manners.Command, help=tr("Learn anew now, whatever schedule and drift say, and score."))
def learn() -> None:
    opened.desk()
    from tenure.cli.insight import refresh_with_bars
    from tenure.desk.customers import foresight

    foresight.ask_to_learn(lake=opened.lake(), actor=None, now=opened.now())
    refresh_with_bars()
    show.hint(tr("Next: tenure models list"))


@app.command("promote", cls=manners.Command, help=tr("Make a version champion."))
def promote(version: Number, definition: Of = "") -> None:
    opened.desk()
    from tenure.desk.customers import foresight

    lake = opened.lake()
    foresight.promote(_code(definition), version, lake=lake, actor=None, now=opened.now())
    show.out.print(tr("Version {version} becomes champion with the next refresh.", version=version))
    show.hint(tr("Next: tenure refresh"))


@app.command("roll-back", cls=manners.Command, help=tr("Go back to the champion before this one, or to a version."))
def roll_back(
    version: Annotated[
        int | None, typer.Argument(metavar="[VERSION]", help=tr("Number of the version; see: tenure models list"))
    ] = None,
    definition: Of = "",
) -> None:
    opened.desk()
    from tenure.desk.customers import foresight

    number = foresight.roll_back(_code(definition), version, lake=opened.lake(), actor=None, now=opened.now())
    show.out.print(tr("Version {version} becomes champion with the next refresh.", version=number))
    show.hint(tr("Next: tenure refresh"))


@app.command("drift", cls=manners.Command, help=tr("How far scores and customers have moved since the model was made."))
def drift(definition: Of = "", format: Tell = Format.table) -> None:
    opened.desk()
    from tenure.desk.customers import foresight

    code = _code(definition)
    [one] = [one for one in foresight.definitions(opened.lake()) if one.code == code]
    rows = []
    for told in one.standing.watch:
        furthest = max(told["columns"].items(), key=lambda pair: pair[1], default=("", None))
        rows.append(
            {
                "as_of": told["as_of"][:10], "version": told["version"], "people": told["people"],
                "scores": _short(told["scores"]), "column": furthest[0], "moved": _short(furthest[1]),
                "foretold": _short(told["mean_predicted"], 4), "left": _short(told["observed"], 4),
            }
        )  # fmt: skip
    if not rows:
        raise TenureError(tr("Nothing was seen yet: drift is looked at by each refresh with a model over time."))
    show.rows(rows, format, headings={
        "as_of": tr("As of"), "version": tr("Version"), "people": tr("Customers"), "scores": tr("Scores"),
        "column": tr("Furthest column"), "moved": tr("Stability index"), "foretold": tr("Foretold"), "left": tr("Left"),
    })  # fmt: skip


@app.command("rebuild", cls=manners.Command, help=tr("Learn a version again from its own snapshot, and compare."))
def rebuild(version: Number, definition: Of = "") -> None:
    opened.desk()
    from tenure.pipeline.models import rebuild as again

    found = again(opened.lake(), _code(definition), version)
    for name, (then, now) in found.other.items():
        show.err.print(tr("{name} is {now} now and was {then} then.", name=name, now=now, then=then), markup=False)
    if not found.same:
        raise TenureError(
            tr("Version {version} came out otherwise: chances differ by up to {apart} on {rows} rows.",
               version=version, apart=f"{found.apart:.3g}", rows=found.rows)
        )  # fmt: skip
    show.out.print(
        tr("Version {version} came out the same, byte for byte; so do its chances on {rows} rows.",
           version=version, rows=found.rows),
        markup=False,
    )  # fmt: skip


@app.command(
    "policy", cls=manners.Command, help=tr("How models are kept: how often, from which drift on, and who decides.")
)
def policy(
    days: Annotated[int | None, typer.Option(help=tr("Learn anew after so many days."))] = None,
    threshold: Annotated[float | None, typer.Option(help=tr("Stability index from which on it has drifted."))] = None,
    taking: Annotated[
        str | None,
        typer.Option(
            metavar="automatic|ask", help=tr("Whether a model not shown to be worse takes over, or a person is asked.")
        ),
    ] = None,
    keep: Annotated[int | None, typer.Option(help=tr("How many of the latest versions are kept."))] = None,
    learner: Annotated[
        str | None, typer.Option(help=tr("What is learned from now on; see: tenure list learners"))
    ] = None,
    format: Tell = Format.table,
) -> None:
    opened.desk()
    from dataclasses import asdict, replace

    from tenure.desk.customers import foresight

    given = {"schedule_days": days, "threshold": threshold, "taking": taking, "keep": keep, "learner": learner}
    said: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    now = foresight.policy()
    if said:
        now = foresight.set_policy(replace(now, **said), lake=opened.lake(), actor=None, now=opened.now())
    show.rows([asdict(now)], format, headings={
        "schedule_days": tr("Days between two models"), "threshold": tr("Threshold of drift"), "taking": tr("A new model"),
        "keep": tr("Versions kept"), "learner": tr("Learner"),
    })  # fmt: skip
    if said:
        show.hint(tr("The next refresh goes by it: tenure refresh"))


def _code(wanted: str) -> str:
    """The definition asked for, or the only one there is."""
    from tenure.desk.customers import foresight

    there = [one.code for one in foresight.definitions(opened.lake())]
    if not there:
        raise TenureError(tr("There is no churn model yet. Import records, then run: tenure refresh"))
    if (wanted and wanted not in there) or (not wanted and len(there) > 1):
        raise TenureError(tr("Say which definition with --definition. There are: {known}.", known=", ".join(there)))
    return wanted or there[0]


def _short(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def _against(told: dict[str, Any] | None) -> str | None:
    if not told:
        return None
    if not told.get("comparable"):
        return tr("could not be compared")
    auc = told["auc"]
    return f"{auc['gain']:+.3f} ({auc['low']:+.3f} … {auc['high']:+.3f})"
