import pytest


@pytest.fixture(autouse=True)
def _few_months(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planning a metric takes longer than counting the small company's; two months show what thirteen would."""
    monkeypatch.setattr("tenure.web.headlines.MONTHS", 2)
    monkeypatch.setattr("tenure.web.metrics.worked.MONTHS", 2)
