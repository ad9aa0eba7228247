"""The same settings on the other engine."""

import numpy as np
import pyarrow as pa
import pytest
from splink import DuckDBAPI

from tenure.identity import forms
from tenure.identity.model import PEOPLE
from tenure.identity.scoring import score

pytestmark = pytest.mark.spark

PEOPLE_ROWS = pa.table({
    "name": ["王小明", "王晓铭", "Wang Xiaoming", "李娜", "John Smith", "J. Smith", "Smyth John"],
    "phone": ["13800138000", "13800138000", None, "13800138000", "13900139000", "13900139000", None],
    "email": ["xm.w@shop.cn", None, "XM.W@shop.cn", None, "js@shop.cn", None, "js@shop.cn"],
    "birth_date": ["19880501", "19880105", None, None, "19700203", "19700203", "19700204"],
    "city": ["杭州", "杭州", "杭州", "杭州", "London", "Lodnon", "London"],
})  # fmt: skip


def test_spark_weighs_every_pair_as_duckdb_does(tmp_path):
    from pyspark.sql import SparkSession
    from splink import SparkAPI
    from splink.backends.spark import similarity_jar_location

    spark = (
        SparkSession.builder.master("local[2]").config("spark.jars", similarity_jar_location())
        .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", 2).config("spark.ui.enabled", False).getOrCreate()
    )  # fmt: skip
    spark.sparkContext.setCheckpointDir(str(tmp_path))
    rows = forms.people(PEOPLE_ROWS, np.arange(7))

    there, __ = score(rows, PEOPLE, SparkAPI(spark_session=spark), learn=True)
    here, __ = score(rows, PEOPLE, DuckDBAPI(), learn=True)

    spark.stop()
    assert there.num_rows >= 5
    for name in ("left", "right", "free", "refuted"):
        assert there[name].equals(here[name])
    np.testing.assert_allclose(there["weight"].to_numpy(), here["weight"].to_numpy(), rtol=1e-9)
