"""Techniques as data: each is a row with its name, its settings and its engine. Nothing here needs torch."""

from phosphene.techniques.technique import DREAM, PATTERN, STYLE, TECHNIQUES, Technique, known, register

__all__ = ["DREAM", "PATTERN", "STYLE", "TECHNIQUES", "Technique", "known", "register"]
