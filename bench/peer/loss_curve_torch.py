"""Trains pix2pix in PyTorch on a folder of side-by-side pairs and writes the losses of each step, in an order and from
weights that another program can repeat: no flip, no crop, no shuffling, and no dropout unless asked for.

  --save-init FILE    initial weights as safetensors: g.<state name>, d.<state name>, PyTorch layouts, float32
  --save-order FILE   the names of the images in the order of use, one a line, one for each sample of each step
  --save-pairs DIR    the decoded and resized pairs as PNG, left half A, right half B, so that JPEG decoders and
                      resizing play no part in the comparison
  --double            the same curve in float64

Adversarial training amplifies rounding: PyTorch in float32 leaves its own float64 curve by 1e-6 at step 1, 1e-4 at
step 5 and a few per cent after some tens of steps. The distance between those two curves is the yardstick for a third.
"""

import argparse
import csv
import os
import re
import sys

import numpy
import torch
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden"))
import safetensors_io  # noqa: E402
from pix2pix_torch import (Pix2Pix, half_dropout, initialise, make_discriminator, make_generator,  # noqa: E402
                           no_dropout)

LOSSES = ("G_GAN", "G_L1", "D_real", "D_fake")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="images of pairs: left half A, right half B")
    parser.add_argument("csv", help="written: step,G_GAN,G_L1,D_real,D_fake; steps from 1; G_L1 contains lambda")
    parser.add_argument("--direction", default="BtoA", choices=("AtoB", "BtoA"))
    parser.add_argument("--order", help="text file of image names, one a line; default: the folder in natural order")
    parser.add_argument("--size", type=int, help="resize each half to size x size (bicubic); default: as it is")
    parser.add_argument("--nc", type=int, default=3, choices=(1, 3), help="3: RGB, 1: gray")
    parser.add_argument("--net-g", default="unet_256")
    parser.add_argument("--net-d", default="basic")
    parser.add_argument("--norm", default="batch", choices=("batch", "instance", "none"))
    parser.add_argument("--gan-mode", default="vanilla", choices=("vanilla", "lsgan", "hinge"))
    parser.add_argument("--ngf", type=int, default=64)
    parser.add_argument("--ndf", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--lambda-l1", type=float, default=100.0)
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--beta1", type=float, default=0.5)
    parser.add_argument("--dropout", action="store_true")
    parser.add_argument("--double", action="store_true", help="compute in float64, to see what rounding does")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--load-init", help="start from this file instead of from random weights")
    parser.add_argument("--save-init")
    parser.add_argument("--save-final", help="the weights after the last step, named as the initial ones")
    parser.add_argument("--save-order")
    parser.add_argument("--save-pairs")
    return parser.parse_args()


def natural(name):
    """Sorts 2.jpg before 10.jpg."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def image_names(options):
    if options.order:
        with open(options.order) as file:
            return [line.strip() for line in file if line.strip()]
    endings = (".png", ".jpg", ".jpeg")
    names = sorted((n for n in os.listdir(options.folder) if n.lower().endswith(endings)), key=natural)
    if not names:
        raise SystemExit(f"{options.folder}: no PNG or JPEG image found")
    return names


class Pairs:
    """Decoded once, kept as 8-bit arrays [h,w] or [h,w,3]."""

    def __init__(self, options):
        self.options, self.cache = options, {}

    def halves(self, name):
        if name not in self.cache:
            o = self.options
            with Image.open(os.path.join(o.folder, name)) as image:
                image = image.convert("RGB")
            w, h = image.size
            halves = [image.crop((0, 0, w // 2, h)), image.crop((w // 2, 0, w, h))]
            if o.nc == 1:
                halves = [half.convert("L") for half in halves]
            if o.size:
                halves = [half.resize((o.size, o.size), Image.BICUBIC) for half in halves]
            if o.save_pairs:
                pair = numpy.concatenate([numpy.asarray(half) for half in halves], axis=1)
                stem = os.path.splitext(name)[0]
                Image.fromarray(pair).save(os.path.join(o.save_pairs, f"{stem}.png"))
            self.cache[name] = [numpy.array(half) for half in halves]
        return self.cache[name]

    def batch(self, names):
        """(input, target) as [n,c,h,w] in -1 to 1."""
        pairs = [self.halves(name) for name in names]
        order = (0, 1) if self.options.direction == "AtoB" else (1, 0)
        return [self._to_tensor([pair[side] for pair in pairs]) for side in order]

    def _to_tensor(self, images):
        x = torch.from_numpy(numpy.stack(images)).to(torch.float64 if self.options.double else torch.float32)
        x = x.unsqueeze(1) if self.options.nc == 1 else x.permute(0, 3, 1, 2)
        return (x.contiguous() / 255 - 0.5) / 0.5


def save_networks(path, options, **networks):
    tensors = {f"{prefix}.{name}": tensor.float().numpy()
               for prefix, network in networks.items() for name, tensor in network.state_dict().items()}
    metadata = {key: getattr(options, key) for key in (
        "net_g", "net_d", "norm", "gan_mode", "ngf", "ndf", "lambda_l1", "lr", "beta1", "dropout", "seed")}
    safetensors_io.save(path, tensors, {**metadata, "input_nc": options.nc, "output_nc": options.nc})


def load_networks(path, **networks):
    tensors, _ = safetensors_io.load(path)
    for prefix, network in networks.items():
        state = {name: torch.tensor(tensors[f"{prefix}.{name}"]) for name in network.state_dict()
                 if not name.endswith("num_batches_tracked")}
        missing = network.load_state_dict(state, strict=False).missing_keys
        assert all(name.endswith("num_batches_tracked") for name in missing), missing


def main():
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    if options.save_pairs:
        os.makedirs(options.save_pairs, exist_ok=True)

    make_dropout = half_dropout if options.dropout else no_dropout
    net_g = make_generator(options.net_g, options.nc, options.nc, options.ngf, options.norm, make_dropout)
    net_d = make_discriminator(options.net_d, 2 * options.nc, options.ndf, options.norm)
    if options.load_init:
        load_networks(options.load_init, g=net_g, d=net_d)
    else:
        generator = torch.Generator().manual_seed(options.seed)
        initialise(net_g, generator)
        initialise(net_d, generator)
    if options.save_init:
        save_networks(options.save_init, options, g=net_g, d=net_d)
    if options.double:
        net_g.double(), net_d.double()

    names = image_names(options)
    used = [[names[(step * options.batch + i) % len(names)] for i in range(options.batch)]
            for step in range(options.steps)]
    if options.save_order:
        with open(options.save_order, "w") as file:
            file.writelines(f"{name}\n" for batch in used for name in batch)

    pairs = Pairs(options)
    model = Pix2Pix(net_g, net_d, gan_mode=options.gan_mode, lambda_l1=options.lambda_l1, lr=options.lr,
                    beta1=options.beta1)
    with open(options.csv, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("step", *LOSSES))
        for step, batch in enumerate(used, start=1):
            losses = model.step(*pairs.batch(batch))
            table.writerow((step, *(f"{float(losses[name]):.9g}" for name in LOSSES)))
            file.flush()
    if options.save_final:
        save_networks(options.save_final, options, g=net_g, d=net_d)


if __name__ == "__main__":
    main()
