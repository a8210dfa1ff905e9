"""A swirling night: strokes that stream around stars, in blues and yellows."""

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from phosphene.filters.drawings.fields import HOUSE, SKY, SUN, Plane, between, hair, noise, scene, tensor

STARS = ((0.2, 0.16, 0.15), (0.62, 0.12, 0.09), (0.86, 0.3, 0.1), (0.42, 0.3, 0.08), (0.08, 0.42, 0.07))
STEPS, STEP = 7, 5.0  # of a stroke, and their length in pixels


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of, rng = scene(height, width, seed), np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(float)
    y, x = y / height, x / width
    angle, glow = of.angle + 2.5 * (noise(height, width, 2.5, seed + 1) - 0.5), np.zeros((height, width))
    for cx, cy, radius in STARS:
        away = np.hypot(x - cx, y - cy) / radius
        angle = np.where(away < 1.5, np.arctan2(y - cy, x - cx) + np.pi / 2, angle)
        rings = np.clip(1.25 - away, 0, 1) * (0.75 + 0.25 * np.cos(14 * away))
        glow = np.maximum(glow, rings)
    sky = np.isin(of.stuff, (SKY, SUN))
    blue = 0.55 * noise(height, width, 5, seed + 2) + 0.3 * of.tone
    colour = between(blue, [(10, 18, 60), (25, 60, 140), (70, 130, 190), (160, 200, 215)])
    earth = between(of.tone, [(6, 14, 26), (24, 52, 70), (60, 100, 90), (200, 180, 90)])
    colour = np.where(sky[..., None], colour, earth)
    star = between(glow, [(60, 110, 170), (190, 190, 110), (250, 215, 80), (255, 250, 205)])
    shine = np.where(sky, glow.clip(0, 1) ** 0.7, 0)[..., None]
    colour = colour * (1 - shine) + star * shine
    colour[(of.stuff == HOUSE) & (of.tone < 0.15)] = np.array([255, 205, 90]) / 255
    return tensor(_stroked(colour, angle, rng) - 0.25 * (0.5 - hair(angle, 18, seed + 3, grain=2.0))[..., None])


def _stroked(colour: Plane, angle: Plane, rng: np.random.Generator) -> Plane:
    height, width = angle.shape
    canvas = Image.fromarray((colour * 255).astype(np.uint8))
    pen = ImageDraw.Draw(canvas)
    for _ in range(round(2.2 * height * width / (STEPS * STEP * 6))):
        y, x = rng.random() * (height - 1), rng.random() * (width - 1)
        paint = np.clip(colour[int(y), int(x)] * rng.uniform(0.7, 1.3) + rng.normal(0, 0.03, 3), 0, 1)
        path = [(x, y)]
        for _ in range(STEPS):
            turn = angle[int(y), int(x)]
            y = min(max(y + STEP * np.sin(turn), 0), height - 1)
            x = min(max(x + STEP * np.cos(turn), 0), width - 1)
            path.append((x, y))
        pen.line(path, tuple(int(255 * each) for each in paint), int(rng.integers(4, 8)), joint="curve")
    return np.asarray(canvas, float) / 255
