#!/usr/bin/python3
"""pictures.py FOLDER COUNT [--seed S]: makes COUNT valid JPEG files of varied sizes in FOLDER.

The same seed gives the same pictures, byte for byte, with the same Pillow. Needs Debian's python3-pil.
"""

import argparse
import colorsys
import math
import pathlib
import random

from PIL import Image, ImageDraw

PATTERNS = ("plain", "twill", "herringbone", "satin", "rings")
SIZES = ((320, 240), (480, 320), (640, 480), (800, 600), (1024, 768), (1280, 960))


def shade(hue, saturation, value):
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))


def warp_is_up(pattern, x, y, step):
    """Whether the warp thread lies over the weft at this crossing: what makes one weave differ from another."""
    if pattern == "plain":
        return (x + y) % 2 == 0
    if pattern == "twill":
        return (x + y) % (2 * step) < step
    if pattern == "herringbone":
        return (x + y if (x // (4 * step)) % 2 == 0 else x - y) % (2 * step) < step
    return (x * 3 + y * 2) % 5 == 0


def weave(picture, chance, pattern):
    """A cloth seen from near: coloured threads that pass over and under each other."""
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    thread = chance.choice((8, 10, 12, 16))
    step = chance.choice((2, 3, 4))
    hue, spread = chance.random(), chance.uniform(0.05, 0.3)
    warp = [shade(hue + spread * math.sin(x / 5), 0.65, 0.9) for x in range(width // thread + 1)]
    weft = [shade(hue + 0.5 + spread * math.cos(y / 4), 0.55, 0.75) for y in range(height // thread + 1)]
    for x, warp_colour in enumerate(warp):
        for y, weft_colour in enumerate(weft):
            up = warp_is_up(pattern, x, y, step)
            colour = warp_colour if up else weft_colour
            left, top = x * thread, y * thread
            draw.rectangle((left, top, left + thread - 1, top + thread - 1), fill=colour)
            dark = tuple(part * 2 // 3 for part in colour)
            if up:
                draw.line((left, top, left, top + thread - 1), fill=dark)
            else:
                draw.line((left, top, left + thread - 1, top), fill=dark)


def rings(picture, chance):
    """Waves from a few points that run through each other, like the sound of many threads."""
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    hue = chance.random()
    centres = [(chance.uniform(0, width), chance.uniform(0, height), chance.uniform(9, 24)) for _ in range(3)]
    cell = 4
    for left in range(0, width, cell):
        for top in range(0, height, cell):
            wave = sum(math.sin(math.hypot(left - x, top - y) / length) for x, y, length in centres) / 3
            colour = shade(hue + 0.12 * wave, 0.7, 0.62 + 0.35 * wave)
            draw.rectangle((left, top, left + cell - 1, top + cell - 1), fill=colour)


def make(path, seed, number):
    chance = random.Random(f"{seed}/{number}")
    picture = Image.new("RGB", chance.choice(SIZES))
    pattern = PATTERNS[number % len(PATTERNS)]
    if pattern == "rings":
        rings(picture, chance)
    else:
        weave(picture, chance, pattern)
    picture.save(path, "JPEG", quality=chance.randint(70, 92))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", default="thrum")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for number in range(arguments.count):
        name = f"{PATTERNS[number % len(PATTERNS)]}-{number + 1:03}.jpg"
        make(arguments.folder / name, arguments.seed, number)


if __name__ == "__main__":
    main()
