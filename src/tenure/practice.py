"""How a company works, as far as figures and imports go by it: what counts as leaving, where stages end, what is aimed at,
and what its files call things.

A plain value, told to the lake as one document, so that whatever reads it needs no database of people's work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tenure.contracts import CONTRACTS, Contract
from tenure.insight.lifecycle import Limits
from tenure.insight.metrics.base import Line, Metric
from tenure.language import Words

DOCUMENT = "practice"
LINES = ("benchmark", "excellent", "limit")


@dataclass(frozen=True)
class Practice:
    """What is in force. version 0 is how every company starts: nothing said, so everything is as the product has it.

    churn: definitions in the order they are wished for, as `insight.churn.choose` takes them. beside: definitions
    that are scored beside that one, each with a code of its own (`insight.churn.beside`). stages: the lines between
    stages that differ from the usual. targets: metric → its LINES and who says so (`en`, `zh`); a metric that is named
    here has these lines and no others. names: contract → field → what files call it. headlines: metrics of the first
    page. contracts: what to import, in that order. assumptions: numbers of the cost of churn that nobody measured, as far
    as the company says them (`insight.cost_of_churn.ASSUMPTIONS`).
    """

    version: int = 0
    pack: str = ""
    churn: Sequence[Mapping[str, Any]] = ()
    beside: Sequence[Mapping[str, Any]] = ()
    stages: Mapping[str, float] = field(default_factory=dict)
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    headlines: Sequence[str] = ()
    contracts: Sequence[str] = ()
    assumptions: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def told(cls, document: Any) -> "Practice":
        """The practice of a document; one that says what this version does not know is read as far as it is known."""
        if not isinstance(document, Mapping):
            return cls()
        return cls(**{name: document[name] for name in cls.__dataclass_fields__ if name in document})

    def as_plain(self) -> dict[str, Any]:
        """The practice as JSON holds it."""
        return {
            "version": self.version,
            "pack": self.pack,
            "churn": [dict(wish) for wish in self.churn],
            "beside": [dict(wish) for wish in self.beside],
            "stages": dict(self.stages),
            "targets": {name: dict(lines) for name, lines in self.targets.items()},
            "names": {
                contract: {column: list(names) for column, names in columns.items()}
                for contract, columns in self.names.items()
            },
            "headlines": list(self.headlines),
            "contracts": list(self.contracts),
            "assumptions": dict(self.assumptions),
        }

    @property
    def limits(self) -> Limits:
        """Where one stage ends and the next begins."""
        known = Limits.__dataclass_fields__
        return Limits(**{name: value for name, value in self.stages.items() if name in known})  # type: ignore[arg-type]

    def shape(self, contract: Contract) -> Contract:
        """The contract, its columns recognised by what the line of business calls them too."""
        told = self.names.get(contract.name)
        if not told:
            return contract
        columns = (replace(one, trade=tuple(told.get(one.name, ()))) for one in contract.columns)
        return replace(contract, columns=tuple(columns))

    def shapes(self) -> dict[str, Contract]:
        """Every contract, as `shape` gives it."""
        return {name: self.shape(contract) for name, contract in CONTRACTS.items()}

    def held(self, metric: Metric) -> Metric:
        """The metric with the company's own lines where it has any."""
        told = self.targets.get(metric.name)
        if told is None:
            return metric
        whose = Words(str(told.get("en", "")), str(told.get("zh", "")))
        benchmark, excellent, limit = (
            None if told.get(name) is None else Line(float(told[name]), whose) for name in LINES
        )
        return replace(metric, benchmark=benchmark, excellent=excellent, limit=limit)
