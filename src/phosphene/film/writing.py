"""Writing films: frames become segments, segments become a file."""

from phosphene.film.formats import FilmFormat, format_for, is_film
from phosphene.film.joining import join
from phosphene.film.segments import SegmentWriter
from phosphene.film.sound import Sound
from phosphene.film.texts import metadata

__all__ = ["FilmFormat", "SegmentWriter", "Sound", "format_for", "is_film", "join", "metadata"]
