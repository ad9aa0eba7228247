from tenure.desk.work.models.jobs import Job
from tenure.desk.work.models.uploads import MappingTemplate, Upload

__all__ = ["Job", "MappingTemplate", "Upload"]
