"""The other side of a question of SQL: a process of its own, which holds the tables it was handed and nothing else.

Run as a file by `tenure.lake.analyst`, without the product's settings, environment or modules. It limits itself before it
reads the question: memory, processor time, no file to be written; then opens an engine without access to files, network or
extensions, whose settings can't be changed any more. What it says goes through the one socket it was given.
"""

import json
import os
import resource
import socket
import sys
from typing import Any

LENGTH = 8  # bytes that say how long a message is


def limit(memory_mb: int, processor_seconds: int) -> None:
    """Take from this process what a question has no need of."""
    room = memory_mb * 1024 * 1024
    for what, most in (
        (resource.RLIMIT_AS, room),
        (resource.RLIMIT_CPU, processor_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        _soft, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard < 0 else min(most, hard),) * 2)


def told(link: socket.socket) -> Any:
    """The next message."""
    length = int.from_bytes(_exactly(link, LENGTH), "big")
    return json.loads(_exactly(link, length))


def tell(link: socket.socket, message: Any) -> None:
    text = json.dumps(message, ensure_ascii=True).encode()
    link.sendall(len(text).to_bytes(LENGTH, "big") + text)


def _exactly(link: socket.socket, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        part = link.recv(min(length - len(found), 1 << 20))
        if not part:
            raise EOFError
        found += part
    return bytes(found)


def named_tables(engine: Any, sql: str) -> list[str]:
    """The tables a SELECT names, without those it makes itself; only read, never bound: they are not here yet."""
    tree = json.loads(engine.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()[0][0])
    if tree.get("error"):
        raise ValueError(str(tree.get("error_message"))[:2000])
    named: set[str] = set()
    made: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                named.add(str(node["table_name"]))
            elif isinstance(node.get("cte_map"), dict):
                made |= {str(one["key"]) for one in node["cte_map"].get("map", [])}
            waiting += node.values()
    return sorted(one for one in named if one not in made)


def main(link: socket.socket) -> None:
    asked = told(link)
    import duckdb

    limit(asked["room_mb"], asked["processor_seconds"])
    engine = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{asked['memory_mb']}MB",
            "threads": asked["threads"],
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
            "max_temp_directory_size": "0B",
        },
    )
    try:
        found = engine.extract_statements(asked["sql"])
        if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
            tell(link, {"refused": [str(one.type).rpartition(".")[2] for one in found]})
            return
        tell(link, {"tables": named_tables(engine, asked["sql"])})
        names = told(link)
        import pyarrow as pa  # loaded for what is a question at all
        import pyarrow.dataset

        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        for name in names:
            _marker, files, _flags, _address = socket.recv_fds(link, 1, 1)
            table = pyarrow.dataset.dataset(f"/dev/fd/{files[0]}", format="parquet")
            engine.register(name, table)
        engine.execute("SET TimeZone = 'UTC'")
        engine.execute("SET lock_configuration = true")
        rows = engine.sql(asked["sql"])
        if asked["persons"]:
            if "person_id" not in rows.columns:
                tell(link, {"no_persons": True})
                return
            rows = rows.project("person_id").distinct()
        answer = rows.limit(asked["rows"] + 1).to_arrow_table()
    except duckdb.Error as error:
        kind = "memory" if isinstance(error, duckdb.OutOfMemoryException) else "wrong"
        tell(link, {kind: str(error)[:2000]})
        return
    except ValueError as error:
        tell(link, {"wrong": str(error)})
        return
    except MemoryError:  # Arrow's is one too
        tell(link, {"memory": ""})
        return
    tell(link, {"rows": answer.num_rows})
    with link.makefile("wb") as out, pa.ipc.new_stream(out, answer.schema) as stream:
        stream.write_table(answer, max_chunksize=10_000)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as only_link:
        try:
            main(only_link)
        except (EOFError, BrokenPipeError, ConnectionError):
            os._exit(3)
        except MemoryError:
            os._exit(4)
