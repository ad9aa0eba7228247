"""One Spark for this process: what it is told, where it writes, and what is said where it can't start."""

import atexit
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tenure.errors import TenureError
from tenure.language import tr

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_HERE = "local[*]"  # this machine's cores, in one process
_CLUSTER_HERE = re.compile(r"local-cluster\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]")
_MASTER = re.compile(r"spark|local(\[[^]]*\])?|local-cluster\[[^]]*\]|spark://.+|k8s://.+|yarn")
_ANSWERS_WITHIN_SECONDS = 5.0
_ROWS_A_BATCH = 65_536

_starting = threading.Lock()
_started: dict[int, "SparkSession"] = {}  # by process: a child has none of its parent's


def is_spark(name: str) -> bool:
    """Whether an engine's name is one of Spark's masters."""
    return _MASTER.fullmatch(name) is not None


def java() -> str | None:
    """The program of Java, as Spark looks for it."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")


def new_session(name: str, scratch: Path, memory: int) -> "SparkSession":
    """A session of its own (views, settings) on this process's one Spark, which is started by the first.

    memory: bytes for the part of it that runs here. Raises TenureError where pyspark or Java is missing, nobody
    answers at the master's address, or this process has a Spark at another master already.
    """
    master = _HERE if name == "spark" else name
    with _starting:
        running = _started.get(os.getpid())
        if running is None:
            _need(master)
            running = _started[os.getpid()] = _start(master, scratch, memory)
        elif running.sparkContext.master != master:
            raise TenureError(
                tr(
                    "Spark runs at {running} in this process already, and can't run at {master} too.",
                    running=running.sparkContext.master,
                    master=master,
                )
            )
        session = running.newSession()
    for key, value in _OF_A_SESSION.items():
        session.conf.set(key, value)
    if master.startswith("local"):
        # Many parts are for many machines: on one, each costs more than it saves.
        session.conf.set("spark.sql.shuffle.partitions", running.sparkContext.defaultParallelism)
        for key, value in _ON_ONE_MACHINE.items():
            session.conf.set(key, value)
    if _CLUSTER_HERE.fullmatch(master):
        for key, value in _TRYING_OUT.items():
            session.conf.set(key, value)
    return session


_OF_A_SESSION: Mapping[str, str] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # a number too large is an error here as on DuckDB, never a null
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(_ROWS_A_BATCH),
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
}

# One machine holds what it is asked of, so that thinking the plan over after each part of it costs more than it saves.
_ON_ONE_MACHINE: Mapping[str, str] = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.optimizer.dynamicPartitionPruning.enabled": "false",
}
# A cluster on one machine is tried out with few rows: a program written and compiled for each question is most of the work.
_TRYING_OUT: Mapping[str, str] = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


def _need(master: str) -> None:
    if find_spec("pyspark") is None:
        raise TenureError(
            tr('TENURE_ENGINE asks for Spark, and pyspark is not installed. Install it: pip install "tenure[spark]"')
        )
    if java() is None:
        raise TenureError(
            tr("TENURE_ENGINE asks for Spark, and there is no Java. Install Java 17 or newer, or set JAVA_HOME to it.")
        )
    if not master.startswith("spark://"):
        return
    for address in master.removeprefix("spark://").split(","):
        try:
            parts = urlsplit(f"//{address}")
            with socket.create_connection((parts.hostname or "", parts.port or 7077), _ANSWERS_WITHIN_SECONDS):
                return
        except (OSError, ValueError):
            continue
    raise TenureError(
        tr(
            "Nobody answers at the Spark master {master}. Start it, put its right address into TENURE_ENGINE, "
            "or unset TENURE_ENGINE to work on this machine.",
            master=master,
        )
    )


def _start(master: str, scratch: Path, memory: int) -> "SparkSession":
    from pyspark import SparkConf, SparkContext, java_gateway
    from pyspark.sql import SparkSession

    java_gateway.Popen = _begun  # type: ignore[assignment, attr-defined]
    folder = _own_folder(scratch)
    settings = _settings(master, folder, memory)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    log = folder / "start.log"
    try:
        with log.open("wb") as said, _home_of(master, folder):
            # What Spark says at the start goes to nobody's terminal; from then on it says nothing (its log level).
            gateway = java_gateway.launch_gateway(  # type: ignore[no-untyped-call]
                SparkConf(loadDefaults=False).setAll(list(settings.items())), popen_kwargs={"stderr": said}
            )
        conf = SparkConf(_jvm=gateway.jvm).setAll(list(settings.items()))
        if master.startswith("local"):
            # Told here and not to the program: what a program is started with is open to everyone on the machine.
            conf.set("spark.authenticate.secret", secrets.token_hex(32))
        context = SparkContext(gateway=gateway, conf=conf)
        if master.startswith("local"):
            context.setCheckpointDir(str(folder / "checkpoints"))
        return SparkSession(context)
    except Exception as error:  # whatever Java, the gateway or the cluster says of it
        raise TenureError(
            tr("Spark can't start at {master}: {error}", master=master, error=_reason(log, error))
        ) from error


def _begun(command: list[str], *, preexec_fn: object, **how: Any) -> "subprocess.Popen[Any]":
    """Java in a session of its own, where Ctrl-C does not reach it.

    For that pyspark has Python run between fork and exec, which kills the child at once where much else runs beside.
    """
    return subprocess.Popen(command, start_new_session=True, **how)


def _settings(master: str, folder: Path, memory: int) -> dict[str, str]:
    """What Spark is told, beyond what its own spark-defaults.conf says of a cluster."""
    from splink.backends.spark import similarity_jar_location

    found = {
        "spark.master": master,
        "spark.app.name": "Tenure",
        "spark.driver.memory": f"{max(memory // 1024**2, 512)}m",
        "spark.driver.maxResultSize": "0",  # results are streamed, a part at a time
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        # What lies about on disks of this is sealed under a key that ends with it.
        "spark.io.encryption.enabled": "true",
        # Nothing that was asked is written down or shown: questions hold numbers and names.
        "spark.eventLog.enabled": "false",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        # How alike two names are is told by functions that come with Splink.
        "spark.jars": similarity_jar_location(),
    }
    if not master.startswith("local"):
        return found
    found |= {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.authenticate": "true",
        "spark.network.crypto.enabled": "true",
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    if match := _CLUSTER_HERE.fullmatch(master):
        found["spark.executor.memory"] = f"{match[3]}m"
        # Several Javas on one machine are there to try a cluster out: quick to come up before quick in the long run.
        for part in ("driver", "executor"):
            found[f"spark.{part}.extraJavaOptions"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    return found


def _own_folder(scratch: Path) -> Path:
    """This process's place to spill; those of processes that died without clearing theirs away go."""
    scratch.mkdir(parents=True, exist_ok=True)
    for left in scratch.glob("spark-*"):
        pid = left.name.partition("-")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = scratch.absolute() / f"spark-{os.getpid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    atexit.register(_stop, folder, os.getpid())
    return folder


