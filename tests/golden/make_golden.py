"""Writes the golden files of whole networks and training steps: one file a case (see README.md).

  make_golden.py            compute all cases, print how far float32 lies from float64, write the files
  make_golden.py NAME ...   only these cases
  make_golden.py --check    compute again and compare with the files that are there

Every number is computed in float64 from float32 weights and inputs and then rounded to float32. The same case
runs in float32 twice, with oneDNN's convolutions and without. A case whose float32 results stray too far is
refused: such numbers would test rounding, not the program.
"""

import argparse
import functools
import os
import sys

import numpy as np
import torch

import check_names
import safetensors_io
from pix2pix_torch import Pix2Pix, initialise, make_discriminator, make_generator

FOLDER = os.path.dirname(os.path.abspath(__file__))
STEPS = 3
# Largest ||float32 - float64|| / ||float64|| allowed. After three steps Adam has turned the rounding of small
# gradients into differences of updates, hence the looser second bound.
TOLERANCE, TOLERANCE_AFTER = 1e-5, 1e-4
# No input of a ReLU, and no difference under an absolute value, may lie closer to the kink than this, in units of
# the tensor's root mean square: rounding must not decide which side it is on.
KINK_MARGIN = 3e-6
# A gradient that vanishes identically (a bias before an instance norm) is only rounding noise.
ZERO_GRADIENT = 1e-10

DEFAULTS = {
    "net_g": "unet_32", "net_d": "basic", "layers_d": 3, "norm": "batch", "gan_mode": "vanilla",
    "input_nc": 3, "output_nc": 3, "ngf": 3, "ndf": 4, "batch": 2, "height": 32, "width": 32,
    "lambda_l1": 100.0, "lr": 2e-4, "beta1": 0.5, "gain_g": 0.1, "gain_d": 0.1, "dropout": "none",
    "train": True, "seed": 1,
}

CASES = {
    "unet_32_batch_vanilla": {"seed": 9},
    "unet_32_instance_lsgan": {"norm": "instance", "gan_mode": "lsgan", "seed": 14},
    "unet_32_none_hinge": {"norm": "none", "gan_mode": "hinge", "lambda_l1": 10.0, "ngf": 2, "gain_g": 0.15,
                           "gain_d": 0.14, "seed": 12},
    "unet_32_batch_64x32": {"ngf": 2, "ndf": 2, "height": 64, "beta1": 0.9, "seed": 15},
    "unet_32_batch_gray": {"ngf": 2, "ndf": 3, "input_nc": 1, "output_nc": 1, "gan_mode": "lsgan", "seed": 15},
    "unet_128_batch_vanilla": {"net_g": "unet_128", "input_nc": 1, "output_nc": 1, "ngf": 2, "ndf": 2,
                               "batch": 1, "height": 128, "width": 128, "seed": 25},
    "unet_128_batch_dropout": {"net_g": "unet_128", "input_nc": 1, "output_nc": 1, "ngf": 1, "ndf": 2,
                               "height": 128, "width": 128, "dropout": "masks", "seed": 8},
    "unet_256_batch_forward": {"net_g": "unet_256", "input_nc": 1, "output_nc": 1, "ngf": 1, "ndf": 2,
                               "height": 256, "width": 256, "batch": 1, "train": False, "seed": 8},
    "resnet_6blocks_batch_pixel": {"net_g": "resnet_6blocks", "net_d": "pixel", "ndf": 6,
                                   "height": 16, "width": 24, "seed": 3},
    "resnet_9blocks_instance_lsgan": {"net_g": "resnet_9blocks", "net_d": "n_layers", "layers_d": 2,
                                      "norm": "instance", "gan_mode": "lsgan", "batch": 1, "seed": 5},
    "resnet_6blocks_batch_dropout": {"net_g": "resnet_6blocks", "net_d": "n_layers", "layers_d": 2, "ngf": 2,
                                     "output_nc": 1, "height": 16, "width": 16, "dropout": "masks", "seed": 14},
    "unet_32_batch_nearest": {"upsample": "nearest", "ngf": 1, "ndf": 2, "input_nc": 1, "output_nc": 1,
                              "height": 64, "width": 64, "gan_mode": "lsgan", "seed": 2},
}


