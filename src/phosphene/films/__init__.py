"""Films: a technique on every frame, so that what grew stays where it grew; and zooms without end.

It needs the extra `film`: PyAV reads and writes, OpenCV measures motion.
"""
