"""Step: what leavers said of why, on the desk."""

from tenure.language import Words
from tenure.pipeline.run import Context, Step


def _inputs(context: Context) -> object:
    from tenure.desk.causes import api

    return [*([name, context.lake.content(name)] for name in api.TABLES if context.lake.exists(name)), api.desk_mark()]


def _collect(context: Context) -> int:
    from tenure.desk.causes import api

    return api.collect(context.lake, now=context.now).standing


STEPS: tuple[Step, ...] = (Step("causes", Words("Why people left", "流失陈述"), _inputs, _collect),)

__all__ = ["STEPS"]
