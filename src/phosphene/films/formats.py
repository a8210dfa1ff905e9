"""What a film is written as: the container that its name asks for, the codec, and how the codec is told to work."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from phosphene.errors import SettingsError, nearest, unless_damaged

QUALITY = 85  # where nobody says: differences from the frames are not seen
LOSSLESS = {False: ("libx264rgb", "rgb24", (("qp", "0"), ("preset", "ultrafast"))), True: ("ffv1", "bgra", ())}
"""How segments of films that are no video are kept, without and with transparency: encoder, pixels and options."""

_STILL = {".gif": "gif", ".webp": "webp", ".png": "png", ".apng": "png"}
_CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
_CODECS = {  # of a container, the usual one first
    "mp4": ("h264", "h265", "av1", "vp9"),
    "mov": ("h264", "h265", "prores"),
    "matroska": ("h264", "h265", "av1", "vp9", "ffv1", "prores"),
    "webm": ("vp9", "av1"),
}
_TRANSPARENT = {"mov": "prores", "matroska": "vp9", "webm": "vp9"}  # what holds transparency there
_ALIASES = {
    "x264": "h264", "libx264": "h264", "avc": "h264", "x265": "h265", "libx265": "h265", "hevc": "h265",
    "libsvtav1": "av1", "libvpx-vp9": "vp9", "prores_ks": "prores",
}  # fmt: skip
_READ = {".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".flv", ".ogv", ".wmv", ".3gp"}  # and never written


@dataclass(frozen=True)
class Codec:
    """How a codec is told to work.

    Each works without frames that refer to later ones, so that packets are stored in the order in which frames are
    shown, and on one thread with few frames waiting, so that 4K needs little memory and the bits do not depend on the
    machine.
    """

    encoder: str  # FFmpeg's name
    pixels: str  # FFmpeg's name of the pixel format
    transparent: str | None = None  # that with transparency, if there is one
    crf: tuple[float, float, float] | None = None  # at quality 100 and at `QUALITY`, and the highest
    options: tuple[tuple[str, str], ...] = ()
    even: bool = False  # both sides have to be
    tag: str | None = None  # in MP4 and MOV, where players want another than the usual one


CODECS = {
    "h264": Codec(
        "libx264", "yuv420p", crf=(8, 18, 51), even=True,
        options=(("preset", "medium"), ("bf", "0"), ("x264-params", "mbtree=0:ref=2")),
    ),
    "h265": Codec(
        "libx265", "yuv420p", crf=(10, 20, 51), even=True, tag="hvc1",
        options=(
            ("preset", "superfast"),
            ("x265-params", "log-level=none:bframes=0:pools=none:frame-threads=1:rc-lookahead=2:ref=1"),
        ),
    ),
    "av1": Codec(
        "libsvtav1", "yuv420p", crf=(12, 26, 63),
        options=(("preset", "8"), ("svtav1-params", "pred-struct=1:lp=1:lookahead=0")),
    ),
    "vp9": Codec(
        "libvpx-vp9", "yuv420p", "yuva420p", crf=(12, 26, 63),
        options=(("b", "0"), ("cpu-used", "4"), ("lag-in-frames", "0"), ("auto-alt-ref", "0")),
    ),
    "ffv1": Codec("ffv1", "bgr0", "bgra", options=(("level", "3"),)),
    "prores": Codec("prores_ks", "yuv422p10le", "yuva444p10le", even=True),
}  # fmt: skip


@dataclass(frozen=True)
class FilmFormat:
    """What a film is written as.

    Attributes:
        kind: "video", or "gif", "webp", "png" (animated), "folder" (of PNG files).
        container: FFmpeg's name of it, of a video.
        codec: a name in `CODECS`, of a video.
        quality: 1 to 100.
        alpha: whether transparency is kept.
        notes: what the user should hear.
    """

    kind: str
    container: str
    codec: str
    quality: int
    alpha: bool
    notes: tuple[str, ...] = ()

    @property
    def encoder(self) -> str:
        """FFmpeg's name of what encodes segments."""
        return CODECS[self.codec].encoder if self.codec else LOSSLESS[self.alpha][0]

    @property
    def pixels(self) -> str:
        """FFmpeg's name of the pixel format of segments."""
        if not self.codec:
            return LOSSLESS[self.alpha][1]
        codec = CODECS[self.codec]
        return codec.transparent if self.alpha and codec.transparent else codec.pixels

    @property
    def options(self) -> dict[str, str]:
        """What the encoder of segments is told."""
        if not self.codec:
            return dict(LOSSLESS[self.alpha][2])
        codec = CODECS[self.codec]
        crf = {"crf": f"{_crf(codec.crf, self.quality):g}"} if codec.crf else {}
        return {**dict(codec.options), **crf, **(self._profile() if self.codec == "prores" else {})}

    @property
    def tag(self) -> str | None:
        """What names the codec in MP4 and MOV, where it is not the usual name."""
        if self.container not in ("mp4", "mov"):
            return None
        if self.codec == "prores":
            return {"4": "ap4h", "3": "apch", "2": "apcn", "1": "apcs"}[self._profile()["profile"]]
        return CODECS[self.codec].tag

    def _profile(self) -> dict[str, str]:
        """ProRes 4444, HQ, standard or LT."""
        return {"profile": "4" if self.alpha else "3" if self.quality >= QUALITY else "2" if self.quality > 50 else "1"}

    def padded(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width as they are written: even, where the codec's colours are half as fine as its light."""
        if not self.codec or not CODECS[self.codec].even:
            return size
        return size[0] + size[0] % 2, size[1] + size[1] % 2


def _crf(scale: tuple[float, float, float], quality: int) -> float:
    """Constant rate factor: what a codec calls quality, where less is better.

    >>> _crf((8, 18, 51), 100), _crf((8, 18, 51), 85), _crf((8, 18, 51), 1)
    (8.0, 18.0, 51)
    """
    best, usual, worst = scale
    return min(worst, round(best + (100 - quality) * (usual - best) / (100 - QUALITY), 1))


def format_for(
    path: Path | str, *, codec: str | None = None, quality: int | None = None, alpha: bool = False
) -> FilmFormat:
    """The format that a film's name asks for.

    Args:
        path: .mp4, .m4v, .mov, .mkv, .webm; .gif, .webp, .png, .apng; without a suffix a folder of numbered PNG files.
        codec: h264, h265, av1, vp9, ffv1, prores; by default the usual one of the container.
        quality: 1 to 100; 85 if `None`.
        alpha: whether the frames have transparency, which is kept where that is possible.

    Raises:
        SettingsError: the suffix or codec is unknown, the container does not take the codec, or the quality is none.
    """
    quality = QUALITY if quality is None else quality
    if not 1 <= quality <= 100:
        raise SettingsError(f"--quality {quality} is not possible. Allowed: 1 to 100.")
    suffix = Path(path).suffix.lower()
    if suffix not in _CONTAINERS:
        if codec:
            raise SettingsError(f"--codec {codec}: only videos have one. Allowed: {', '.join(_CONTAINERS)}.")
        return FilmFormat(_kind(path, suffix), "", "", quality, alpha)
    container = _CONTAINERS[suffix]
    name = _codec(codec, container, suffix, alpha)
    kept = alpha and CODECS[name].transparent is not None and container != "mp4"
    notes = (f"laid on white, since {name} in {suffix} has no transparency: .webm has",) if alpha and not kept else ()
    return FilmFormat("video", container, name, quality, kept, notes)


def _kind(path: Path | str, suffix: str) -> str:
    if not suffix or str(path).endswith(("/", "\\")):
        return "folder"
    if suffix in _STILL:
        return _STILL[suffix]
    allowed = (*_CONTAINERS, *_STILL)
    raise SettingsError(
        f"{Path(path).name} has the suffix {suffix!r}, which no film is written as.{nearest(suffix, allowed)}\n"
        f"Allowed: {', '.join(allowed)}; without a suffix, a folder of pictures."
    )


def _codec(given: str | None, container: str, suffix: str, alpha: bool) -> str:
    """The codec's usual name."""
    allowed = _CODECS[container]
    if given is None:
        return _TRANSPARENT.get(container, allowed[0]) if alpha else allowed[0]
    name = _ALIASES.get(given.lower(), given.lower())
    if name not in CODECS:
        raise SettingsError(f"Unknown --codec {given!r}.{nearest(name, CODECS)} Allowed: {', '.join(CODECS)}.")
    if name not in allowed:
        takers = ", ".join(end for end, each in _CONTAINERS.items() if name in _CODECS[each])
        raise SettingsError(
            f"--codec {name}: a {suffix} file does not take it, but {takers}. Allowed: {', '.join(allowed)}."
        )
    return name


def is_film(path: Path | str) -> bool:
    """Whether a path names a film, by its suffix; a GIF, WebP or PNG is one only if it is animated.

    >>> is_film("holiday.MP4"), is_film("cat.jpg")
    (True, False)
    """
    suffix = Path(path).suffix.lower()
    if suffix in _CONTAINERS or suffix in _READ or suffix == ".apng":
        return True
    if suffix not in _STILL:
        return False
    return unless_damaged(lambda: _is_animated(path), False)


def _is_animated(picture: Path | str) -> bool:
    with Image.open(picture, formats=("GIF", "WEBP", "PNG")) as image:
        return bool(getattr(image, "is_animated", False))
