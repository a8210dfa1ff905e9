"""Writing films: frames become segments, segments become a file."""

from phosphene.films.formats import FilmFormat, format_for, is_film
from phosphene.films.joining import join
from phosphene.films.segments import SegmentWriter
from phosphene.films.texts import metadata
from phosphene.films.tracks import Sound

__all__ = ["FilmFormat", "SegmentWriter", "Sound", "format_for", "is_film", "join", "metadata"]
