"""Imports an uploaded file by workers that die at their nth write, each in a process of its own; says what came of it.

python -m tests.work.importing FILE N N …
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tenure.settings"
    import django

    django.setup()
    from django.db import connections

    from tenure.desk.work import uploads
    from tenure.desk.work.models import Job, Upload
    from tests.cast import MONDAY

    file, instants = Path(sys.argv[1]), [int(text) for text in sys.argv[2:]]
    for at in instants:
        upload = uploads.receive([file.read_bytes(), f"Z-{at},C-1,2026-03-01,1\n".encode()],
                                 name=file.name, kind="csv", actor=None, now=MONDAY)  # fmt: skip
        uploads.choose(upload.pk, {"contract": "orders", "source": f"s{at}"}, now=MONDAY)
        # Whoever asked has no account in this workspace, so the verb itself is passed over.
        from tenure.desk.work import jobs

        upload.job_id = jobs.start("import", params={"upload": upload.pk}, actor=None, now=MONDAY)
        upload.save(update_fields=["job"])
        connections.close_all()
        ended = in_a_process(lambda at=at: work(at))
        connections.close_all()
        later = in_a_process(lambda: work(0, later=timedelta(hours=1)))
        job, upload = Job.objects.get(pk=upload.job_id), Upload.objects.get(pk=upload.pk)
        print(json.dumps({
            "killed": os.WIFSIGNALED(ended), "whole": later == 0, "status": job.status, "error": job.error,
            "batch": upload.batch, "accepted": job.result.get("accepted"),
            "file": (uploads.folder() / upload.key).exists(),
        }), flush=True)  # fmt: skip


def in_a_process(do: Callable[[], None]) -> int:
    """Do it in a process of its own, which has loaded no engine before; gives how that one ended."""
    pid = os.fork()
    if pid == 0:
        try:
            do()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def work(at: int, later: timedelta = timedelta(0)) -> None:
    from django.db.transaction import Atomic

    from tenure.desk.work import jobs
    from tenure.lake import batches
    from tenure.lake.store import Store
    from tenure.sources import csv
    from tests.rights.killing import deadly

    batches._ROWS_A_WRITE = 100
    csv.BLOCK = 2048
    jobs._OFTEN = 0.0
    if at:
        write = deadly(at)
        for owner, name in ((Store, "append"), (Atomic, "__exit__"), (Path, "replace"), (jobs.Running, "_write")):
            write(owner, name)
    jobs.work_off(lambda: datetime.now(UTC) + later)


if __name__ == "__main__":
    main()
