"""Draws a small, imbalanced folder of colour pictures, as a camera over a conveyor belt might take them.

``python draw.py parts`` makes the folder ``parts`` with a folder for each class: 600 bolts, 240 nuts, 120
washers and 60 rings, 48 pixels square. Every picture is another: place, angle, size, colours, light, dirt.
"""

import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

COUNTS = {"bolt": 600, "nut": 240, "washer": 120, "ring": 60}
SIDE, FINE = 48, 4  # drawn larger, then made smaller: smooth edges


def shape(kind, draw, rng, belt, metal):
    """Draw one part."""
    middle = [SIDE * FINE * share for share in rng.uniform(0.35, 0.65, 2)]
    size = SIDE * FINE * rng.uniform(0.18, 0.3)
    angle = rng.uniform(0, 2 * math.pi)

    def points(corners):
        turned = [(x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle))
                  for x, y in corners]  # fmt: skip
        return [(middle[0] + size * x, middle[1] + size * y) for x, y in turned]

    def disc(radius, colour, squeeze=1.0):
        around = [2 * math.pi * step / 40 for step in range(40)]
        draw.polygon(
            points([(radius * math.cos(a), radius * squeeze * math.sin(a)) for a in around]), fill=colour
        )

    squeeze = rng.uniform(0.75, 1.0)  # seen from the side
    hexagon = [(math.cos(math.pi * k / 3), squeeze * math.sin(math.pi * k / 3)) for k in range(6)]
    if kind == "bolt":
        draw.polygon(points([(-0.4, -0.25), (1.5, -0.25), (1.5, 0.25), (-0.4, 0.25)]), fill=metal)
        draw.polygon(points([(-0.9, -0.6), (-0.3, -0.6), (-0.3, 0.6), (-0.9, 0.6)]), fill=metal)
    elif kind == "nut":
        draw.polygon(points(hexagon), fill=metal)
        disc(rng.uniform(0.4, 0.55), belt, squeeze)
    else:
        disc(1.0, metal, squeeze)
        disc(rng.uniform(0.4, 0.6) if kind == "washer" else rng.uniform(0.62, 0.8), belt, squeeze)


def picture(kind, rng):
    """Return one picture."""
    belt = tuple(int(v) for v in np.add((40, 46, 58), rng.uniform(-10, 10, 3)))
    metal = tuple(int(v) for v in rng.uniform(120, 215) + rng.uniform(-25, 25, 3))
    image = Image.new("RGB", (SIDE * FINE, SIDE * FINE), belt)
    draw = ImageDraw.Draw(image)
    shape(kind, draw, rng, belt, metal)
    for _ in range(rng.integers(0, 6)):  # dirt
        x, y, r = (SIDE * FINE * share for share in (*rng.uniform(0, 1, 2), rng.uniform(0.01, 0.06)))
        draw.ellipse([x - r, y - r, x + r, y + r], fill=tuple(int(v) for v in rng.uniform(20, 200, 3)))
    small = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 5))).resize((SIDE, SIDE), Image.BOX)
    noisy = np.asarray(small) * rng.uniform(0.75, 1.15) + rng.normal(0, rng.uniform(2, 9), (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def main(folder):
    """Draw all pictures."""
    rng = np.random.default_rng(0)
    for kind, count in COUNTS.items():
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            picture(kind, rng).save(folder / kind / f"{number:03}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
