"""What is said where there is no Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.errors import TenureError
from tenure.lake.engines import open_engine, spark_session
from tests.running import begin, tenure

pytestmark = pytest.mark.spark


def test_a_master_that_does_not_answer_is_said_at_once():
    with pytest.raises(TenureError, match=r"Nobody answers at the Spark master spark://127\.0\.0\.1:1\b"):
        spark_session._need("spark://127.0.0.1:1")


def test_without_java_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nowhere")

    with pytest.raises(TenureError, match="Install Java 17 or newer"):
        spark_session._need("spark")


def test_the_doctor_says_what_spark_lacks_and_how_to_mend_it(tmp_path: Path):
    home = tmp_path / "home"
    begin(home)

    lacking = tenure(home, "doctor", fails=True, TENURE_ENGINE="spark", JAVA_HOME="/nowhere").stdout

    assert "Spark: not there: Java" in lacking
    assert "Install Java 17 or newer" in lacking
    assert "Spark: pyspark" in tenure(home, "doctor").stdout


def test_an_engine_nobody_knows_is_refused_by_name(tmp_path: Path):
    with pytest.raises(TenureError, match='There is no engine "flink"'):
        open_engine("flink", tmp_path)
