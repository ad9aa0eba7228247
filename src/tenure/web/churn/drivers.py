"""What churn scores rest on over all the asker's customers: by driver, by segment, by column, and whom it moves most."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
from django.urls import reverse
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from tenure.desk.customers import selectors
from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import STAGES
from tenure.desk.lake import lake, workspace
from tenure.insight.churn.curve import curve
from tenure.insight.churn.drivers import CODES, COLUMNS, DRIVERS, UNSEEN, column_words, driver_of, words_of
from tenure.insight.churn.learners import Champion
from tenure.insight.features import written
from tenure.lake import Scope
from tenure.pipeline.score_history import NOW, kept_model
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.churn.risk import shows, some_facts
from tenure.web.insight.shared import customers_where
from tenure.web.parts import Context

SPLITS = ("stage", "region", "kind")
SEGMENTS = 6
LEAST = 20  # customers of a segment
MOVED = 20  # customers listed under a driver
CURVE_ROWS = 500
_TEXT_ROWS = 100_000


def drivers(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Context:
    """The drivers of the asker's customers; `driver` opens one to its columns and customers, `column` draws its curve."""
    here = lake()
    found = kept_model(here)
    if found is None or not here.exists("scores/churn") or "drivers" not in here.schema("scores/churn").names:
        card = here.document("churn_card") or {}
        return {"rows": None, "why": card.get("not_enough_data"), "way_out": card.get("way_out")}
    told = remembered("churn drivers", scope, shown, lambda: _told(scope), "scores/churn", "scores/customers")
    if not told["n"]:
        return {"rows": None, "nobody": True}
    model, mark = found
    split = given.get("by", "") if given.get("by", "") in SPLITS else SPLITS[0]
    rows = [
        {"code": code, "words": words_of(code), "mean": told["mean"][code], "raises": told["raises"][code],
         "url": _where(driver=code, by=split)}
        for code in sorted(told["mean"], key=lambda code: (-told["mean"][code], code))
        if told["mean"][code] > 0
    ]  # fmt: skip
    opened = given.get("driver", "") if given.get("driver", "") in told["mean"] else ""
    segments = told["segments"].get(split, [])
    most = max((one["mean"][row["code"]] for one in segments for row in rows), default=0.0)
    return {
        "rows": rows,
        "n": told["n"],
        "figure": _bars(rows),
        "height": 60 + 26 * len(rows),
        "split": split,
        "splits": [
            (code, title, _where(driver=opened, by=code))
            for code, title in (("stage", _("Stage")), ("region", _("Region")), ("kind", _("Kind")))
            if len(told["segments"].get(code, [])) > 1
        ],
        "segments": [
            {
                "name": str(STAGES[one["name"]]) if split == "stage" and one["name"] in STAGES else one["name"],
                "n": one["n"],
                "url": customers_where(**{split: one["name"]}) if split in ("stage", "region") else None,
                "means": [(one["mean"][row["code"]], one["up"][row["code"]]) for row in rows],
            }
            for one in segments
        ],
        "most": most,
        "opened": _opened(scope, shown, model, mark, told, opened, given) if opened else None,
        "causes": _causes(),
        "share_unseen": told["unseen"],
    }


