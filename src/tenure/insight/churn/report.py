"""What a study found, as one page a manager can read, print and send on: nothing in it comes from another host."""

import shlex
from collections.abc import Iterable, Sequence
from datetime import date
from html import escape
from typing import Any

from tenure.insight.churn.drawing import Mark, chart, shown
from tenure.insight.churn.leaderboard import Entry
from tenure.insight.churn.patterns import Dependence
from tenure.insight.churn.study import Study, wilson
from tenure.language import LANGUAGES, Words, current, using

_LISTED = 40  # columns a table names one by one
BANDS = {"high": Words("High", "高"), "medium": Words("Medium", "中"), "low": Words("Low", "低")}

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2733;--quiet:#5b6976;--line:#dde3e8;--paper:#fff;--ground:#f5f7f9;--accent:#0f6d80;--soft:#d5e8ec;--warn:#a85b00}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf0;--quiet:#9aa7b4;--line:#2c3844;--paper:#151c23;--ground:#0e1318;--accent:#55b7cb;--soft:#1d3b44;--warn:#e2a55a}}
*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.55 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
main{max-width:1040px;margin:0 auto;padding:1.4rem 1rem 3rem}
h1{font-size:1.5rem;margin:0 0 .2rem;overflow-wrap:anywhere}h2{font-size:1.06rem;margin:0 0 .5rem}h3{font-size:.92rem;margin:.2rem 0 .3rem;overflow-wrap:anywhere}
p{margin:.3rem 0 .6rem}.quiet,small,figcaption{color:var(--quiet)}small,figcaption{font-size:.84rem}
section{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:1rem 1.15rem;margin:.9rem 0;break-inside:avoid-page}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:.7rem;margin:.4rem 0}
.cards div{border:1px solid var(--line);border-radius:8px;padding:.55rem .7rem}.cards span{color:var(--quiet);font-size:.84rem;display:block}.cards b{font-size:1.35rem;font-weight:600;display:block;line-height:1.3}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:1rem}figure{margin:0;min-width:0}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;padding:.32rem .5rem;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--quiet);font-weight:500;white-space:nowrap}td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
ul{margin:.2rem 0;padding-left:1.15rem}li{margin:.22rem 0;overflow-wrap:anywhere}code{background:var(--ground);border:1px solid var(--line);border-radius:4px;padding:.05rem .3rem;font-size:.88em;overflow-wrap:anywhere}
.bars{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr max-content;gap:.25rem .7rem;align-items:center;font-size:.92rem}.bars span{overflow-wrap:anywhere}.bars i{display:block;height:.75rem;border-radius:3px;background:var(--accent);min-width:2px;print-color-adjust:exact;-webkit-print-color-adjust:exact}.bars em{font-style:normal;color:var(--quiet);font-variant-numeric:tabular-nums}
svg{width:100%;height:auto;display:block}svg text{fill:var(--quiet);font-size:11.5px}svg .grid{stroke:var(--line)}svg .line{fill:none;stroke:var(--accent);stroke-width:2.2}
svg .guide{fill:none;stroke:var(--quiet);stroke-dasharray:4 4}svg .band{fill:var(--soft)}svg .dot{fill:var(--accent)}svg .whisker{stroke:var(--accent)}
.said{border-left:3px solid var(--accent);padding-left:.8rem;font-size:1.02rem}
@media print{:root{--ink:#000;--quiet:#444;--line:#ccc;--paper:#fff;--ground:#fff;--accent:#0f6d80;--soft:#d5e8ec}body{font-size:10.5pt}main{max-width:none;padding:0}section{border:0;padding:.3rem 0}}
@media (max-width:480px){main{padding:.8rem .6rem 2rem}section{padding:.8rem .75rem}.bars{grid-template-columns:minmax(4.5rem,38%) 1fr max-content}}
"""


def page(found: Study, *, language: str, made_on: date) -> str:
    """The whole page in one language ("en" or "zh"), as HTML text. Everything from the file is escaped."""
    with using(language):
        sections = [
            _summary(found),
            _data(found),
            _how_good(found),
            _bands(found),
            _worth(found),
            _learners(found),
            _drivers(found),
            _segments(found),
            _people(found),
            _survival(found),
            _limits(found),
            _next(found),
        ]
        title = _say("Who leaves, and how well it can be told", "谁会流失，以及能判断到什么程度")
        name = found.asked.title
        head = (
            f'<!doctype html><html lang="{"zh-Hans" if current() != LANGUAGES[0] else "en"}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            f"<title>{escape(title)}{f' · {escape(name)}' if name else ''}</title><style>{_STYLE}</style></head><body><main>"
        )
        top = (
            f"<h1>{escape(title)}</h1><p class=quiet>{escape(name)} · "
            f"{_say('made on {day} by Tenure', '{day} 由常客 Tenure 生成', day=made_on.isoformat())}</p>"
        )
    return head + top + "".join(sections) + "</main></body></html>\n"


def _say(en: str, zh: str, /, **values: object) -> str:
    """A sentence of the page in its language; what is filled in is escaped here and nowhere else."""
    return str(Words(en, zh)).format(**{name: escape(str(value)) for name, value in values.items()})


def _section(title: str, *parts: str) -> str:
    inside = "".join(part for part in parts if part)
    return f"<section><h2>{title}</h2>{inside}</section>" if inside else ""


def _table(heads: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]]) -> str:
    """heads: (title, whether a number). Cells are HTML already."""
    kind = [" class=n" if number else "" for _, number in heads]
    top = "".join(f"<th{k}>{head}</th>" for (head, _), k in zip(heads, kind, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{k}>{c}</td>" for c, k in zip(row, kind, strict=True)) + "</tr>" for row in rows
    )
    return f"<div class=scroll><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def _bars(rows: Sequence[tuple[str, float, str]]) -> str:
    most = max((value for _, value, _ in rows), default=0) or 1
    return (
        '<div class="bars">'
        + "".join(
            f'<span>{escape(name)}</span><i style="width:{100 * value / most:.1f}%"></i><em>{text}</em>'
            for name, value, text in rows
        )
        + "</div>"
    )


def _range(low: float, high: float, how: str = ".3f") -> str:
    return f"{low:{how}} … {high:{how}}"


def _summary(found: Study) -> str:
    top = found.metrics["deciles"][0]
    names = ", ".join(driver["feature"] for driver in found.drivers[:3])
    said = _say(
        "Of {rows} customers {left} left ({share}). Asking the riskiest tenth first reaches {caught} of those who leave, "
        "{lift} times what chance would. What the model leans on most: {names}.",
        "{rows} 位客户中有 {left} 位流失（{share}）。优先联系风险最高的一成客户，可覆盖 {caught} 的流失者，"
        "是随机的 {lift} 倍。模型主要依据：{names}。",
        rows=f"{found.rows:,}",
        left=f"{found.left:,}",
        share=f"{found.left / found.rows:.1%}",
        caught=f"{top['caught']:.0%}",
        lift=f"{found.metrics['top_decile_lift']:.1f}",
        names=names,
    )
    asked = _say(
        "Asked: who has {column} = {value}? Columns: {columns}.",
        "问题：哪些客户的 {column} 为 {value}？共 {columns} 列。",
        column=found.asked.outcome,
        value=found.asked.value,
        columns=found.columns,
    )
    aside = [name for name in (found.asked.id, found.asked.date, *found.asked.leave_out) if name]
    kept_out = (
        _say("Not learned from, as asked: {names}.", "按要求不参与训练：{names}。", names=", ".join(aside))
        if aside
        else ""
    )
    return _section(_say("In short", "概要"), f"<p class=said>{said}</p>", f"<p class=quiet>{asked} {kept_out}</p>")


def _data(found: Study) -> str:
    listed = "".join(f"<li>{escape(str(words))}</li>" for words in found.findings)
    listed = (
        f"<ul>{listed}</ul>" if listed else f"<p>{_say('Nothing odd was found in the file.', '文件中未发现异常。')}</p>"
    )
    refused = dropped = ""
    if found.refused:
        rows = [(escape(name), escape(str(why))) for name, why in found.refused.items()]
        refused = (
            f"<h3>{_say('Refused: the outcome in disguise', '已拒绝：变相的结果列')}</h3>"
            + _table([(_say("Column", "列"), False), (_say("Why", "原因"), False)], rows)
            + f"<p><small>{_say('A column filled in once somebody had left tells everything here and nothing in time.', '客户流失之后才填写的列，在此能说明一切，但在实际预测时毫无用处。')}</small></p>"
        )
    if found.dropped:
        rows = [(escape(name), escape(str(why))) for name, why in found.dropped.items()]
        if len(rows) > _LISTED:
            rows = [*rows[:_LISTED], (f"… (+{len(rows) - _LISTED:,})", "")]
        dropped = f"<h3>{_say('Left out: nothing to learn from', '已略去：无可学习')}</h3>" + _table(
            [(_say("Column", "列"), False), (_say("Why", "原因"), False)], rows
        )
    used = ""
    if found.used:
        used = (
            f"<h3>{_say('Learned from, of so many columns', '从众多列中选用的列')}</h3>"
            f"<p><small>{escape(', '.join(found.used))}</small></p>"
        )
    return _section(_say("The data", "数据"), listed, refused, dropped, used)


def _card(name: str, value: str, small: str) -> str:
    return f"<div><span>{name}</span><b>{value}</b><small>{small}</small></div>"


def _how_good(found: Study) -> str:
    m, spread = found.metrics, found.intervals
    cards = [
        _card("AUC", f"{m['auc']:.3f}", _range(m["auc_low"], m["auc_high"])),
        _card("PR-AUC", f"{m['pr_auc']:.3f}", _range(*spread["pr_auc"])),
        _card(_say("Lift, riskiest tenth", "最高一成提升度"), f"{m['top_decile_lift']:.2f}×", _range(*spread["top_decile_lift"], ".2f")),
        _card("Brier", f"{m['brier']:.4f}",
              f"{_range(*spread['brier'], '.4f')}<br>{_say('{guess} by the base rate alone', '仅用总体流失率为 {guess}', guess=f'{found.guess:.4f}')}"),
    ]  # fmt: skip
    deciles = m["deciles"]
    lows, highs = zip(*(wilson(d["observed"] * d["rows"], d["rows"]) for d in deciles), strict=True)
    most = max(*highs, *(d["predicted"] for d in deciles))
    calibrated = chart(
        [
            Mark("guide", [0, most], [0, most]),
            Mark("dots", [d["predicted"] for d in deciles], [d["observed"] for d in deciles], [*lows, *highs]),
        ],
        title=_say("Calibration", "校准"), x_title=_say("Chance told", "预测概率"),
        y_title=_say("Share that left", "实际流失率"), x_percent=True,
    )  # fmt: skip
    gains = chart(
        [Mark("guide", [0, 1], [0, 1]), Mark("line", *found.curve)],
        title=_say("Caught", "覆盖"), x_title=_say("Customers asked, riskiest first", "按风险从高到低联系的客户占比"),
        y_title=_say("Of those who leave", "覆盖的流失者"), x_percent=True, y_most=1.0,
    )  # fmt: skip
    if m.get("lead_time"):
        cards.append(_ahead(m["lead_time"]))
    explained = _say(
        "AUC: the chance that someone who left stood above someone who stayed; 0.5 is a coin. 95 % intervals. Every figure is "
        "of customers the model had not seen.",
        "AUC：流失者得分高于留存者的概率；0.5 相当于抛硬币。区间为 95%。所有数字均来自模型未见过的客户。",
    )
    return _section(
        _say("How well it can be told", "判断的准确程度"),
        f"<p>{escape(str(found.protocol))}.</p>"
        if current() == LANGUAGES[0]
        else f"<p>{escape(str(found.protocol))}。</p>",
        f"<div class=cards>{''.join(cards)}</div><p><small>{explained}</small></p>",
        f"<div class=two><figure>{calibrated}<figcaption>{_say('On the dotted line a chance means what it says; each dot is a tenth of the customers.', '落在虚线上表示概率与实际一致；每个点为一成客户。')}</figcaption></figure>"
        f"<figure>{gains}<figcaption>{_say('How many of those who leave are reached by asking so many; dotted: by chance.', '联系相应比例的客户可覆盖多少流失者；虚线为随机。')}</figcaption></figure></div>",
    )


def _ahead(lead: dict[str, Any]) -> str:
    """How long before they left the score put leavers at high risk."""
    caught = _say("{caught} of {leavers} leavers were at high risk", "{leavers} 位流失者中 {caught} 被列为高风险",
                  caught=f"{lead['caught'] or 0:.0%}", leavers=f"{lead['leavers']:,}")  # fmt: skip
    if lead["median"] is None:
        return _card(_say("Told ahead", "提前天数"), "–", caught)
    half = _say(
        "half of them {low} to {high} days",
        "其中一半为 {low} 至 {high} 天",
        low=f"{lead['low']:.0f}",
        high=f"{lead['high']:.0f}",
    )
    days = _say("{days} days", "{days} 天", days=f"{lead['median']:.0f}")
    return _card(_say("Told ahead", "提前天数"), days, f"{caught}<br>{half}")


def _bands(found: Study) -> str:
    rows = []
    for band in found.metrics["bands"]:
        left = (band["precision"] or 0) * band["rows"]
        low, high = wilson(left, band["rows"])
        rows.append(
            (str(BANDS[band["band"]]), f"{band['from']:.1%}", f"{band['rows']:,}",
             f"{band['precision'] or 0:.1%} <small>({_range(low, high, '.0%')})</small>" if band["rows"] else "–",
             f"{band['recall']:.1%}")
        )  # fmt: skip
    heads = [
        (_say("Band", "风险等级"), False), (_say("Chance from", "概率起点"), True), (_say("Customers", "客户数"), True),
        (_say("Of these left (precision)", "其中流失（精确率）"), True), (_say("Caught so far (recall)", "累计覆盖（召回率）"), True),
    ]  # fmt: skip
    return _section(_say("Risk bands", "风险等级"), _table(heads, rows))


def _worth(found: Study) -> str:
    """What the scores would bring in a campaign, and everything that is assumed for it."""
    asked, earned, spread = found.asked.campaign, found.metrics["profit"], found.intervals["profit"]
    x, y = [point["contacted"] for point in found.worth], [point["profit"] for point in found.worth]
    drawn = chart(
        [Mark("guide", [0, 1], [0, found.everybody]), Mark("line", x, y)],
        title=_say("Profit", "收益"), x_title=_say("Customers asked, riskiest first", "按风险从高到低联系的客户占比"),
        y_title=_say("Profit for each customer there is", "每位客户（含未联系者）的收益"), x_percent=True, y_percent=asked.value == 1,
    )  # fmt: skip
    cards = [
        _card(_say("Expected maximum profit", "期望最大收益"), _money(found, earned["expected"]), f"{_money(found, spread[0])} … {_money(found, spread[1])}"),
        _card(_say("Asked for it", "联系比例"), f"{earned['contacted']:.0%}", _say("of all customers, riskiest first", "占全部客户，按风险从高到低")),
        _card(_say("Asking everybody", "联系所有客户"), _money(found, found.everybody), _say("asking nobody: 0", "不联系任何人：0")),
    ]  # fmt: skip
    if asked.value != 1:
        total = _say("for the {rows} customers of the file", "按文件中的 {rows} 位客户", rows=f"{found.rows:,}")
        cards.append(_card(_say("In all", "合计"), f"{earned['expected'] * found.rows:,.0f}", total))
    assumed = _say(
        "Assumed: a customer who is kept is worth {value}; an offer costs {offer} and is paid to whoever takes it, so to all "
        "who would have stayed anyway; reaching one costs {contact}; of leavers made an offer {accepts} stay on average (Beta "
        "{alpha}, {beta}: nobody knows the share beforehand). Put your own in: --value, --offer, --contact, --accepting.",
        "假设：留住一位客户的价值为 {value}；优惠成本为 {offer}，由接受者领取，本就会留下的客户也都会领取；联系一位客户的成本为 {contact}；"
        "收到优惠的流失者平均有 {accepts} 留下（Beta {alpha}, {beta}：事先无人知道该比例）。可自行设置：--value、--offer、--contact、--accepting。",
        value=_money(found, asked.value), offer=_money(found, asked.offer * asked.value), contact=_money(found, asked.contact * asked.value),
        accepts=f"{asked.accepts:.0%}", alpha=f"{asked.alpha:g}", beta=f"{asked.beta:g}",
    )  # fmt: skip
    each = (
        _say("In shares of the value of a customer who is kept, for each customer there is, asked or not. ",
             "以留住一位客户的价值为单位，按每位客户计（无论是否联系）。")
        if asked.value == 1
        else _say("For each customer there is, asked or not. ", "按每位客户计（无论是否联系）。")
    )  # fmt: skip
    source = _say(
        "Expected maximum profit after Verbraken, Verbeke and Baesens (2013), 95 % intervals. The curve is at the mean share of "
        "accepting leavers; dotted: in any order.",
        "期望最大收益依据 Verbraken、Verbeke 与 Baesens（2013），区间为 95%。曲线按平均接受比例；虚线为任意顺序。",
    )
    return _section(
        _say("What it is worth in a campaign", "用于挽留活动的价值"), f"<div class=cards>{''.join(cards)}</div>",
        f"<div class=two><figure>{drawn}</figure><div><p>{assumed}</p><p><small>{each}{source}</small></p></div></div>",
    )  # fmt: skip


def _money(found: Study, amount: float) -> str:
    """An amount in the units of value; as a share where a customer counts as one."""
    return f"{amount:.2%}" if found.asked.campaign.value == 1 else f"{amount:,.2f}"


def _learners(found: Study) -> str:
    """The learners held against the model: none is taken for better unless its paired interval says so."""
    board = found.leaderboard
    if board is None:
        return ""
    rows, skipped = [], []
    for entry in board.entries:
        if entry.skipped is not None:
            skipped.append(f"<li>{escape(str(entry.words))}: {escape(str(entry.skipped))}</li>")
            continue
        rows.append(
            (f"{escape(str(entry.words))}<br><small>{escape(str(entry.when))}</small>", f"{entry.measures['auc']:.4f}", _gain(entry, "auc"),
             f"{entry.measures['top_decile_lift']:.2f}×", f"{entry.measures['brier']:.4f}", _gain(entry, "brier"),
             _money(found, entry.measures["profit"]), f"{entry.seconds:.1f}" if entry.seconds is not None else "–")
        )  # fmt: skip
    heads = [
        (_say("Learner", "模型"), False), ("AUC", True), (_say("gain", "增益"), True), (_say("Lift", "提升度"), True),
        ("Brier", True), (_say("gain", "增益"), True), (_say("Profit", "收益"), True), (_say("Seconds", "秒"), True),
    ]  # fmt: skip
    note = _say(
        "On the same customers, so gains are paired: above zero is better than the first line, with 95 % intervals widened so that "
        "all hold at once. Seconds of the processor. --learners all tries every one.",
        "在同一批客户上比较，因此增益为配对值：大于零表示优于第一行；95% 区间已放宽以同时成立。秒为处理器时间。--learners all 可尝试全部模型。",
    )
    return _section(
        _say("Other learners on the same customers", "其他模型在同一批客户上的表现"), f"<p>{escape(str(board.said))}{'.' if current() == LANGUAGES[0] else '。'}</p>",
        _table(heads, rows), f"<ul>{''.join(skipped)}</ul>" if skipped else "", f"<p><small>{note}</small></p>",
    )  # fmt: skip


def _gain(entry: Entry, measure: str) -> str:
    if measure not in entry.gains:
        return "–"
    gain, low, high = entry.gains[measure]
    return f"{gain:+.4f} <small>({low:+.4f} … {high:+.4f})</small>"


def _drivers(found: Study) -> str:
    total = sum(driver["effect"] for driver in found.drivers) or 1
    bars = _bars([(d["feature"], d["effect"], f"{d['effect'] / total:.0%}") for d in found.drivers])
    pictures = "".join(_dependence(one) for one in found.dependence)
    note = _say(
        "What the model reads, by how far it moves scores. A driver is not a cause: changing it need not keep anyone.",
        "模型所依据的信息，按对评分的影响排序。影响因素不等于原因：改变它未必能留住客户。",
    )
    return _section(
        _say("What it goes by", "主要影响因素"), bars, f"<p><small>{note}</small></p>",
        f"<h3>{_say('The mean chance, were everybody alike in one column', '假设所有客户某列取值相同时的平均概率')}</h3>"
        f"<div class=two>{pictures}</div>" if pictures else "",
    )  # fmt: skip


def _dependence(one: Dependence) -> str:
    if one.numeric and len(one.points) > 2:
        x, y = [float(value) for value, _ in one.points], [chance for _, chance in one.points]
        drawn = chart(
            [Mark("line", x, y)],
            title=one.column,
            x_title=one.column,
            y_title=_say("Chance", "概率"),
            y_most=max(y) * 1.1,
        )
    else:
        drawn = _bars(
            [
                (shown(value, False) if one.numeric else str(value), chance, f"{chance:.0%}")
                for value, chance in one.points
            ]
        )
    return f"<figure><h3>{escape(one.column)}</h3>{drawn}</figure>"


def _segments(found: Study) -> str:
    rows = []
    for one in found.segments:
        low, high = wilson(one.left, one.rows)
        words = " · ".join(f"{escape(name)} {escape(str(how))}" for name, how in one.conditions)
        rows.append(
            (
                words,
                f"{one.rows:,}",
                f"{one.predicted:.0%}",
                f"{one.left / one.rows:.0%} <small>({_range(low, high, '.0%')})</small>",
            )
        )
    if not rows:
        return ""
    heads = [
        (_say("Group", "群体"), False), (_say("Customers", "客户数"), True), (_say("Told", "预测"), True), (_say("Left", "实际流失"), True),
    ]  # fmt: skip
    note = _say(
        "Picked among many groups by what was told before their outcome was seen; groups may overlap.",
        "根据见到结果之前的预测，从众多群体中挑出；群体之间可能重叠。",
    )
    return _section(
        _say("Where it is riskiest", "风险最高的群体"), _table(heads, rows), f"<p><small>{note}</small></p>"
    )


def _people(found: Study) -> str:
    if not found.people:
        return ""
    rows = [
        (escape(one.id), f"{one.chance:.0%}", "<br>".join(escape(str(why)) for why in one.reasons))
        for one in found.people
    ]
    heads = [
        (_say("Customer", "客户"), False),
        (_say("Chance", "概率"), True),
        (_say("What raises it", "推高因素"), False),
    ]
    note = _say(
        "Of those still there, the likeliest to leave. The model has seen these customers stay, so the order matters more "
        "than the level.",
        "仍在的客户中最可能流失者。模型训练时已知其未流失，因此排序比数值更重要。",
    )
    return _section(_say("Whom to ask first", "优先联系的客户"), _table(heads, rows), f"<p><small>{note}</small></p>")


def _survival(found: Study) -> str:
    curve = found.survival
    if curve is None or found.tenure is None:
        return ""
    x = [*curve.times.tolist(), curve.last_seen]
    drawn = chart(
        [
            Mark("band", x, [*curve.low.tolist(), float(curve.low[-1])], [*curve.high.tolist(), float(curve.high[-1])]),
            Mark("step", x, [*curve.share.tolist(), float(curve.share[-1])]),
        ],
        title=_say("Still customers", "仍为客户"), x_title=found.tenure, y_title=_say("Still customers", "仍为客户"), y_most=1.0,
    )  # fmt: skip
    rates = _bars(
        [(f"{row['since']:g} – {row['until']:g}", row["rate"], f"{100 * row['rate']:.2g}") for row in found.hazard]
    )
    life = curve.expected_life(curve.last_seen)
    median = curve.median()
    said = (
        _say("Half have left after {median}. ", "半数客户在 {median} 之前流失。", median=f"{median:g}")
        if median is not None
        else _say("More than half are still there at the end. ", "到期末仍有半数以上客户留存。")
    )
    if life:
        said += _say(
            "Within {until}, a new customer stays {life} ± {half} on average.",
            "在 {until} 之内，新客户平均停留 {life} ± {half}。",
            until=f"{curve.last_seen:g}", life=f"{life[0]:.1f}", half=f"{1.96 * life[1]:.1f}",
        )  # fmt: skip
    note = _say(
        "Kaplan–Meier with the 95 % band, in the unit of the column. If the file names only those who left lately, and not "
        "everyone who ever did, the curve flatters.",
        "Kaplan–Meier 曲线及 95% 区间，单位与该列相同。如果文件只包含近期流失者而非全部历史流失者，曲线会偏乐观。",
    )
    hundred = _say("Leavers of a hundred, for each unit of time, by tenure", "按时长分段：每单位时间每百位客户的流失数")
    return _section(
        _say("How long they stay", "留存时长"), f"<p>{said}</p>",
        f"<div class=two><figure>{drawn}</figure><figure><h3>{hundred}</h3>{rates}</figure></div><p><small>{note}</small></p>",
    )  # fmt: skip


def _limits(found: Study) -> str:
    said = [
        _say("Drivers and reasons say what scores rest on, not why people leave: only trying something on some and not on "
             "others tells what keeps them.",
             "影响因素与理由说明评分依据，而非流失原因：只有对一部分客户采取行动、对另一部分不采取，才能知道什么能留住客户。"),
        _say("Whether each column was known before the customer left can't be seen from one file: look at the refused ones, "
             "and at the strongest drivers.",
             "仅凭一个文件无法判断各列是否在流失之前已知：请检查被拒绝的列和最强的影响因素。"),
    ]  # fmt: skip
    if found.asked.date is None:
        said.insert(0, _say("The file has no time in it, or none was named: how well this holds next month is not known.",
                            "文件中没有时间信息（或未指定）：无法得知下个月的表现。"))  # fmt: skip
    if found.metrics.get("lead_time") is None:
        said.append(_say("How long before they leave the score says so: that needs the day each row is of (--date) and the day "
                         "each left (--left-on).",
                         "评分能提前多久给出提示：这需要每行对应的日期（--date）和流失日期（--left-on）。"))  # fmt: skip
    gone = round(found.metrics["rows"] * found.metrics["base_rate"])
    if gone < 100:
        said.append(
            _say(
                "Tried on only {gone} who left: go by the intervals.",
                "检验样本仅有 {gone} 位流失者：请以区间为准。",
                gone=gone,
            )
        )
    return _section(
        _say("What it can't tell", "无法说明的内容"), "<ul>" + "".join(f"<li>{one}</li>" for one in said) + "</ul>"
    )


def _next(found: Study) -> str:
    name = found.asked.title or "customers.csv"
    command = shlex.join(
        ["tenure", "import", name, "--as", "snapshot", "--id", found.asked.id or "ID",
         "--outcome", f"{found.asked.outcome}={found.asked.value}"]
    )  # fmt: skip
    said = [
        _say("Ask the high band first, and leave some of it alone at random: the difference is what asking is worth.",
             "优先联系高风险客户，并随机保留一部分不联系：两者之差即行动的价值。"),
        _say("Have someone who knows the business read the strongest drivers and the refused columns.",
             "请熟悉业务的人员核对最强的影响因素和被拒绝的列。"),
        _say("Keep it going: orders, contracts and complaints with their dates tell who leaves next, and each refresh proves "
             "it on later customers: ", "持续使用：带日期的订单、合同与投诉可预测下一批流失者，每次刷新都会用之后的客户验证：")
        + f"<code>{escape(command)}</code> <code>tenure refresh</code>",
    ]  # fmt: skip
    if found.asked.date is None:
        said.append(
            _say(
                "Name a date column with --date to try the model on later customers.",
                "用 --date 指定日期列，以之后的客户检验模型。",
            )
        )
    return _section(_say("Next", "下一步"), "<ul>" + "".join(f"<li>{one}</li>" for one in said) + "</ul>")
