"""Times the pix2pix training step of PyTorch on this CPU and prints one line of JSON, times in milliseconds.

Meant to be called in turn with Uptake's own benchmark, so that both see the same machine. Random images; the step is
the one tests/golden/pix2pix_torch.py describes, with dropout, batch norm and the defaults of pix2pix.
"""

import argparse
import json
import os
import statistics
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden"))
from pix2pix_torch import Pix2Pix, half_dropout, initialise, make_discriminator, make_generator  # noqa: E402


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net-g", help="default: unet_256 where the size allows, else the deepest U-Net that fits")
    parser.add_argument("--net-d", default="basic")
    parser.add_argument("--norm", default="batch", choices=("batch", "instance", "none"))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--input-nc", type=int, default=3)
    parser.add_argument("--output-nc", type=int, default=3)
    parser.add_argument("--ngf", type=int, default=64)
    parser.add_argument("--ndf", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--steps", type=int, default=10, help="steps timed, one by one")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--channels-last", action="store_true", help="NHWC, often PyTorch's faster layout")
    parser.add_argument("--fused-adam", action="store_true", help="Adam in one pass (PyTorch 2.4 or newer on the CPU)")
    return parser.parse_args()


def unet_for(size):
    """The deepest of unet_256 ... unet_32 whose halvings divide the size."""
    for depth_size in (256, 128, 64, 32):
        if size % depth_size == 0:
            return f"unet_{depth_size}"
    raise SystemExit(f"--size {size}: no U-Net fits, expected a multiple of 32")


def main():
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    net_name = options.net_g or unet_for(options.size)
    net_g = make_generator(net_name, options.input_nc, options.output_nc, options.ngf, options.norm, half_dropout)
    net_d = make_discriminator(options.net_d, options.input_nc + options.output_nc, options.ndf, options.norm)
    real_a, real_b = (2 * torch.rand(options.batch, channels, options.size, options.size, generator=generator) - 1
                      for channels in (options.input_nc, options.output_nc))
    for network in (net_g, net_d):
        initialise(network, generator)
        if options.channels_last:
            network.to(memory_format=torch.channels_last)
    if options.channels_last:
        real_a, real_b = (x.contiguous(memory_format=torch.channels_last) for x in (real_a, real_b))
    model = Pix2Pix(net_g, net_d)
    if options.fused_adam:
        for name in ("adam_g", "adam_d"):
            groups = getattr(model, name).param_groups
            setattr(model, name, torch.optim.Adam(groups[0]["params"], lr=groups[0]["lr"], betas=groups[0]["betas"],
                                                  fused=True))

    times_ms = []
    for step in range(options.warmup + options.steps):
        start = time.perf_counter()
        losses = {name: float(value) for name, value in model.step(real_a, real_b).items()}
        if step >= options.warmup:
            times_ms.append(1e3 * (time.perf_counter() - start))

    print(json.dumps({
        "median_ms": round(statistics.median(times_ms), 3),
        "min": round(min(times_ms), 3),
        "max": round(max(times_ms), 3),
        "runs": [round(t, 3) for t in times_ms],
        "net_g": net_name,
        **{key: value for key, value in vars(options).items() if key != "net_g"},
        "torch": torch.__version__,
        "onednn": torch.backends.mkldnn.is_available(),
        "losses": losses,
    }))


if __name__ == "__main__":
    main()