def _bars(rows: Sequence[Mapping[str, Any]]) -> figures.Figure:
    """The drivers from the top down; a click on one opens it."""
    return {
        "data": [
            {
                "type": "bar", "orientation": "h", "y": [str(row["words"]) for row in rows],
                "x": [row["mean"] * 100 for row in rows], "text": [f"{row['mean'] * 100:.1f}" for row in rows],
                "textposition": "auto", "textangle": 0, "customdata": [row["url"] + "#opened" for row in rows], "marker": {"color": "$primary"},
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": _("Points of risk, up or down, on average")}, "rangemode": "tozero"},
            "yaxis": {"type": "category", "autorange": "reversed"}, "bargap": 0.3,
            "margin": {"l": 48, "r": 12, "t": 8, "b": 42},
        },
    }  # fmt: skip


def _where(**asked: str) -> str:
    query = urlencode({name: value for name, value in asked.items() if value})
    return reverse("admin:churn_part", args=["drivers"]) + (f"?{query}" if query else "")


def _causes() -> str:
    """Where causes are worked on, should this company's pages have that part."""
    from tenure.web.churn.page import PARTS

    return reverse("admin:churn_part", args=["causes"]) if "causes" in PARTS else ""


def _told(scope: Scope) -> dict[str, Any]:
    """Of the asker's customers, in points of chance: each driver's mean size, whom it raises, by segment, and the most."""
    here = lake()
    cards = here.read("scores/customers", actor=scope).select("person_id", *SPLITS)
    scores = here.read("scores/churn", actor=scope).select("person_id", "churn_probability", "drivers")
    # Of very many customers some learners take apart the scores of the riskiest alone.
    scores = scores.filter(scores.drivers != "{}")
    table = here.to_arrow(scores.inner_join(cards, "person_id").order_by("person_id"))
    n = table.num_rows
    if not n:
        return {"n": 0}
    parts = points_of(table)
    shown, unseen = parts[:, :-1], parts[:, -1]
    size = np.abs(shown)
    people = table["person_id"].to_numpy()
    segments: dict[str, list[dict[str, Any]]] = {}
    for split in SPLITS:
        names = np.array([name or "" for name in table[split].to_pylist()], dtype=object)
        for name in sorted({*names.tolist()} - {""}):
            among = names == name
            if among.sum() >= LEAST:
                segments.setdefault(split, []).append({
                    "name": name, "n": int(among.sum()),
                    "mean": dict(zip(CODES, size[among].mean(axis=0).tolist(), strict=True)),
                    "up": dict(zip(CODES, shown[among].mean(axis=0).tolist(), strict=True)),
                })  # fmt: skip
        segments[split] = sorted(segments.get(split, []), key=lambda one: -one["n"])[:SEGMENTS]
    return {
        "n": n,
        "mean": dict(zip(CODES, size.mean(axis=0).tolist(), strict=True)),
        "raises": dict(zip(CODES, (shown > 0.005).mean(axis=0).tolist(), strict=True)),
        "segments": segments,
        "moved": {
            code: [
                (int(people[row]), float(shown[row, place]))
                for row in np.argsort(-shown[:, place], kind="stable")[:MOVED].tolist()
                if shown[row, place] > 0.005
            ]
            for place, code in enumerate(CODES)
        },
        "unseen": bool(np.abs(unseen).max() > 0),
    }


def points_of(table: pa.Table) -> NDArray[np.float64]:
    """What each driver adds to each customer's chance: shape (n, drivers and what a model by folds says otherwise)."""
    effects = np.vstack(
        [_effects(table["drivers"].slice(at, _TEXT_ROWS)) for at in range(0, table.num_rows, _TEXT_ROWS)]
    )
    share = np.clip(table["churn_probability"].to_numpy(), 1e-12, 1 - 1e-12)
    whole = effects.sum(axis=1)
    without = 1.0 / (1.0 + np.exp(-(np.log(share) - np.log1p(-share) - whole)))
    still = np.abs(whole) <= 1e-9
    slope = np.where(still, share * (1 - share), (share - without) / np.where(still, 1.0, whole))
    return np.asarray(effects * slope[:, None], dtype=np.float64)


def _effects(texts: pa.ChunkedArray) -> NDArray[np.float64]:
    from pyarrow import json as arrow_json

    names = [*CODES, UNSEEN]
    schema = pa.schema([(name, pa.float64()) for name in names])
    lines = "\n".join(text or "{}" for text in texts.to_pylist()).encode()
    told = arrow_json.read_json(
        io.BytesIO(lines + b"\n"),
        read_options=arrow_json.ReadOptions(block_size=len(lines) + 2),
        parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )
    if told.num_rows != len(texts):  # a blank object is no line to the reader
        rows = [json.loads(text or "{}") for text in texts.to_pylist()]
        return np.array([[row.get(name, 0.0) for name in names] for row in rows], dtype=np.float64).reshape(
            -1, len(names)
        )
    return np.column_stack([told[name].fill_null(0.0).to_numpy() for name in names])


def _opened(
    scope: Scope, shown: Publication | None, model: Champion, mark: str, told: dict[str, Any], code: str,
    given: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    """A driver's columns, strongest first, the curve of one of them, and the customers it raises most."""
    mine = [each for each in model.drivers(len(model.readings)) if driver_of(each["feature"]) == code]
    may = [each["feature"] for each in mine if shows(scope, each["feature"])]
    column = given.get("column", "") if given.get("column", "") in may else (may[0] if may else "")
    raised = dict(told["moved"][code])
    cards = {card.person_id: card for card in selectors.cards_among(scope, list(raised), shown, MOVED)}
    by = given.get("by", "")
    return {
        "code": code,
        "words": DRIVERS[code].words,
        "columns": [
            {"words": column_words(each["feature"]), "effect": each["effect"], "on": each["feature"] == column,
             "url": _where(driver=code, column=each["feature"], by=by) if each["feature"] in may else None}
            for each in mine
        ],
        "most": max((each["effect"] for each in mine), default=0.0),
        "column": column_words(column) if column else None,
        "curve": _curve(scope, shown, model, mark, column) if column else None,
        "people": [(cards[person], part) for person, part in raised.items() if person in cards],
    }  # fmt: skip


def _curve(scope: Scope, shown: Publication | None, model: Champion, mark: str, column: str) -> figures.Figure | None:
    """The curve over some of the asker's customers, with the share of them at each value."""

    def compute() -> list[tuple[Any, float, float]]:
        if not lake().exists(NOW):
            return []
        reached = lake().read("scores/churn", actor=scope).select("person_id")
        rows = some_facts(model, CURVE_ROWS, among=reached)
        return [(at.value, at.chance, at.share) for at in curve(model, rows, column)]

    points = remembered(f"churn curve {mark} {column}", scope, shown, compute, NOW, "scores/churn")
    if len(points) < 2:
        return None
    unit = COLUMNS[column].unit if column in COLUMNS else ""
    names = [_("Not known") if value is None else _written(unit, value) for value, _c, _s in points]
    return {
        "data": [
            {"type": "bar", "x": names, "y": [share for _v, _c, share in points], "name": _("Customers there"),
             "yaxis": "y2", "marker": {"color": "$veil"}, "hovertemplate": "%{y:.1%}"},
            {"type": "scatter", "mode": "lines+markers", "x": names, "y": [chance for _v, chance, _s in points],
             "name": _("Mean risk"), "line": {"color": "$primary", "width": 2.5}, "hovertemplate": "%{y:.1%}"},
        ],
        "layout": {
            "xaxis": {"title": {"text": str(column_words(column))}, "type": "category"},
            "yaxis": {"title": {"text": _("Mean risk")}, "tickformat": ".0%", "rangemode": "tozero"},
            "yaxis2": {"overlaying": "y", "side": "right", "tickformat": ".0%", "showgrid": False, "rangemode": "tozero",
                       "automargin": True},
            "showlegend": True, "legend": {"orientation": "h", "y": 1.15}, "hovermode": "x unified",
        },
    }  # fmt: skip


def _written(unit: str, value: Any) -> str:
    if unit == "change" and not isinstance(value, str):
        return f"{value:+.0%}"
    if unit == "flag" and not isinstance(value, str):
        return _("yes") if value else _("no")
    return written(unit, value, currency=workspace().currency)
