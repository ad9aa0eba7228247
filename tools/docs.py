"""Writes the reference pages from the registries: python -m tools.docs writes docs/, --check only looks.

Contracts, metrics, features, words and commands are described once, in the code; these pages repeat it in both
languages, so they are never edited by hand.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from tenure import language
from tenure.language import Words, tr

DOCS = Path(__file__).parents[1] / "docs"
MADE = "<!-- Made by: python -m tools.docs -->"


def contracts() -> Iterator[str]:
    """Every contract with its columns."""
    from tenure.contracts import CONTRACTS

    yield from head(
        "Contracts / 数据契约",
        "The shape of every kind of record, one file each in `src/tenure/contracts/`. Import a file of one with "
        "`tenure import FILE --as CONTRACT`; get an empty file to fill in with `tenure template CONTRACT`.",
        "每一类记录的结构，各占一个文件。导入用 `tenure import FILE --as CONTRACT`，空白模板用 `tenure template CONTRACT`。",
    )
    yield from (
        "Types: `money` is written with its decimals in files (19.90) and kept as whole minor units (1990); `instant` is "
        "a moment, kept in UTC, and a time without a zone is read in the workspace's zone; `decimal` has six places.",
        "",
        "Marks: **required** must be in the file · *key* names the row · *personal* is masked for roles that see no "
        "personal data · *fixed* never changes · *from …* is unknown before that column's moment. Headers are recognised "
        "by field name, by both names below and by the aliases; case, spaces and underscores do not count.",
        "",
        "类型：`money` 在文件中带小数（19.90），内部存为最小单位整数（1990）；`instant` 为时刻，内部一律 UTC，未写时区的按工作区"
        "时区读取；`decimal` 保留六位小数。标记：**required** 文件必须有；*key* 构成主键；*personal* 个人信息，对无权角色隐藏；"
        "*fixed* 永不改变；*from …* 在该列时刻之前视为未知。表头按字段名、下列中英文名及别名识别，不计大小写、空格与下划线。",
        "",
    )
    for contract in CONTRACTS.values():
        yield from (f"## {contract.name}", "", f"**{both(contract.words)}**  ", both(contract.meaning, "  \n"), "")
        since = (
            f"true since `{contract.valid_at}` / 生效时间" if contract.valid_at else "true since receipt / 收到即生效"
        )
        kind = "a fact that happened / 事实" if contract.fact else "a state that changes / 会变化的对象"
        yield f"Key / 主键：{listed(contract.key)} · {kind} · {since}"
        if contract.open:
            yield "Columns beyond these are expected, kept as `extra` and learned from / 允许任意其他列，作为特征保留"
        yield ""
        yield from table(
            ("column", "type", "name / 名称", "meaning / 含义", "marks", "aliases / 别名"),
            (
                (
                    f"`{column.name}`", column.type, both(column.words, "<br>"),
                    both(column.meaning, "<br>") + "".join(_values(column)), _marks(contract, column),
                    ", ".join(column.aliases),
                )
                for column in contract.columns
            ),
        )  # fmt: skip


def _marks(contract: Any, column: Any) -> str:
    marks = ["**required**"] if column.required else []
    marks += ["*key*"] if column.name in contract.key else []
    marks += [f"*personal: {column.personal}*"] if column.personal else []
    marks += ["*fixed*"] if column.fixed else []
    marks += [f"standard: [{column.standard}](standards.md#{column.standard})"] if column.standard else []
    marks += [f"*from `{column.known_at}`*"] if column.known_at else []
    marks += [f"unit: {column.unit}"] if column.unit else []
    return "<br>".join(marks)


def _values(column: Any) -> Iterator[str]:
    for code, words in column.values.items():
        yield f"<br>`{code}` {both(words)}"


def metrics() -> Iterator[str]:
    """Every metric with its formula, its lines and an example worked by hand."""
    from tenure.insight.metrics import GROUPS, METRICS, UNITS, figure

    yield from head(
        "Metrics / 指标",
        "Every number anyone reports, defined once, one file each in `src/tenure/insight/metrics/`. "
        "See yours with `tenure metrics`, one of them with `tenure metrics NAME --by team`. The suite runs each example.",
        "所有对外数字只定义一次，每项指标一个文件。用 `tenure metrics` 查看自己的数字，用 `tenure metrics NAME --by team` 查看其中一项。下列算例均由测试逐一验证。",
    )
    better = {
        "higher": Words("higher is better", "越高越好"),
        "lower": Words("lower is better", "越低越好"),
        "neither": Words("neither way is better", "无好坏之分"),
    }
    for metric in METRICS.values():
        yield from (f"## {metric.name}", "", f"**{both(metric.words)}**  ", both(metric.meaning, "  \n"), "")
        yield f"- Formula / 公式：{both(metric.formula)}"
        yield f"- Chapter / 分类：{both(GROUPS[metric.group])}"
        yield f"- Unit / 单位：{both(UNITS[metric.unit])}; {both(better[metric.better])}"
        yield f"- Reads / 数据来源：{listed(metric.reads)}"
        if metric.columns:
            yield f"- Can't do without / 必需字段：{listed(metric.columns)}"
        if metric.made_of:
            yield f"- No sum over customers; made of / 非加总，由此得出：{listed(metric.made_of)}"
        yield f"- Sample size / 样本量：{both(metric.count)}"
        for title, line in (
            ("Benchmark / 基准线", metric.benchmark), ("Excellent / 优秀线", metric.excellent),
            ("Limit / 警戒线", metric.limit),
        ):  # fmt: skip
            if line is not None:
                yield f"- {title}：{figure(metric.unit, line.value).en} ({both(line.source)})"
        yield f"- Source / 出处：{both(metric.source)}"
        example = metric.example
        yield ""
        yield f"Example / 算例：{example.period.start} to {example.period.end}, the end not included / 不含结束日"
        yield ""
        for name, rows in example.rows.items():
            yield from _records(name, rows)
        parts = [f"**{figure(metric.unit, example.value).en}**", f"{example.count} {both(metric.count)}"]
        if example.numerator is not None and example.denominator is not None:
            parts.insert(0, f"{_plain(example.numerator)} ÷ {_plain(example.denominator)}")
        yield from ("→ " + " · ".join(parts), "")


def _records(name: str, rows: Sequence[Any]) -> Iterator[str]:
    """Records as a table, equal ones as one row with their number."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    seen = Counter(tuple("" if row.get(column) is None else str(row[column]) for column in columns) for row in rows)
    many = any(times > 1 for times in seen.values())
    if not columns:
        yield from (f"{name}: no rows / 无记录", "")
        return
    yield from table(
        (f"{name} ×" if many else name, *columns),
        ((str(times) if many else "", *cells) for cells, times in seen.items()),
    )


