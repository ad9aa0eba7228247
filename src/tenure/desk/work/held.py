"""What waits to be imported may be about anybody: an erasure takes it away, whoever it is about."""

import shutil
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from tenure.desk.governance.holdings import Holding, Wanted, register
from tenure.desk.work import uploads
from tenure.desk.work.models import Corrections, Job, MappingTemplate, Upload
from tenure.language import Words


def _rows(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Nothing: what a file says of a person is theirs once it is imported, and is handed out then."""
    return []


def _drop_files(wanted: Wanted, now: datetime) -> int:
    """Files that wait are deleted, every one: they are days old at most, and whoever sent one can send it again."""
    gone = 0
    for upload in Upload.objects.filter(gone_at=None):
        with transaction.atomic():
            uploads._forget(upload, now)
        gone += 1
    texts = [text.casefold() for text in wanted.texts if len(text) > 1]
    for upload in Upload.objects.all():
        if any(text in upload.name.casefold() for text in texts):
            Upload.objects.filter(pk=upload.pk).update(name="…")
    for place in uploads.folder().iterdir() if uploads.folder().is_dir() else ():
        shutil.rmtree(place, ignore_errors=True)
    return gone


def _files_left(wanted: Wanted) -> int:
    kept = set(Upload.objects.filter(gone_at=None).values_list("key", flat=True))
    there = {place.name for place in uploads.folder().iterdir()} if uploads.folder().is_dir() else set()
    return len(there - kept)


def _naming(wanted: Wanted) -> list[int]:
    """Templates saved from a file without headings, whose first row took their place."""
    texts = {text.casefold() for text in wanted.texts if len(text) > 1}
    found = []
    for template in MappingTemplate.objects.all():
        said = [template.name, *map(str, template.headers), *map(str, template.choices.get("mapping", {}))]
        if any(text in one.casefold() for one in said for text in texts):
            found.append(template.pk)
    return found


def _mending_names(wanted: Wanted) -> dict[int, dict[str, dict[str, str]]]:
    """Corrections that mend a name of theirs, by row: what is left of them without."""
    texts = {text.casefold() for text in wanted.texts if len(text) > 1}
    found = {}
    for row in Corrections.objects.all():
        left = {
            column: {wrong: right for wrong, right in pairs.items() if not any(text in one.casefold() for one in (wrong, right) for text in texts)}
            for column, pairs in row.pairs.items()
        }  # fmt: skip
        if left != row.pairs:
            found[row.pk] = {column: pairs for column, pairs in left.items() if pairs}
    return found


def _drop_corrections(wanted: Wanted, now: datetime) -> int:
    found = _mending_names(wanted)
    for pk, left in found.items():
        Corrections.objects.filter(pk=pk).update(pairs=left)
    return len(found)


def _naming_jobs(wanted: Wanted) -> list[int]:
    """Undone imports whose result names a record of theirs that was edited since."""
    numbers = {text for text in wanted.texts if text}
    undone = Job.objects.filter(kind="undo").values_list("pk", "result")
    return [pk for pk, result in undone if any(number in one for one in result.get("kept", []) for number in numbers)]


def _hush_jobs(wanted: Wanted, now: datetime) -> int:
    found = Job.objects.filter(pk__in=_naming_jobs(wanted))
    for job in found:
        Job.objects.filter(pk=job.pk).update(result={**job.result, "kept": []})
    return len(found)


def connect() -> None:
    register(
        Holding("uploads", Words("Files waiting to be imported", "等待导入的文件"), (Upload,), _rows, _drop_files, _files_left),
        Holding(
            "mapping_templates", Words("Mapping templates", "映射模板"), (MappingTemplate,), _rows,
            lambda wanted, now: MappingTemplate.objects.filter(pk__in=_naming(wanted)).delete()[0],
            lambda wanted: len(_naming(wanted)),
        ),
        Holding(
            "corrections", Words("Misspelt values to be mended", "待更正的拼写"), (Corrections,), _rows, _drop_corrections,
            lambda wanted: len(_mending_names(wanted)),
        ),
        Holding(
            "jobs", Words("Undone imports that name their records", "点名其记录的已撤销导入"), (Job,), _rows, _hush_jobs,
            lambda wanted: len(_naming_jobs(wanted)),
        ),
    )  # fmt: skip
