"""Many machines: one big dream, or a folder of pictures, on the workers of a Dask scheduler.

Who only asks whether that is possible need not have Dask: it is loaded with the names of this package.
"""

from phosphene.cluster.pool import connect
from phosphene.cluster.sharded import ClusterExecutor
from phosphene.cluster.tasks import PictureTask, TaskQueue, make_folder

__all__ = ["ClusterExecutor", "PictureTask", "TaskQueue", "connect", "make_folder"]