def _plain(value: float) -> str:
    return f"{value:,.6g}"


def features() -> Iterator[str]:
    """Every feature the churn model may learn from, family by family."""
    from tenure.insight.features import FAMILIES

    yield from head(
        "Features / 特征",
        "What is known about a customer at a date, one file a family in `src/tenure/insight/features/`. Nothing that "
        "became known later is ever in it. `{value}` is filled in where a reason is shown.",
        "某一时点已知的客户特征，每族一个文件；其后才知道的信息一概不用。展示原因时填入 `{value}`。",
    )
    for family in FAMILIES.values():
        yield from (f"## {family.name}", "", f"Reads / 数据来源：{listed(family.reads)}", "")
        yield from table(
            ("feature", "unit", "name / 名称", "raises the risk where high / 偏高时的原因", "where low / 偏低时的原因"),
            (
                (
                    f"`{feature.name}`", feature.unit, both(feature.words, "<br>"),
                    *(both(reason, "<br>") if reason else "–" for reason in (feature.reason_up, feature.reason_down)),
                )
                for feature in family.features
            ),
        )  # fmt: skip


def standards() -> Iterator[str]:
    """Every standard form with its examples and the faults it finds."""
    from tenure.identity.standard import STANDARDS

    yield from head(
        "Standard forms / 标准形式",
        "One form for what people write in many, one file each in `src/tenure/identity/standard/`. The original is kept "
        "beside it. The suite runs each example; a value without a standard says why in the last column.",
        "同一内容的多种写法统一为一种标准形式，每种一个文件，原文一并保留。下列示例均由测试验证；没有标准形式的值在末列说明原因。",
    )
    for standard in STANDARDS.values():
        yield from (f"## {standard.name}", "", f"**{both(standard.words)}**  ", both(standard.meaning, "  \n"), "")
        yield from (f"- Source / 出处：{both(standard.source)}", "")
        yield from table(
            ("given / 原文", "standard / 标准形式", "what is said of it / 说明"),
            (
                (
                    f"`{example.given.strip()}`", f"`{example.standard}`" if example.standard is not None else "–",
                    both(standard.faults[example.fault].words, "<br>") if example.fault else "",
                )
                for example in standard.examples
            ),
        )  # fmt: skip


