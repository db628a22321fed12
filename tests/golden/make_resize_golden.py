"""Makes resize_bicubic.safetensors and decoded_jpeg.safetensors: what Pillow computes, for the tests of io/.

Needs Pillow and numpy:  python3 make_resize_golden.py
"""

import io
import os

import numpy
import PIL
from PIL import Image

import safetensors_io

HERE = os.path.dirname(os.path.abspath(__file__))

# (height, width, channels) -> (height, width): up, down, mixed, one axis only, single pixels, same size.
RESIZES = [
    ((5, 7, 1), (13, 11)),
    ((13, 11, 3), (5, 7)),
    ((31, 33, 1), (8, 5)),
    ((8, 5, 3), (31, 33)),
    ((1, 1, 1), (4, 3)),
    ((40, 3, 1), (1, 1)),
    ((6, 10, 1), (6, 4)),
    ((10, 6, 1), (3, 6)),
    ((24, 24, 1), (27, 27)),
    ((9, 4, 1), (9, 4)),
    ((7, 29, 1), (23, 2)),
]


def resize(image, size):
    """Each channel as a float image, which Pillow resamples without rounding or clipping."""
    height, width = size
    channels = [Image.fromarray(image[:, :, c], "F") for c in range(image.shape[2])]
    return numpy.stack([numpy.asarray(c.resize((width, height), Image.BICUBIC)) for c in channels], axis=2)


def make_resizes():
    random = numpy.random.default_rng(20240607)
    tensors = {}
    for index, (shape, size) in enumerate(RESIZES):
        image = random.uniform(0, 1000, shape).astype(numpy.float32)
        tensors[f"{index:02}.in"] = image
        tensors[f"{index:02}.out"] = resize(image, size)
    path = os.path.join(HERE, "resize_bicubic.safetensors")
    safetensors_io.save(path, tensors, {"made_by": f"Pillow {PIL.__version__}, Image.resize(BICUBIC), mode F"})


def make_jpegs():
    y, x = numpy.mgrid[0:17, 0:24]
    rgb = numpy.stack([x * 10, y * 15, 255 - x * 5 - y * 7], axis=2).astype(numpy.uint8)
    tensors = {}
    for name, pixels, options in [
        ("rgb", rgb, {"subsampling": 0}),
        ("rgb_progressive", rgb, {"subsampling": 0, "progressive": True}),
        ("gray", rgb[:, :, 0], {}),
    ]:
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "JPEG", quality=90, **options)
        decoded = numpy.asarray(Image.open(io.BytesIO(data.getvalue())))
        tensors[f"{name}.jpeg"] = numpy.frombuffer(data.getvalue(), numpy.uint8)
        tensors[f"{name}.pixels"] = decoded.reshape(17, 24, -1)
    path = os.path.join(HERE, "decoded_jpeg.safetensors")
    safetensors_io.save(path, tensors, {"made_by": f"Pillow {PIL.__version__}"})


make_resizes()
make_jpegs()
