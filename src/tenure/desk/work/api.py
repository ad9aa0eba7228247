"""What work offers to higher lines of the tree: long pieces of work, started and watched."""

from tenure.desk.work.jobs import KINDS, Running, Stopped, each_while, kind, soon, start, stop, tick, work_off

__all__ = ["KINDS", "Running", "Stopped", "each_while", "kind", "soon", "start", "stop", "tick", "work_off"]
