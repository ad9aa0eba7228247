import pandas as pd
import pytest

from tenure.demo import Company, simulate


@pytest.fixture(scope="session")
def company() -> Company:
    """A small Cloudbridge: 1,500 customers over two years."""
    return simulate(customers=1_500, seed=7)


@pytest.fixture(scope="session")
def frames(company: Company) -> dict[str, pd.DataFrame]:
    """The company's records, to count in."""
    return {name: rows.to_pandas() for name, rows in company.tables.items()}
