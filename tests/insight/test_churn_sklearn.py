"""The churn model among scikit-learn's tools: what they expect of an estimator, and where it differs on purpose."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tenure.errors import TenureError
from tenure.insight.churn import ChurnModel, auc, guards
from tests.insight.test_churn_model import QUICK, company

ON_PURPOSE = {
    "check_estimators_dtypes": "an outcome of 1 and 2 does not say which of them is leaving",
    "check_classifiers_classes": "outcomes called one and two do not say which of them is leaving",
    "check_classifier_data_not_an_array": "an outcome of 1 and 2 does not say which of them is leaving",
    "check_classifier_not_supporting_multiclass": "refused, in words of its own: a value that means neither yes nor no",
    "check_classifiers_regression_target": "refused, in words of its own: a value that means neither yes nor no",
    "check_classifiers_one_label": "refused: nothing can be told apart",
    "check_complex_data": "no column of customers holds complex numbers",
    "check_estimators_empty_data_messages": "refused, in words of its own",
    "check_fit2d_1sample": "refused, in words of its own",
    "check_fit2d_predict1d": "refused, in words of its own",
    "check_supervised_y_2d": "an outcome in a table of one column is taken without a warning",
    "check_array_api_input": "skipped by scikit-learn itself",
}


@pytest.mark.filterwarnings("ignore")
def test_it_is_what_scikit_learn_expects_of_an_estimator_but_for_what_is_meant_otherwise(monkeypatch):
    from sklearn.utils.estimator_checks import check_estimator

    # The checks' data are toys: twenty rows, a column that tells everything. The guards against such have tests of their own.
    monkeypatch.setattr(guards, "FEWEST_ROWS", 2)
    monkeypatch.setattr(guards, "FEWEST_OF_EACH", 1)
    monkeypatch.setattr(guards, "suspects", lambda *given, **more: {})

    told = check_estimator(
        ChurnModel(rounds=20, folds=2), expected_failed_checks=ON_PURPOSE, on_fail=None, on_skip=None
    )

    assert {one["check_name"] for one in told if one["status"] == "failed"} == set()
    assert sum(one["status"] == "passed" for one in told) >= 40
    unexpectedly_good = {one["check_name"] for one in told if one["status"] == "passed"} & set(ON_PURPOSE)
    assert unexpectedly_good == set()


def frame(rows: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    table, left = company(rows)
    return table.to_pandas()[["order_recency_days", "plan type", "noise", "visits"]], left


def test_a_search_over_settings_picks_one_by_auc():
    from sklearn.model_selection import GridSearchCV

    X, y = frame()

    search = GridSearchCV(ChurnModel(**QUICK), {"leaves": [3, 7]}, cv=2).fit(X, y)

    assert search.best_params_["leaves"] in (3, 7)
    assert search.best_score_ == pytest.approx(max(search.cv_results_["mean_test_score"]))
    assert search.score(X, y) == pytest.approx(auc(y, search.predict_proba(X)[:, 1]))


def test_it_stands_at_the_end_of_a_pipeline_with_its_settings_within_reach():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    X, y = frame()
    line = make_pipeline(FunctionTransformer(lambda given: given.drop(columns="noise")), ChurnModel())

    line.set_params(**{f"churnmodel__{name}": value for name, value in QUICK.items()}).fit(X, y)

    assert line[-1].get_params()["rounds"] == QUICK["rounds"]
    assert "noise" not in line[-1].feature_names_in_
    assert line.predict_proba(X).sum(axis=1) == pytest.approx(1)


def test_what_refuses_data_and_what_asks_too_early_are_scikit_learns_errors_and_ours():
    from sklearn.exceptions import NotFittedError

    X, y = frame()
    ask: Any = ChurnModel().predict

    with pytest.raises(NotFittedError, match="has learned nothing yet") as early:
        ask(X)
    with pytest.raises(ValueError, match="Every one of the 300 rows") as one_sided:
        ChurnModel().fit(X, np.zeros(len(y)))

    assert isinstance(early.value, TenureError)
    assert isinstance(one_sided.value, TenureError)


def test_unnamed_columns_of_another_number_are_refused():
    X, y = np.random.default_rng(1).normal(size=(120, 3)), np.arange(120) % 3 == 0

    model = ChurnModel(**QUICK).fit(X, y)

    with pytest.raises(ValueError, match="X has 4 features, but ChurnModel is expecting 3"):
        model.predict_proba(np.column_stack([X, X[:, 0]]))
