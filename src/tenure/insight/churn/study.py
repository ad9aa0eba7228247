"""One file of customers, looked at once: what is odd in it, how well leaving can be told from it, and by what.

For a snapshot somebody brings along, outside of any workspace; `report.page` writes what is found here as a page.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from itertools import combinations, count
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.errors import TenureError
from tenure.insight.churn import guards, profit, telling
from tenure.insight.churn.backtest import Backtest, cross_validate
from tenure.insight.churn.columns import Floats, is_text, kind_of, numbers, plain, texts, to_table
from tenure.insight.churn.leaderboard import Leaderboard, compared
from tenure.insight.churn.learners import Learner
from tenure.insight.churn.model import LESS, ChurnModel, suspects
from tenure.insight.churn.profit import Campaign
from tenure.insight.churn.scores import Bands, average_precision, brier, lead_time, lift, measure
from tenure.insight.survival import Survival, hazard, kaplan_meier
from tenure.language import Words, tr

MOST_COLUMNS = 6_000  # a file of more is a matrix of readings, not facts of customers
LATEST = 0.25  # the share of customers, the latest by date, that the model is tried on
_RARE = 0.01
_DRAWS = 200
_SEEN_AT_ONCE = 400  # customers over whom a partial dependence is averaged
_GRID = 12
_LOOSE = re.compile(r"^[+-]?[¥$€£]?\s*\d{1,3}(,\d{3})+(\.\d+)?$|^[+-]?[¥$€£]\s*\d+(\.\d+)?$|^[+-]?\d+(\.\d+)?\s*%$")
_TENURE = re.compile(
    r"^tenure|^(account|customer)[ _]?(length|age)|^months?[ _]?(with|as)|在网|入网时长|客户时长", re.I
)
_ISO_DAY = r"^\d{4}-\d{1,2}-\d{1,2}([ T]\d{2}:\d{2}(:\d{2})?)?$"


@dataclass(frozen=True)
class Asked:
    """What somebody wants to know of a table. outcome, value: the column and what it says of those who left.

    id: the column that names the customer, learned from never. date: the column that orders customers in time; where it
    is given the model is tried on the latest. customers: how many of the riskiest are listed by name. left_on: the column
    with the day each left, never learned from; with the date it says how long before the score said so. learners: names
    of `LEARNERS` to hold against the model. campaign: what contacting customers is assumed to cost and bring.
    """

    outcome: str
    value: str
    id: str | None = None
    date: str | None = None
    tenure: str | None = None
    leave_out: tuple[str, ...] = ()
    folds: int = 5
    customers: int = 0
    title: str = ""
    left_on: str | None = None
    learners: tuple[str, ...] = ()
    campaign: Campaign = field(default_factory=Campaign)


@dataclass(frozen=True)
class Dependence:
    """How the mean chance moves with one column, the others as they are. points: (value, mean chance)."""

    column: str
    numeric: bool
    points: tuple[tuple[Any, float], ...]


@dataclass(frozen=True)
class Segment:
    """A group by one or two conditions: how many, the mean chance told before their outcome was seen, how many left."""

    conditions: tuple[tuple[str, Words], ...]
    rows: int
    predicted: float
    left: int


@dataclass(frozen=True)
class Person:
    id: str
    chance: float
    reasons: tuple[Words, ...]


@dataclass
class Study:
    """What was found. metrics: as `scores.measure`; intervals: measure → (low, high), 95 %.

    used: the columns learned from, where there were too many to learn from all; else empty. worth: the profit of asking
    each share of the customers, riskiest first; everybody: of asking all of them. leaderboard: where learners were asked for.
    """

    asked: Asked
    rows: int
    columns: int
    left: int
    findings: list[Words]
    dropped: dict[str, Words]
    refused: dict[str, Words]
    protocol: Words
    metrics: dict[str, Any]
    intervals: dict[str, tuple[float, float]]
    guess: float
    bands: Bands
    model: ChurnModel
    drivers: list[dict[str, Any]]
    dependence: list[Dependence]
    segments: list[Segment]
    curve: tuple[list[float], list[float]]
    worth: list[dict[str, float]]
    everybody: float
    used: list[str] = field(default_factory=list)
    leaderboard: Leaderboard | None = None
    people: list[Person] = field(default_factory=list)
    tenure: str | None = None
    survival: Survival | None = None
    hazard: list[dict[str, Any]] = field(default_factory=list)


def study(
    frame: Any,
    asked: Asked,
    *,
    today: date,
    model: ChurnModel | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> Study:
    """Learn who leaves from one table and say how well, by what and where; see `Study`.

    frame: one row a customer, any frame; the date column, where there is one, as dates or instants. today: dates after it
    are in the future. tell: is told (done, of) as the work goes on.

    Raises TenureError where a column or value asked for is not there, one outcome only, or too little to learn from.
    """
    tell = tell or (lambda done, total: None)
    table = to_table(frame)
    findings: list[Words] = []
    _there(table, asked)
    table, y = _outcome(table, asked, findings)
    table, y = _in_time(table, y, asked, today, findings)
    guards.enough(y)
    if y.mean() < _RARE:
        findings.append(
            Words(
                "Only {share} left: chances are small numbers, and figures on those who left rest on {left} customers",
                "仅 {share} 流失：概率数值较小，关于流失者的数字仅基于 {left} 位客户",
            ).format(share=f"{y.mean():.2%}", left=int(y.sum()))
        )
    aside = {asked.outcome, asked.id, asked.date, asked.left_on, *asked.leave_out} - {None}
    X = table.drop_columns([name for name in table.column_names if name in aside])
    if X.num_columns > MOST_COLUMNS:
        raise TenureError(
            tr(
                "There are {count:,} columns to learn from; at most {most} are taken. Leave out those that can't matter "
                "with --leave-out, or keep the file to what you would show a colleague.",
                count=X.num_columns,
                most=MOST_COLUMNS,
            )
        )
    ahead = _ahead(table, y, asked, findings)
    X = _tidied(X, today, findings)
    _oddities(table, X, asked, findings)
    refused = suspects(X, y) if X.num_columns else {}
    X = X.drop_columns(list(refused))
    steps = 4 + len(asked.learners)
    tell(1, steps)
    trial = _trial(table, X, y, asked, findings)
    champion = trial.of(model or ChurnModel())
    tell(3, steps)
    board = _held_against(champion, trial, asked, lambda done: tell(3 + done, steps)) if asked.learners else None
    seen, fitted, p, left = trial.seen, champion.model, champion.told, champion.left
    # Of too many columns the model chooses by the rows it learns from alone, anew on each of them.
    dropped = {name: why for name, why in fitted.dropped_.items() if why != LESS}
    used: list[str] = []
    if len(dropped) < len(fitted.dropped_):
        columns = X.num_columns
        used = [name for name in X.column_names if name not in fitted.dropped_]
        X = X.select(used)
        findings.append(_WIDE.format(count=f"{columns:,}", used=len(used), others=f"{columns - len(used):,}"))
    given = X.take(pa.array(seen))
    bands = champion.bands
    drivers = fitted.drivers(12)
    metrics = measure(left, p, bands, asked.campaign)
    if ahead is not None:
        dated = (left == 1) & (ahead[seen] >= 0)
        metrics["lead_time"] = lead_time(np.where(p >= bands.high, ahead[seen], np.nan)[dated], exact=True)
    gained = profit.by_customer(left, p, asked.campaign)[0]
    found = Study(
        asked=asked,
        rows=len(y),
        columns=table.num_columns,
        left=int(y.sum()),
        findings=findings,
        dropped=dropped,
        refused=refused,
        protocol=champion.protocol,
        metrics=metrics,
        intervals=_intervals(left, p) | {"profit": _about_mean(gained)},
        guess=brier(left, np.full(len(left), y.mean())),
        bands=bands,
        model=fitted,
        drivers=drivers,
        dependence=[_dependence(fitted, X, driver["feature"]) for driver in drivers[:4]],
        segments=_segments(given, left, p, [driver["feature"] for driver in drivers[:8]]),
        curve=_caught(left, p),
        worth=profit.curve(left, p, asked.campaign),
        everybody=profit.curve(left, p, asked.campaign, points=2)[-1]["profit"],
        used=used,
        leaderboard=board,
    )
    if asked.id and asked.customers:
        found.people = _riskiest(fitted, table, X, y, asked)
    _lives(found, table, y)
    tell(steps, steps)
    return found


_WIDE = Words(
    "{count} columns are too many to learn from: the {used} that alone tell most are used, chosen from the rows learned "
    "from, anew in each part; {others} are not",
    "共 {count} 列，过多而无法全部用于训练：仅使用单独最具信息的 {used} 列，只依据训练行选出，每一份各自重新选择；其余 {others} 列未使用",
)


def nearest(name: str, names: Sequence[str]) -> str:
    """' Did you mean …?' where one of the names is like the one asked for, else those there are."""
    lower = {each.casefold().strip(): each for each in names}
    close = get_close_matches(name.casefold().strip(), list(lower), n=1, cutoff=0.6)
    if close:
        return str(tr('Did you mean "{name}"?', name=lower[close[0]]))
    shown = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    return str(tr("There are: {names}.", names=shown))


def _there(table: pa.Table, asked: Asked) -> None:
    for name in (asked.outcome, asked.id, asked.date, asked.tenure, asked.left_on, *asked.leave_out):
        if name is not None and name not in table.column_names:
            raise TenureError(
                tr('The file has no column "{name}". {nearest}', name=name, nearest=nearest(name, table.column_names))
            )
    if not table.num_rows:
        raise TenureError(tr("The file has column names and no rows below them: there is nothing to learn from."))


def _outcome(table: pa.Table, asked: Asked, findings: list[Words]) -> tuple[pa.Table, Floats]:
    """The rows whose outcome is known, and 1 for those who left."""
    said = [None if value is None else value.strip() for value in texts(_worded(table[asked.outcome])).to_pylist()]
    known = np.array([value is not None for value in said])
    if not known.all():
        findings.append(
            Words("{rows} rows say nothing of the outcome and were left out", "{rows} 行没有结果，已略去").format(
                rows=f"{int((~known).sum()):,}"
            )
        )
    wanted = _as_said(asked.value)
    y = np.array([float(_as_said(value) == wanted) for value in said if value is not None])
    if not y.any():
        values = sorted({value for value in said if value})
        raise TenureError(
            tr(
                'Column "{column}" never says "{value}". {nearest}',
                column=asked.outcome,
                value=asked.value,
                nearest=nearest(asked.value, values) if values else tr("It is blank in every row."),
            )
        )
    if y.all():
        guards.outcome(["yes"] * len(y))  # refuses: nobody stayed
    others = sorted({value for value in said if value is not None and _as_said(value) != wanted})
    if len(others) > 1:
        findings.append(
            Words(
                "{column} says more than two things; whoever it does not call {value} counts as staying: {others}",
                "{column} 有两种以上取值；凡不为 {value} 者均视为留存：{others}",
            ).format(
                column=asked.outcome,
                value=asked.value,
                others=", ".join(others[:6]) + (" …" if len(others) > 6 else ""),
            )
        )
    return table.filter(pa.array(known)), y


def _worded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(column, pa.string()) if pa.types.is_boolean(column.type) else column


def _as_said(value: str) -> str:
    """What two spellings of one answer share: Yes and yes, 1 and 1.0."""
    word = value.strip().casefold()
    try:
        return f"{float(word):g}"
    except ValueError:
        return word


def _in_time(table: pa.Table, y: Floats, asked: Asked, today: date, findings: list[Words]) -> tuple[pa.Table, Floats]:
    """The rows with a date that has come, where there is a date to go by."""
    if asked.date is None:
        return table, y
    days = _days(table[asked.date])
    if days is None or np.isnan(days).all():
        raise TenureError(
            tr(
                'Column "{name}" holds no dates that can be read, so it can not order customers in time.',
                name=asked.date,
            )
        )
    blank, ahead = np.isnan(days), days > _day_number(today)
    for some, words in (
        (blank, Words("{rows} rows have no date in {name} and were left out", "{rows} 行的 {name} 没有日期，已略去")),
        (ahead, Words("{rows} rows have a date in {name} that lies in the future: their outcome can't be known; left out",
                      "{rows} 行的 {name} 在未来：结果不可能已知，已略去")),
    ):  # fmt: skip
        if some.any():
            findings.append(words.format(rows=f"{int(some.sum()):,}", name=asked.date))
    kept = ~(blank | ahead)
    return table.filter(pa.array(kept)), y[kept]


def _ahead(table: pa.Table, y: Floats, asked: Asked, findings: list[Words]) -> Floats | None:
    """How many days after the day a row is of its customer left; NaN where they did not. None where nobody asked."""
    if asked.left_on is None:
        return None
    if asked.date is None:
        raise TenureError(
            tr("To say how long before they left the score says so, name the day each row is of, too: --date COLUMN.")
        )
    then, gone = _days(table[asked.date]), _days(table[asked.left_on])
    if then is None or gone is None:
        raise TenureError(
            tr('Column "{name}" holds no dates that can be read, so it can\'t say when each left.', name=asked.left_on)
        )
    ahead: Floats = np.where(y == 1, gone - then, np.nan)
    late = int((ahead < 0).sum())
    if late:
        findings.append(
            Words(
                "{rows} customers left, by {left_on}, before the day in {name}: what is said of them was known too late",
                "按 {left_on}，{rows} 位客户在 {name} 所示日期之前已流失：关于他们的信息得知过晚",
            ).format(rows=f"{late:,}", left_on=asked.left_on, name=asked.date)
        )
    return ahead


def _day_number(day: date) -> float:
    return float((day - date(1970, 1, 1)).days)


def _days(column: pa.ChunkedArray) -> Floats | None:
    """Days since 1970, blank where there is none; None where these are no dates."""
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return numbers(column)
    if not is_text(kind):
        return None
    words = plain(column)
    given = words.drop_null()
    if not len(given) or pc.mean(pc.match_substring_regex(given, _ISO_DAY).cast(pa.float64())).as_py() < 0.95:
        return None
    return np.array([_read_day(word) for word in words.to_pylist()])


def _read_day(word: str | None) -> float:
    if word is None:
        return float("nan")
    try:
        return _day_number(date(*(int(part) for part in re.split(r"[ T]", word)[0].split("-"))))
    except ValueError:
        return float("nan")


def _tidied(X: pa.Table, today: date, findings: list[Words]) -> pa.Table:
    """Columns as they were meant: dates written as text as days, numbers with a stray word in them as numbers."""
    late: list[str] = []
    for place, name in enumerate(X.column_names):
        column = X[name]
        days = _days(column)
        if days is not None:
            if np.nanmax(days, initial=-np.inf) > _day_number(today):
                late.append(f"{name} ({int(np.nansum(days > _day_number(today))):,})")
            X = X.set_column(place, name, pa.array(days, from_pandas=True))
            continue
        if not is_text(column.type) or kind_of(column) == "number":
            continue
        words = plain(column)
        given = words.drop_null()
        if not len(given):
            continue
        read = [_number(word) for word in given.to_pylist()]
        stray = [word for word, value in zip(given.to_pylist(), read, strict=True) if value is None]
        if len(stray) <= 0.1 * len(read):
            values = [None if word is None else _number(word) for word in words.to_pylist()]
            X = X.set_column(place, name, pa.array(values, pa.float64()))
            if stray:
                findings.append(
                    Words(
                        '{name} is a column of numbers with text in {rows} rows, such as "{example}": taken as blank there',
                        "{name} 是数字列，但有 {rows} 行为文字，例如“{example}”：按空白处理",
                    ).format(name=name, rows=f"{len(stray):,}", example=stray[0][:40])
                )
    if late:
        findings.append(
            Words(
                "Dates in the future (rows): {columns}. Something known only later, or a slip of the pen: look before you trust",
                "含未来日期（行数）：{columns}。可能是事后才知道的信息或笔误：请先核对",
            ).format(columns=", ".join(late))
        )
    return X


def _number(word: str) -> float | None:
    if _LOOSE.match(word):
        word = re.sub(r"[¥$€£,%\s]", "", word)
    try:
        value = float(word)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _oddities(table: pa.Table, X: pa.Table, asked: Asked, findings: list[Words]) -> None:
    """What a careful colleague would mention of the table, most important first."""
    gaps = []
    for name in X.column_names:
        column = plain(X[name])
        share = column.null_count / len(column)
        if 0.05 <= share < 1:
            gaps.append((share, name))
    if gaps:
        worst = sorted(gaps, reverse=True)[:8]
        findings.append(
            Words("Blank in many rows: {columns}", "较多空白：{columns}").format(
                columns=", ".join(f"{name} ({share:.0%})" for share, name in worst)
                + (f" … (+{len(gaps) - 8})" if len(gaps) > 8 else "")
            )
        )
    if asked.id:
        ids = texts(table[asked.id])
        double = len(ids) - ids.null_count - len(ids.drop_null().unique())
        if double:
            findings.append(
                Words(
                    "{rows} rows carry a number in {name} that another row has too: a customer should be one row",
                    "{rows} 行的 {name} 与其他行重复：每位客户应只有一行",
                ).format(rows=f"{double:,}", name=asked.id)
            )
    rows = table.num_rows
    if rows <= 200_000 and X.num_columns:
        same = rows - X.group_by(X.column_names).aggregate([]).num_rows
        if same > 0.01 * rows:
            findings.append(
                Words(
                    "{rows} rows are like another in every column: the same customer twice flatters what is measured",
                    "{rows} 行与其他行完全相同：同一客户重复出现会使评估偏乐观",
                ).format(rows=f"{same:,}")
            )


@dataclass(frozen=True)
class _Trial:
    """How every model is tried, on the same customers. seen: their rows. early: those learned from where tried over time."""

    X: pa.Table
    y: Floats
    seen: NDArray[np.int64]
    folds: int
    early: NDArray[np.int64] | None = None
    line: str = ""

    def of(self, model: Learner, *, keep: bool = True) -> Backtest:
        """What comes of a model. keep: whether it is then learned from all customers, too, to be looked into."""
        if self.early is None:
            return cross_validate(self.X, self.y.astype(int), folds=self.folds, model=model, keep=keep)
        learner = type(model)(**model.get_params()).fit(
            self.X.take(pa.array(self.early)), self.y[self.early].astype(int)
        )
        p = learner.predict_proba(self.X.take(pa.array(self.seen)))[:, 1]
        words = _BY_TIME.format(learned=f"{len(self.early):,}", tried=f"{len(self.seen):,}", day=self.line)
        bands, left = Bands.choose(p), self.y[self.seen]
        final = type(model)(**model.get_params()).fit(self.X, self.y.astype(int)) if keep else learner
        return Backtest(words, measure(left, p, bands), [], bands, final, left=left, told=p)


_BY_TIME = Words(
    "By time: learned from {learned} customers of before {day}, tried on the {tried} of that day and after",
    "按时间：以 {day} 之前的 {learned} 位客户训练，以该日及之后的 {tried} 位检验",
)


def _trial(table: pa.Table, X: pa.Table, y: Floats, asked: Asked, findings: list[Words]) -> _Trial:
    """By time where there is a date to go by and enough on either side of a day; else by folds."""
    if asked.date is not None:
        days = _days(table[asked.date])
        assert days is not None
        line = float(np.ceil(np.quantile(days, 1 - LATEST)))
        early, late = np.flatnonzero(days < line), np.flatnonzero(days >= line)
        if _teaches(y[early]) and _teaches(y[late]):
            day = date.fromordinal(date(1970, 1, 1).toordinal() + int(line))
            return _Trial(X, y, late, asked.folds, early, day.isoformat())
        findings.append(
            Words(
                "Too few customers, or of one outcome only, before or after the day that would part them: tried by folds",
                "分界日前后的客户过少或只有一种结果：改为按折验证",
            )
        )
    # Where columns are chosen first, they are chosen on two thirds of the rows learned from, too.
    return _Trial(X, y, np.arange(len(y)), _folds(y, asked.folds, 1.5 if X.num_columns > telling.MOST_COLUMNS else 1.0))


def _held_against(champion: Backtest, trial: _Trial, asked: Asked, tell: Callable[[int], None]) -> Leaderboard:
    """The learners asked for beside the model, on the same customers."""
    done = count()

    def tried(model: Learner | None) -> Backtest:
        assert model is not None  # the champion was tried before
        tell(next(done))
        return trial.of(model, keep=False)

    return compared(tried, champion, asked.learners, None, asked.campaign, 0)


def _about_mean(values: Floats) -> tuple[float, float]:
    """The 95 % interval of a mean over customers."""
    half = 1.959964 * float(values.std(ddof=1)) / len(values) ** 0.5
    return float(values.mean()) - half, float(values.mean()) + half


def _folds(y: Floats, asked: int, more: float) -> int:
    """So many parts, or more where the others would be too few to learn from without one.

    more: how many times the fewest rows that can be learned from are needed.
    """
    fewest, rows = int(min(y.sum(), len(y) - y.sum())), len(y)
    needed, each = round(guards.FEWEST_ROWS * more), round(guards.FEWEST_OF_EACH * more)
    for folds in range(asked, 21):
        # A part holds its share of either kind, rounded up at worst.
        if fewest - -(-fewest // folds) >= each and rows - -(-rows // folds) >= needed:
            return folds
    raise guards.UnfitDataError(
        tr(
            "Not enough data, because there are {rows} customers, of whom {left} left and {stayed} stayed. "
            "To try the model on customers it has not seen, some more than {needed} with {each} of either kind are needed.",
            rows=rows,
            left=int(y.sum()),
            stayed=rows - int(y.sum()),
            needed=needed,
            each=each,
        )
    )


def _teaches(y: Floats) -> bool:
    return len(y) >= guards.FEWEST_ROWS and min(y.sum(), len(y) - y.sum()) >= guards.FEWEST_OF_EACH


def _intervals(left: Floats, p: Floats) -> dict[str, tuple[float, float]]:
    """95 % by drawing customers again (percentile bootstrap): the measures whose spread has no plain formula."""
    random = np.random.default_rng(0)
    measures = {"pr_auc": average_precision, "top_decile_lift": lift, "brier": brier}
    drawn: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(_DRAWS if len(left) <= 50_000 else _DRAWS // 4):
        some = random.integers(0, len(left), len(left))
        if left[some].any():
            for name, each in measures.items():
                drawn[name].append(each(left[some], p[some]))
    return {name: (float(np.quantile(v, 0.025)), float(np.quantile(v, 0.975))) for name, v in drawn.items()}


def wilson(left: float, rows: float) -> tuple[float, float]:
    """The 95 % interval of a share (E. B. Wilson 1927), sound for few rows and for shares near 0 and 1."""
    if not rows:
        return 0.0, 1.0
    z2, share = 1.959964**2, left / rows
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = 1.959964 * np.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2)) / (1 + z2 / rows)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def _caught(left: Floats, p: Floats) -> tuple[list[float], list[float]]:
    """Share of those who left that is caught by asking the riskiest first: at each of fifty shares of all customers."""
    caught = np.append(0.0, np.cumsum(left[np.argsort(-p, kind="stable")])) / left.sum()
    at = np.linspace(0, 1, 51)
    return at.tolist(), np.interp(at, np.linspace(0, 1, len(caught)), caught).tolist()


def _dependence(model: ChurnModel, X: pa.Table, name: str) -> Dependence:
    """The mean chance of some customers were this column the same for all of them (J. H. Friedman 2001)."""
    random = np.random.default_rng(0)
    some = X.take(pa.array(np.sort(random.permutation(X.num_rows)[:_SEEN_AT_ONCE])))
    numeric = kind_of(X[name]) == "number"
    values: list[Any]
    if numeric:
        x = numbers(X[name])
        values = np.unique(np.quantile(x[~np.isnan(x)], np.linspace(0.02, 0.98, _GRID))).tolist()
    else:
        counted = texts(X[name]).drop_null().value_counts().to_pylist()
        values = [one["values"] for one in sorted(counted, key=lambda one: (-one["counts"], one["values"]))[:8]]
    place = some.column_names.index(name)
    pile = pa.concat_tables(
        some.set_column(place, name, pa.array([value] * some.num_rows, pa.float64() if numeric else pa.string()))
        for value in values
    )
    chance = model.predict_proba(pile)[:, 1].reshape(len(values), some.num_rows).mean(axis=1)
    points = list(zip(values, chance.tolist(), strict=True))
    return Dependence(name, numeric, tuple(points if numeric else sorted(points, key=lambda point: -point[1])))


def _segments(X: pa.Table, left: Floats, p: Floats, columns: Sequence[str]) -> list[Segment]:
    """The groups of one or two conditions told to be riskiest, none mostly the same customers as one before it.

    They are chosen by the chances, not by what happened, so that what happened says how far the choice can be trusted.
    """
    least = max(30, len(left) // 50)
    conditions = [
        (name, words, mask) for name in columns for words, mask in _conditions(X[name]) if mask.sum() >= least
    ]
    tried: list[tuple[tuple[tuple[str, Words, Any], ...], Any]] = [((one,), one[2]) for one in conditions]
    tried += [((one, other), one[2] & other[2]) for one, other in combinations(conditions, 2) if one[0] != other[0]]
    ranked = sorted(
        ((float(p[mask].mean()), place) for place, (_, mask) in enumerate(tried) if mask.sum() >= least), reverse=True
    )
    found: list[Segment] = []
    covered: list[Any] = []
    for chance, place in ranked:
        which, mask = tried[place]
        if any((mask & other).sum() > 0.7 * min(mask.sum(), other.sum()) for other in covered):
            continue
        found.append(Segment(tuple((one[0], one[1]) for one in which), int(mask.sum()), chance, int(left[mask].sum())))
        covered.append(mask)
        if len(found) == 6:
            break
    return found


def _conditions(column: pa.ChunkedArray) -> list[tuple[Words, Any]]:
    """A column's commonest values, or thirds of its numbers, each with the rows it holds for."""
    if kind_of(column) == "number":
        x = numbers(column)
        given = x[~np.isnan(x)]
        kinds = np.unique(given)
        if len(kinds) <= 4:
            return [(Words(f"= {value:g}", f"= {value:g}"), x == value) for value in kinds]
        low, high = np.quantile(given, (1 / 3, 2 / 3))
        return [
            (Words(f"≤ {low:,.4g}", f"≤ {low:,.4g}"), x <= low),
            (Words(f"{low:,.4g} … {high:,.4g}", f"{low:,.4g} … {high:,.4g}"), (x > low) & (x <= high)),
            (Words(f"> {high:,.4g}", f"> {high:,.4g}"), x > high),
        ]
    words = texts(column)
    counted = words.drop_null().value_counts().to_pylist()
    often = sorted(counted, key=lambda one: (-one["counts"], one["values"]))[:6]
    listed = np.array(words.to_pylist(), dtype=object)
    return [(Words(f"= {one['values']}", f"= {one['values']}"), listed == one["values"]) for one in often]