def packs() -> Iterator[str]:
    """Every industry pack: records, churn, stages, tiers, targets, and the names of columns it knows."""
    from tenure.contracts import CONTRACTS
    from tenure.insight.lifecycle import STAGES, Limits
    from tenure.insight.metrics import METRICS, figure
    from tenure.insight.segments.tiers import PARTS, TIERS
    from tenure.packs import LIMITS, leaving_words
    from tenure.packs import packs as known

    yield from head(
        "Industry packs / 行业方案",
        "What a line of business starts with, one file each in `src/tenure/packs/`. Choose one with `tenure new --pack NAME`, "
        "`tenure pack choose NAME` or under Settings; `tenure pack look NAME` says first what it would change. It never goes over "
        "what people set by hand, and `tenure pack take-back` puts back what was before. Imports know its names at once, "
        "figures follow with the next refresh. Targets are for a month.",
        "各行业的起步设定，每个行业一个文件。用 `tenure new --pack NAME`、`tenure pack choose NAME` 或在设置中选用；"
        "`tenure pack look NAME` 可先查看会更改什么。人工设定不会被覆盖，`tenure pack take-back` 可撤回。导入立即识别列名，"
        "数据在下次刷新后更新。目标均按月计。",
    )
    usual = Limits()
    for pack in known().values():
        yield from (f"## {pack.name}", "", f"**{both(pack.words)}**  ", both(pack.meaning, "  \n"), "")
        yield "Records, in the order to import them / 需导入的记录："
        yield ""
        yield from (f"{place}. `{name}`: {both(why)}" for place, (name, why) in enumerate(pack.contracts.items(), 1))
        yield from ("", "Churn, the first whose records are there / 流失定义，取首个有数据者：", "")
        yield from (f"{place}. {both(leaving_words(one.as_plain()))}" for place, one in enumerate(pack.leaving, 1))
        yield from ("", both(pack.leaving_why, "  \n"), "", "Stages / 阶段：", "")
        yield from (f"- {both(words)}: {both(pack.stages[code])}" for code, words in STAGES.items())
        drawn = [name for name in LIMITS if getattr(pack.limits, name) != getattr(usual, name)]
        yield from (f"- {both(LIMITS[name])}: {getattr(pack.limits, name)}" for name in drawn)
        rule = pack.rule
        weights = ", ".join(f"{both(PARTS[name])} {weight}" for name, weight in rule.weights.items() if weight)
        yield from ("", f"Tiers / 客户分级：{weights}; strategic from {rule.strategic_from} points and "
                    f"{rule.tenure_least_days} days, core from {rule.core_from}, growth from +{rule.growth_from} % and "
                    f"{rule.growth_points_from} points.", "")  # fmt: skip
        yield from table(
            ("tier / 级别", "contact, days", "answer, hours", "discount, %", "looked after by / 负责", "note / 备注"),
            (
                (both(words), *(_or_dash(n) for n in (one.contact_days, one.response_hours, one.discount_percent)),
                 both(one.looked_after, "<br>"), both(one.note, "<br>"))
                for code, words in TIERS.items() for one in (pack.service[code],)
            ),
        )  # fmt: skip
        yield from table(
            ("target / 目标", "benchmark / 基准", "excellent / 优秀", "limit / 警戒线", "source / 出处"),
            (
                (f"`{name}`", *("–" if n is None else figure(METRICS[name].unit, n).en
                                for n in (one.benchmark, one.excellent, one.limit)), both(one.source, "<br>"))
                for name, one in pack.targets.items()
            ),
        )  # fmt: skip
        yield f"First page / 首页：{listed(pack.headlines)}"
        yield ""
        yield from table(
            ("column / 字段", "names it goes by / 可识别的列名"),
            (
                (f"`{contract}.{column}`", ", ".join(names))
                for contract in CONTRACTS for column, names in pack.names.get(contract, {}).items()
            ),
        )  # fmt: skip


def _or_dash(number: int | None) -> str:
    return "–" if number is None else str(number)


