"""Reading ahead and converting beside each other, in the file's order."""

import contextvars
import queue
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from tenure.sources.base import Chunk, Reader
from tenure.sources.convert import Converted, Plan, convert

_READ_AHEAD = 2
_WORKERS = 2


def converted(plan: Plan, reader: Reader) -> Iterator[Converted]:
    """Chunks converted in the file's order: one thread reads ahead, others convert, few chunks are held at a time."""
    waiting: deque[Future[Converted]] = deque()
    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="import")
    try:
        for chunk in _ahead(reader.chunks()):
            # The language is chosen for each context, and a worker may have to explain itself.
            waiting.append(pool.submit(contextvars.copy_context().run, convert, plan, chunk))
            while len(waiting) > _WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same chunks, read by a thread of their own, at most a few ahead."""
    done = object()
    line: queue.Queue[Any] = queue.Queue(maxsize=_READ_AHEAD)
    stop = threading.Event()

    def put(item: Any) -> None:
        while not stop.is_set():
            try:
                line.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def read() -> None:
        try:
            for chunk in chunks:
                put(chunk)
                if stop.is_set():
                    return
            put(done)
        except BaseException as error:  # handed over to the thread that asked
            put(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(read,), daemon=True)
    thread.start()
    try:
        while (item := line.get()) is not done:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