def _riskiest(model: ChurnModel, table: pa.Table, X: pa.Table, y: Floats, asked: Asked) -> list[Person]:
    """Of those still there, the likeliest to leave, each with what raises the score."""
    assert asked.id is not None
    there = np.flatnonzero(y == 0)
    chance, reasons = model.predict_proba(X.take(pa.array(there)))[:, 1], []
    first = np.argsort(-chance, kind="stable")[: asked.customers]
    rows = pa.array(there[first])
    reasons = model.reasons(X.take(rows))
    ids = texts(table[asked.id].take(rows)).to_pylist()
    return [
        Person(number or "–", float(chance[place]), tuple(Words(one["en"], one["zh"]) for one in why))
        for number, place, why in zip(ids, first, reasons, strict=True)
    ]


def _lives(found: Study, table: pa.Table, y: Floats) -> None:
    """The curve by tenure, where a column says how long each has been a customer."""
    name = found.asked.tenure or next((each for each in table.column_names if _TENURE.search(each)), None)
    if name is None or kind_of(table[name]) != "number":
        return
    lasted = numbers(table[name])
    known = np.isfinite(lasted) & (lasted >= 0)
    if known.sum() < guards.FEWEST_ROWS or not lasted[known].max():
        return
    found.tenure = name
    found.survival = kaplan_meier(lasted[known], y[known])
    edges = np.unique(np.round(np.linspace(0, lasted[known].max(), 9), 6))
    found.hazard = [row for row in hazard(lasted[known], y[known], edges).to_pylist() if row["rate"] is not None]
