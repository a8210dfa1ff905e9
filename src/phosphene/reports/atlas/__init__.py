"""The atlas: a picture dreamt with every layer and its most active channels, on one page to browse."""

from phosphene.reports.atlas.build import Atlas, Progress, atlas
from phosphene.reports.atlas.plan import CHANNELS, FIELDS, LARGEST, ActiveChannel, Entry, active_channels

__all__ = ["CHANNELS", "FIELDS", "LARGEST", "ActiveChannel", "Atlas", "Entry", "Progress", "active_channels", "atlas"]
