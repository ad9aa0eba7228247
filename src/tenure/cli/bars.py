"""A refresh as its progress shows at the terminal; apart, since the steps load slowly and other commands need none."""

from rich.progress import Progress, TaskID

from tenure.language import tr
from tenure.pipeline import Done, Step, Watcher


class Bars(Watcher):
    """One line for each finished step; a moving bar for the one under way."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task: TaskID | None = None

    def begins(self, step: Step) -> None:
        self.task = self.bar.add_task(str(step.words), total=None)

    def moves(self, step: Step, done: int, total: int) -> None:
        if self.task is not None:
            self.bar.update(self.task, completed=done, total=total)

    def ends(self, done: Done) -> None:
        if self.task is not None:
            self.bar.remove_task(self.task)
        if not done.skipped and (done.rows or done.seconds > 0.1):
            line = tr(
                "{step:<40} {rows:>12,} rows {seconds:>8.1f} s",
                step=str(done.words),
                rows=done.rows,
                seconds=done.seconds,
            )
            self.bar.console.print(line, markup=False)