def philox_words(seed, stream, step, count):
    """The first `count` 32-bit words of a Philox4x32-10 sequence (Salmon et al. 2011)."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    low, high = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [blocks & low, blocks >> high, np.full_like(blocks, stream), np.full_like(blocks, step)]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> high) ^ c[1] ^ np.uint64(k[0]), b & low, (a >> high) ^ c[3] ^ np.uint64(k[1]), a & low]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, axis=1).reshape(-1)[:count]


def dropout_streams(case):
    """The numbers of the layers with dropout in the order of use: U-Net levels from the inside out, or blocks."""
    net, _, size = case["net_g"].partition("_")
    if net == "unet":
        return list(range(int(size).bit_length() - 2, 4, -1))
    return list(range(1, int(size[0]) + 1))


class Masks:
    """Dropout layers with the masks that Uptake draws: Philox, keyed by seed, layer and step, counted in NHWC order."""

    def __init__(self, seed, streams):
        self.seed, self.streams = seed, streams
        self.made, self.used = [], 0

    def next(self, shape):
        if self.used == len(self.made):
            step, layer = divmod(len(self.made), len(self.streams))
            n, c, h, w = shape
            keep = philox_words(self.seed, self.streams[layer], step, n * c * h * w) >= 2 ** 31
            mask = 2.0 * torch.from_numpy(keep.reshape(n, h, w, c)).permute(0, 3, 1, 2).float()
            self.made.append(mask.contiguous())
        self.used += 1
        return self.made[self.used - 1]

    def layer(self):
        masks = self

        class MaskLayer(torch.nn.Module):
            def forward(self, x):
                return x * masks.next(x.shape).to(x.dtype) if self.training else x

        return MaskLayer()


def build(case, masks):
    make_dropout = masks.layer if case["dropout"] == "masks" else lambda: None
    net_g = make_generator(case["net_g"], case["input_nc"], case["output_nc"], case["ngf"], case["norm"], make_dropout,
                           case.get("upsample", "convtranspose"))
    channels = case["input_nc"] + case["output_nc"]
    net_d = make_discriminator(case["net_d"], channels, case["ndf"], case["norm"], case["layers_d"])
    return net_g, net_d


def start(case):
    """Initial weights and the images, float32."""
    generator = torch.Generator().manual_seed(case["seed"])
    out = {}
    for prefix, network in zip("gd", build(case, Masks(0, [1]))):
        gain = case[f"gain_{prefix}"]
        initialise(network, generator, gain, spread_of_shifts=gain)
        out.update(state(f"{prefix}.", network))
    size = (case["height"], case["width"])
    for name, channels in (("input_a", case["input_nc"]), ("input_b", case["output_nc"])):
        if name == "input_b" and not case["train"]:
            continue
        out[name] = 2 * torch.rand(case["batch"], channels, *size, generator=generator) - 1
    return out


def state(prefix, network):
    return {prefix + name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def part(tensors, prefix):
    return {name[len(prefix):]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


class KinkMargin:
    """The smallest distance from a kink seen so far, in units of the tensor's root mean square."""

    def __init__(self, *networks):
        self.smallest = float("inf")
        for network in networks:
            for module in network.modules():
                if isinstance(module, (torch.nn.ReLU, torch.nn.LeakyReLU)):
                    module.register_forward_pre_hook(lambda _, inputs: self.see(inputs[0]))

    def see(self, x):
        sizes = x.detach().abs()
        sizes = sizes[sizes > 0]  # what dropout set to zero is zero on every machine
        self.smallest = min(self.smallest, float(sizes.min() / sizes.square().mean().sqrt()))


def run(case, begin, masks, dtype):
    """All results of a case in the given precision, and their distance from the nearest kink."""
    masks.used = 0
    net_g, net_d = build(case, masks)
    margin = KinkMargin(net_g, net_d)
    net_g.load_state_dict(part(begin, "g."))
    net_d.load_state_dict(part(begin, "d."))
    net_g.to(dtype), net_d.to(dtype)
    a, out = begin["input_a"].to(dtype), {}

    if not case["train"]:
        with torch.no_grad():
            out["fake_b"] = net_g(a)
            out["d_fake"] = net_d(torch.cat([a, out["fake_b"]], 1))
        return out, margin.smallest

    b = begin["input_b"].to(dtype)

    def observe(step, name, what):
        if name == "fake_b":
            margin.see(what - b)
        if case["gan_mode"] == "hinge" and name in ("d_fake", "d_real"):
            margin.see(what + 1 if name == "d_fake" else what - 1)
        if step > 1:
            return
        if isinstance(what, torch.nn.Module):
            for parameter_name, parameter in what.named_parameters():
                out[f"{name}.{parameter_name}"] = parameter.grad.clone()
        else:
            out[name] = what.detach().clone()

    model = Pix2Pix(net_g, net_d, gan_mode=case["gan_mode"], lambda_l1=case["lambda_l1"], lr=case["lr"],
                    beta1=case["beta1"])
    for step in range(1, STEPS + 1):
        losses = model.step(a, b, functools.partial(observe, step))
        prefix = "loss." if step == 1 else f"step{step}.loss."
        out.update({prefix + name: value for name, value in losses.items()})
        if step == 1:
            running = {**state("after1.g.", net_g), **state("after1.d.", net_d)}
            out.update({name: value for name, value in running.items() if ".running_" in name})
    out.update({**state("after3.g.", net_g), **state("after3.d.", net_d)})
    if case["norm"] == "batch":
        net_g.eval(), net_d.eval()
        with torch.no_grad():
            out["eval_fake_b"] = net_g(a)
            out["eval_d_real"] = net_d(torch.cat([a, b], 1))
    return out, margin.smallest


