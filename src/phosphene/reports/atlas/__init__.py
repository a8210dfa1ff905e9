"""The atlas: a picture dreamt with every layer and its liveliest channels, on one page to browse."""

from phosphene.reports.atlas.build import Atlas, Progress, atlas
from phosphene.reports.atlas.plan import CHANNELS, FIELDS, LARGEST, Entry, Living, living

__all__ = ["CHANNELS", "FIELDS", "LARGEST", "Atlas", "Entry", "Living", "Progress", "atlas", "living"]
