"""The large plain table for benches."""

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS
from tenure.demo import scale


def test_scale_gives_as_many_lines_and_customers_as_asked_for():
    tables = scale(lines=20_001, customers=700, seed=1)

    assert tables["orders"].num_rows == 20_001
    assert tables["customers"].num_rows == 700


def test_scaled_tables_keep_the_contracts():
    for name, rows in scale(lines=5_000, customers=300, seed=1).items():
        contract = CONTRACTS[name]

        assert rows.schema == pa.schema([contract.schema.field(c) for c in rows.column_names])
        assert rows.group_by(list(contract.key)).aggregate([]).num_rows == rows.num_rows


def test_scaled_orders_follow_their_customer_and_repeat_by_seed():
    tables = scale(lines=5_000, customers=300, seed=1)
    joined = tables["orders"].select(["customer_id", "ordered_at"]).join(
        tables["customers"].select(["customer_id", "created_at"]), "customer_id"
    )  # fmt: skip

    assert joined.num_rows == 5_000
    assert pc.all(pc.greater_equal(joined["ordered_at"], joined["created_at"])).as_py()
    assert scale(lines=5_000, customers=300, seed=1)["orders"].equals(tables["orders"])
    assert not scale(lines=5_000, customers=300, seed=2)["orders"].equals(tables["orders"])
