"""Text files as people's editors write them; nothing here needs torch."""

import codecs
from pathlib import Path

from phosphene.errors import SettingsError

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # UTF-32's other mark begins as UTF-16's


def read_text(path: Path) -> str:
    r"""A text file in UTF-8, with or without the mark that Windows puts before it; lines end with `\n`.

    Raises:
        SettingsError: it is written otherwise.
        OSError: it cannot be read.
    """
    return text_of(path.read_bytes(), str(path))


def text_of(data: bytes, path: str) -> str:
    """As `read_text`, for the bytes of a file of that name."""
    if data.startswith(_WIDE) or b"\0" in data[:4]:
        raise SettingsError(f"{path} is written in UTF-16 or UTF-32; it takes UTF-8.\nSave it again as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path} is not UTF-8: look at line {line}.\nSave it again as UTF-8.") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