def distance(x, y):
    """||x - y|| / ||y||"""
    x, y = x.double(), y.double()
    return float((x - y).norm() / y.norm().clamp_min(1e-300))


def zero_gradients(truth):
    largest = {net: max(t.norm() for t in part(truth, f"grad.{net}.").values()) for net in "gd"}
    return [name for name, t in truth.items()
            if name.startswith("grad.") and t.norm() < ZERO_GRADIENT * largest[name[5]]]


def worst(truth, other, wanted):
    """The largest distance among the tensors that `wanted` accepts, and where."""
    found = [(distance(other[name], tensor), name) for name, tensor in truth.items() if wanted(name)]
    return max(found, default=(0.0, ""))


def judge(name, begin, truth, runs):
    """Prints a line of the table; returns False where a distance is too large."""
    def loss_of_later_step(n):
        return n.startswith("step")

    def after(n):
        return n.startswith("after3.") or n.startswith("eval_")

    def gradient(n):
        return n.startswith("grad.")

    good = True
    for label, values in runs.items():
        columns = []
        for title, wanted, bound in (
            ("forward", lambda n: not (after(n) or gradient(n) or loss_of_later_step(n)), TOLERANCE),
            ("grad", gradient, TOLERANCE),
            ("later loss", loss_of_later_step, TOLERANCE_AFTER),
            ("after3", after, TOLERANCE_AFTER),
        ):
            value, where = worst(truth, values, wanted)
            if value > bound:
                good = False
                print(f"  {name}: {title} {value:.1e} at {where}")
            columns.append(f"{title} {value:.1e}")
        updates = [distance(values[n] - begin[n[7:]].double(), truth[n] - begin[n[7:]].double())
                   for n in truth if n.startswith("after3.") and n.endswith((".weight", ".bias"))]
        columns.append(f"update {max(updates, default=0.0):.1e}")
        print(f"{name:32s} {label:8s} " + "   ".join(columns), flush=True)
    return good


def compute(name, case):
    """Returns (tensors, metadata) of a case; raises SystemExit where it is badly conditioned."""
    begin, masks = start(case), Masks(case["seed"], dropout_streams(case))
    truth, margin = run(case, begin, masks, torch.float64)
    runs = {"float32": run(case, begin, masks, torch.float32)[0]}
    with torch.backends.mkldnn.flags(enabled=False):
        runs["plain32"] = run(case, begin, masks, torch.float32)[0]

    zero = zero_gradients(truth) if case["train"] else []
    for key in zero:  # rounding noise, and what Adam makes of it
        for results in (truth, *runs.values()):
            del results[key], results["after3." + key[5:]]
    good = judge(name, begin, truth, runs)
    print(f"  nearest kink {margin:.1e}")
    if not good or margin < KINK_MARGIN:
        raise SystemExit(f"{name}: float32 strays too far from float64, choose a friendlier case")

    tensors = {**begin, **{f"mask.{k}": mask for k, mask in enumerate(masks.made)}, **truth}
    metadata = {
        **{key: value for key, value in case.items() if key != "train"},
        "depth": case["net_g"].partition("_")[2],
        "steps": STEPS if case["train"] else 0,
        "masks_per_step": len(masks.made) // STEPS,
        "mask_seed": case["seed"],
        "zero_gradients": " ".join(key[5:] for key in zero),
        "layout": "images NCHW, convolution weights OIHW, transposed convolution weights IOHW",
    }
    net, _, size = case["net_g"].partition("_")
    metadata["depth"] = int(size).bit_length() - 1 if net == "unet" else int(size[0])
    return {key: tensor.float().numpy() for key, tensor in tensors.items()}, metadata


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    check_names.check()
    failed = False
    for name in options.names or CASES:
        tensors, metadata = compute(name, {**DEFAULTS, **CASES[name]})
        path = os.path.join(FOLDER, f"{name}.safetensors")
        if not options.check:
            safetensors_io.save(path, tensors, metadata)
            print(f"  {os.path.getsize(path)} bytes, {len(tensors)} tensors, zero gradients: "
                  f"{metadata['zero_gradients'] or 'none'}", flush=True)
            continue
        stored, stored_metadata = safetensors_io.load(path)
        same = set(stored) == set(tensors) and stored_metadata == {k: str(v) for k, v in metadata.items()}
        far = max(distance(torch.tensor(tensors[k]), torch.tensor(stored[k])) for k in stored) if same else 1.0
        print(f"  file differs by {far:.1e}", flush=True)
        failed = failed or far > 1e-6
    sys.exit(failed)


if __name__ == "__main__":
    main()
