"""How the model's trees are grown: boosted, of a few leaves, for as long as rows left out gain by it (LightGBM)."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.churn.columns import Floats

_PATIENCE = 60


@dataclass(frozen=True)
class Boosting:
    """How trees are grown. rounds: at most. signs: for each column, which way it may go."""

    leaves: int
    rate: float
    rounds: int
    seed: int
    signs: list[int] = field(default_factory=list)

    def binned(self, matrix: Floats, y: Floats) -> Any:
        """The trees' matrix put into bins, once for all that is grown on it or on some of its rows."""
        import lightgbm

        shape = {
            "max_bin": 63, "feature_pre_filter": False, "force_col_wise": True, "num_threads": _threads(len(y)), "verbosity": -1,
        }  # fmt: skip
        return lightgbm.Dataset(matrix, y, params=shape, free_raw_data=False).construct()

    def tried(self, data: Any, inside: NDArray[np.bool_]) -> tuple[Any, int]:
        """Trees grown on some rows for as long as the others gain by it, and how many of them did best."""
        import lightgbm

        rows = int(inside.sum())
        settings = {**self._settings(rows, 0), "metric": "binary_logloss"}
        booster = lightgbm.Booster(settings, data.subset(np.flatnonzero(inside).tolist()).construct())
        booster.add_valid(data.subset(np.flatnonzero(~inside).tolist()).construct(), "held")
        # Small steps stand still for longer before they gain again.
        patience = max(_PATIENCE // 3, round(_PATIENCE * 0.02 / self.rate))
        lowest, best = np.inf, 1
        for turn in range(1, self.rounds + 1):
            stuck = booster.update()
            loss = booster.eval_valid()[0][2]
            if loss < lowest:
                lowest, best = loss, turn
            if stuck or turn - best >= patience:
                break
        return booster, best

    @staticmethod
    def outside(booster: Any, matrix: Floats, rounds: int) -> Floats:
        """What the first so many trees say of rows they were not grown on, in log-odds."""
        found = booster.predict(matrix, raw_score=True, num_iteration=rounds, num_threads=_threads(len(matrix)))
        return np.asarray(found, dtype=np.float64)

    def grown(self, data: Any, rounds: int, number: int) -> str:
        """So many trees on all rows, as text. number: which of several such forests."""
        import lightgbm

        booster = lightgbm.Booster(self._settings(data.num_data(), number), data)
        for _ in range(rounds):
            if booster.update():
                break
        return str(booster.model_to_string(num_iteration=rounds))

    def _settings(self, rows: int, number: int) -> dict[str, Any]:
        signs = {"monotone_constraints": self.signs} if any(self.signs) else {}
        seed = self.seed * 1000 + number
        return signs | grown_by(rows, self.leaves, self.rate, seed) | {"num_threads": _threads(rows)}


def grown_by(rows: int, leaves: int, rate: float, seed: int) -> dict[str, Any]:
    """How LightGBM grows trees on so many rows: shallow ones, each on half the columns and most of the rows."""
    return {
        "objective": "binary",
        "num_leaves": leaves,
        "learning_rate": rate,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "min_data_in_leaf": int(np.clip(rows // 100, 5, 30)),
        "lambda_l2": 5.0,
        "deterministic": True,
        "force_col_wise": True,
        "seed": seed,
        "verbosity": -1,
    }


def _threads(rows: int) -> int:
    """Threads for so many rows: two only where there is enough for each, for waiting on each other costs more."""
    return 2 if rows >= 50_000 else 1