def vocabulary() -> Iterator[str]:
    """The words of the field, and the words that name stages, segments and roles."""
    from tenure.desk.governance.roles import BUILT_IN
    from tenure.insight.lifecycle import STAGES
    from tenure.insight.segments import CELLS
    from tenure.vocabulary import TERMS

    yield from head(
        "Vocabulary / 词汇表",
        "Each word once, in English and Chinese. A word never changes its meaning by a flag.",
        "每个词只定义一次，中英对照；含义不因参数而变。",
    )
    yield from table(
        ("word", "English", "中文", "unit", "clock"),
        (
            (
                f"`{name}`", f"**{term.words.en}**: {term.meaning.en}", f"**{term.words.zh}**：{term.meaning.zh}",
                term.unit or "", term.clock or "",
            )
            for name, term in TERMS.items()
        ),
    )  # fmt: skip
    for title, words in (("Life-cycle stages / 生命周期阶段", STAGES), ("RFM cells / RFM 分群", CELLS)):
        yield from (f"## {title}", "")
        yield from table(("code", "English", "中文"), ((f"`{name}`", each.en, each.zh) for name, each in words.items()))
    yield from ("## Roles / 角色", "")
    yield from table(
        ("code", "name / 名称", "meaning / 含义", "may open or do"),
        (
            (f"`{name}`", both(role.words), both(role.meaning, "<br>"), ", ".join(sorted(role.permissions)))
            for name, role in BUILT_IN.items()
        ),
    )


def commands() -> Iterator[str]:
    """Every command with its arguments and options."""
    import typer

    from tenure.cli.app import app

    yield from head(
        "Commands / 命令",
        "`tenure --help` says the same. What a command prints for people is in your language (`--lang zh`, `TENURE_LANG`, "
        "else the machine's locale); `--format json` and `--format csv` are for programs. A command that fails says why "
        "and ends with 1. Settings and environment variables: [settings](settings.md).",
        "与 `tenure --help` 一致。输出语言取自 `--lang zh`、`TENURE_LANG` 或系统区域设置；给程序用时加 `--format json` 或 "
        "`--format csv`。出错时说明原因，退出码为 1。环境变量与设置见 [settings](settings.md)。",
    )
    root = typer.main.get_command(app)
    yield from ("## tenure", "", "Options before the command / 写在命令之前的选项：", "")
    yield from _parameters(root)
    yield from _described(root, "tenure")


def _described(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _described(command, f"{path} {name}")
            continue
        arguments = "".join(f" {_metavar(p)}" for p in command.params if not p.opts[0].startswith("-"))
        yield from (f"## {path} {name}", "", _said(command.help), "", f"`{path} {name}{arguments} [OPTIONS]`", "")
        yield from _parameters(command)


def _parameters(command: Any) -> Iterator[str]:
    rows = []
    for parameter in command.params:
        option = parameter.opts[0].startswith("-")
        takes = "" if not option or parameter.is_flag else " " + _metavar(parameter)
        notes = ["**required**"] if parameter.required else []
        # A default that is a sentence for people ("~/.tenure") stands in show_default.
        default = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
        if isinstance(default, Enum):
            default = default.value
        if default not in (None, "", False) and not parameter.required:
            notes.append(f"default `{default}`")
        if parameter.envvar:
            notes.append(f"or `{parameter.envvar}`")
        name = f"`{parameter.opts[0]}{takes}`" if option else f"`{_metavar(parameter)}`"
        rows.append((name, _said(parameter.help), ", ".join(notes)))
    if rows:
        yield from table(("", "what / 说明", ""), rows)


def _metavar(parameter: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar)
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(each.value) for each in kind)
    return str(parameter.name).upper()


def _said(english: str) -> str:
    """A help text, in English as it was loaded, and in the catalogue's Chinese."""
    with language.using("zh-hans"):
        return f"{english}<br>{tr(english)}"


def head(title: str, english: str, chinese: str) -> Iterator[str]:
    yield from (f"# {title}", "", MADE, "", english, "", chinese, "")


def both(words: Words, between: str = " · ") -> str:
    return words.en if words.en == words.zh else f"{words.en}{between}{words.zh}"


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table; a bar within a cell would end it."""
    yield "| " + " | ".join(heading) + " |"
    yield "|" + "---|" * len(heading)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "contracts.md": contracts,
    "metrics.md": metrics,
    "features.md": features,
    "standards.md": standards,
    "packs.md": packs,
    "vocabulary.md": vocabulary,
    "commands.md": commands,
}


def written(page: str) -> str:
    return "\n".join(PAGES[page]()).rstrip() + "\n"


def main(arguments: Sequence[str]) -> int:
    # Help texts take the language in which they are loaded.
    os.environ["TENURE_LANG"] = "en"
    language.choose("en")
    stale = []
    for page in PAGES:
        path, text = DOCS / page, written(page)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(page)
    for page in stale:
        print(f"docs/{page} is not what the code says; run: python -m tools.docs")
    print(f"{len(PAGES)} pages, {len(stale)} to mend")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
