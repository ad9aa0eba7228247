from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tenure.language import Words


class WorkConfig(AppConfig):
    name = "tenure.desk.work"
    label = "work"
    verbose_name = _("Work")

    def ready(self) -> None:
        from tenure.desk.work import held, jobs, uploads

        held.connect()
        jobs.kind(uploads.CHECK, Words("Check a file", "检查文件"), _check)
        jobs.kind(uploads.IMPORT, Words("Import a file", "导入文件"), _import)
        jobs.kind("undo", Words("Undo an import", "撤销导入"), _undo)
        jobs.each_while("uploads", uploads.forget)


def _check(running: Any) -> None:
    from tenure.desk.work import imports

    imports.check(running)


def _import(running: Any) -> None:
    from tenure.desk.work import imports

    imports.run(running)


def _undo(running: Any) -> None:
    from tenure.desk.work import imports

    imports.run_undo(running)
