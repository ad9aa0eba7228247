from tenure.desk.work.models.feeds import Feed, FeedRun, Migration
from tenure.desk.work.models.jobs import Job
from tenure.desk.work.models.mending import Corrections
from tenure.desk.work.models.uploads import MappingTemplate, Upload

__all__ = ["Corrections", "Feed", "FeedRun", "Job", "MappingTemplate", "Migration", "Upload"]