def _stop(folder: Path, pid: int) -> None:
    if os.getpid() != pid:
        return
    running = _started.pop(pid, None)
    if running is not None:
        running.stop()
    shutil.rmtree(folder, ignore_errors=True)


class _home_of:  # noqa: N801
    """For a cluster on this machine: a home of its own, since its workers keep their logs below the home of Spark."""

    def __init__(self, master: str, folder: Path) -> None:
        self._wanted = folder / "home" if _CLUSTER_HERE.fullmatch(master) and "SPARK_HOME" not in os.environ else None

    def __enter__(self) -> None:
        if self._wanted is None:
            return
        import pyspark

        self._wanted.mkdir(exist_ok=True)
        for part in Path(pyspark.__file__).parent.iterdir():
            if part.name != "work" and not (self._wanted / part.name).exists():
                (self._wanted / part.name).symlink_to(part)
        os.environ["SPARK_HOME"] = str(self._wanted)

    def __exit__(self, *error: object) -> None:
        if self._wanted is not None:
            os.environ.pop("SPARK_HOME", None)


def _reason(log: Path, error: Exception) -> str:
    """The line that says why, of the many that Java says."""
    told = log.read_text(errors="replace").splitlines() if log.exists() else []
    telling = [line.strip() for line in told if re.search(r"Exception|Error|UnsupportedClassVersion", line)]
    first = str(error).strip().splitlines()
    return (telling or first or [type(error).__name__])[0][:300]
