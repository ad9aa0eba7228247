"""Step: relations that came with files, on the desk."""

from tenure.language import Words
from tenure.pipeline.run import Context, Step


def _inputs(context: Context) -> object:
    from tenure.desk.customers import api

    lake = context.lake
    if not lake.exists("records/relations"):
        return []
    return [lake.content("records/relations"), lake.content("identity/links"), *api.relations_mark()]


def _follow(context: Context) -> int:
    from tenure.desk.customers import api

    # Where none was ever received, none ever reached the desk.
    return api.follow_relations(context.lake, now=context.now).shown if context.lake.exists("records/relations") else 0


STEPS: tuple[Step, ...] = (Step("relations", Words("Relations from files", "文件中的客户关系"), _inputs, _follow),)

__all__ = ["STEPS"]
