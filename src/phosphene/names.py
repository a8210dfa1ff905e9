"""What canvases, networks and layers are called, with a line about each; nothing here needs torch."""

import re

LOOK_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")  # what a filter or a look of the user's may be called
CANVASES = {
    "clouds": "a summer evening's sky with heaps of cloud",
    "noise": "grey with fine, slightly coloured noise",
    "grey": "even mid-grey",
    "dahlias": "a bed of flowers",
    "feathers": "a peacock's tail",
    "shells": "coiled shells on sand",
    "windows": "house fronts with round-headed windows",
}
GUIDES = ("dahlias", "feathers", "shells", "windows")  # canvases that are full of one thing
NETWORKS = {
    "efficientnet-lite0": "Small and quick; comes with the installation.",
    "googlenet": "The network of Google's own DeepDream pictures (BVLC GoogLeNet, 2014).",
}
LAYERS = {  # of the default network
    "stem": "edges and flat colours",
    "block0": "fine edges",
    "block1": "glowing outlines, folds",
    "block2": "crossed strokes, zigzags",
    "block3": "a patchwork of fine stripes",
    "block4": "hatching, weaves, small studs",
    "block5": "ribs, gratings, first curls",
    "block6": "ribbed coils, cushions, eyes",
    "block7": "coils, dotted skins, spirals",
    "block8": "speckled skins, bulbs, eyes",
    "block9": "hair, eyes, leaf litter",
    "block10": "fur, snouts, foliage, pillars",
    "block11": "creatures, scales, beadwork, fruit",
    "block12": "animals' heads, coral, petals",
    "block13": "whole animals, crowns of trees",
    "block14": "large soft forms, manes, folds",
    "block15": "loose parts of many things, woven together",
}
