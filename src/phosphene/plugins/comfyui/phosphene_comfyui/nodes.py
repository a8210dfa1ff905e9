"""The nodes. Their inputs are derived from the settings that each technique describes.

An IMAGE of ComfyUI is a tensor `[B, H, W, C]`, 0..1, a MASK `[B, H, W]`. Each picture of a batch is made alone, but
for films, where a frame goes on from the one before.
"""

import tempfile
from pathlib import Path

import comfy.model_management
import comfy.utils
import torch
from comfy_api.latest import ComfyExtension, io

import phosphene
from phosphene.names import GUIDES
from phosphene.techniques import TECHNIQUES

CATEGORY = "Phosphene"
NONE = "(none)"
TOLD = 1000  # units of a progress bar
FIRST = ("strength", "seed")  # the others are folded away


def inputs_of(technique):
    """An input for each setting of a look that is a number, a switch or one of some words."""
    found = []
    for name, each in TECHNIQUES[technique].fields.items():
        if each.group not in ("The look", "Your own taste") or each.default is None:
            continue
        told = {"default": each.default, "tooltip": each.about, "optional": True, "advanced": name not in FIRST}
        if each.choices:
            found.append(io.Combo.Input(name, options=list(each.choices), **told))
        elif each.kind == "bool":
            found.append(io.Boolean.Input(name, **told))
        elif each.kind in ("int", "float"):
            low, high = each.range
            of, step, most = (io.Int, 1, 2**53) if each.kind == "int" else (io.Float, 0.05, 100.0)
            found.append(of.Input(name, min=low, max=min(high, most), step=step, **told))
    return found


def schema(name, title, about, inputs, made):
    """What ComfyUI is told of a node; the last of its words names the picture that comes out."""
    return io.Schema(
        node_id=f"Phosphene{name}",
        display_name=f"{title} (Phosphene)",
        category=CATEGORY,
        description=about,
        inputs=inputs,
        outputs=[io.Image.Output(made)],
    )


class Progress:
    """A node's bar, over all pictures of a batch; a run that was interrupted ends at the next step."""

    def __init__(self, count):
        self.bar, self.count, self.number = comfy.utils.ProgressBar(TOLD * count), count, 0

    def __call__(self, step):
        comfy.model_management.throw_exception_if_processing_interrupted()
        self.bar.update_absolute(int(TOLD * (self.number + step.done)))

    def film(self, progress):
        comfy.model_management.throw_exception_if_processing_interrupted()
        self.bar.update_absolute(int(TOLD * self.count * progress.frames / (progress.count or self.count)))


def pictures(images):
    """`[B, H, W, C]` as tensors `[1, 3, H, W]`, one after the other."""
    for each in images:
        yield each[None, ..., :3].permute(0, 3, 1, 2).float().cpu().clamp(0, 1).contiguous()


def batch(made):
    """Pictures `[1, 3, H, W]` as `[B, H, W, C]`."""
    return torch.cat([each.detach().permute(0, 2, 3, 1) for each in made])


def masks(mask, count):
    """For each picture its mask `[1, 1, h, w]`, the last one where there are fewer; `None` without any."""
    if mask is None:
        return [None] * count
    found = [each[None, None].float().cpu().clamp(0, 1).contiguous() for each in mask.reshape(-1, *mask.shape[-2:])]
    return [found[min(number, len(found) - 1)] for number in range(count)]


def each_of(images, mask, make):
    """Makes a picture of each picture of a batch, with its mask."""
    progress, made = Progress(len(images)), []
    for number, (picture, where) in enumerate(zip(pictures(images), masks(mask, len(images)))):
        progress.number = number
        made.append(make(picture, where, progress).pixels)
    return batch(made)


class Dream(io.ComfyNode):
    """A layer's patterns, brought out of a picture, or another picture's shapes."""

    @classmethod
    def define_schema(cls):
        return schema(
            "Dream",
            "Dream",
            "Brings a neural network's patterns out of a picture.",
            [
                io.Image.Input("image"),
                io.Combo.Input("preset", options=[*phosphene.presets()], tooltip="what it dreams of"),
                *inputs_of("dream"),
                io.String.Input("layer", default="", optional=True, tooltip="in place of the preset, as block8:37"),
                io.Mask.Input("mask", optional=True, tooltip="white dreams, black stays"),
            ],
            "dream",
        )

    @classmethod
    def execute(cls, image, preset, layer="", mask=None, **settings):
        name, _, channel = layer.partition(":")
        look = {"layer": name, **({"channel": int(channel)} if channel else {})} if layer else {"preset": preset}

        def make(picture, where, progress):
            return phosphene.dream(picture, mask=where, on_step=progress, **look, **settings)

        return io.NodeOutput(each_of(image, mask, make))


class Guide(io.ComfyNode):
    """Shapes of a guide, dreamt into a picture."""

    @classmethod
    def define_schema(cls):
        return schema(
            "Guide",
            "Dream towards a picture",
            "Dreams shapes of a guide into a picture; the layers that suit it are found.",
            [
                io.Image.Input("image"),
                io.Image.Input("guide", optional=True, tooltip="all pictures of a batch guide together"),
                io.Combo.Input("sample", options=[NONE, *GUIDES], tooltip="a guide that comes along", optional=True),
                *inputs_of("dream"),
                io.Mask.Input("mask", optional=True, tooltip="white dreams, black stays"),
            ],
            "dream",
        )

    @classmethod
    def execute(cls, image, guide=None, sample=NONE, mask=None, **settings):
        guides = ([] if guide is None else list(pictures(guide))) + ([] if sample == NONE else [sample])
        if not guides:
            raise ValueError("Connect a guide, or choose a sample.")

        def make(picture, where, progress):
            return phosphene.dream(picture, guide=guides, mask=where, on_step=progress, **settings)

        return io.NodeOutput(each_of(image, mask, make))


class Style(io.ComfyNode):
    """A picture, repainted as another one is painted."""

    @classmethod
    def define_schema(cls):
        return schema(
            "Style",
            "Paint as a picture is painted",
            "Repaints a picture in the manner of a painting, or of a filter.",
            [
                io.Image.Input("image"),
                io.Image.Input("style", optional=True, tooltip="the painting; all pictures of a batch together"),
                io.Combo.Input("filter", options=[NONE, *phosphene.style_filters()], optional=True),
                *inputs_of("style"),
                io.Mask.Input("mask", optional=True, tooltip="white is repainted, black stays"),
            ],
            "painting",
        )

    @classmethod
    def execute(cls, image, style=None, filter=NONE, mask=None, **settings):
        styles = [] if style is None else list(pictures(style))
        look = {} if filter == NONE else {"filter": filter}
        if not styles and not look:
            raise ValueError("Connect a style, or choose a filter.")

        def make(picture, where, progress):
            return phosphene.style(picture, *styles, mask=where, on_step=progress, **look, **settings)

        return io.NodeOutput(each_of(image, mask, make))


class Pattern(io.ComfyNode):
    """What a channel looks for, out of nothing."""

    @classmethod
    def define_schema(cls):
        return schema(
            "Pattern",
            "Pattern",
            "Draws what one channel of a layer looks for, out of nothing; tileable for wallpapers.",
            [
                io.String.Input("of", default="block8:37", tooltip="a layer and a channel"),
                io.Int.Input("width", default=512, min=32, max=4096, step=16),
                io.Int.Input("height", default=512, min=32, max=4096, step=16),
                *inputs_of("pattern"),
            ],
            "pattern",
        )

    @classmethod
    def execute(cls, of, width, height, **settings):
        made = phosphene.pattern(of, size=(width, height), on_step=Progress(1), **settings)
        return io.NodeOutput(batch([made.pixels]))


class Film(io.ComfyNode):
    """A batch of frames, each of which goes on from the dream of the one before."""

    @classmethod
    def define_schema(cls):
        return schema(
            "Film",
            "Film frames",
            "Dreams upon a batch of frames, or repaints it; what was made is carried along the motion.",
            [
                io.Image.Input("frames"),
                io.Combo.Input("look", options=[*phosphene.presets(), *phosphene.style_filters()]),
                io.Float.Input("strength", default=1.0, min=0.0, max=5.0, step=0.05, optional=True),
                io.Int.Input("seed", default=0, min=0, max=2**53, optional=True),
            ],
            "frames",
        )

    @classmethod
    def execute(cls, frames, look, strength=1.0, seed=0):
        requested = {"preset": look} if look in phosphene.presets() else {"filter": look}
        if "filter" in requested:
            strength = min(1.0, strength)
        progress = Progress(len(frames))
        with tempfile.TemporaryDirectory(prefix="phosphene-") as folder:
            source, target = Path(folder) / "frames", Path(folder) / "made"
            source.mkdir()
            for number, picture in enumerate(pictures(frames)):
                phosphene.save(picture, source / f"{number:06}.png")
            phosphene.film(source, target, on_progress=progress.film, strength=strength, seed=seed, **requested)
            made = [phosphene.load(path).pixels for path in sorted(target.glob("*.png"))]
        return io.NodeOutput(batch(made))


class Phosphene(ComfyExtension):
    """All nodes."""

    async def get_node_list(self):
        return [Dream, Guide, Style, Pattern, Film]


async def comfy_entrypoint():
    """What ComfyUI calls."""
    return Phosphene()
