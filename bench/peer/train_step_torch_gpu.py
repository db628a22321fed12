"""Times the pix2pix training step of PyTorch 2 on a GPU in several variants and prints one line of JSON for each.

  python3 bench/peer/train_step_torch_gpu.py --batch 16

The step is the one tests/golden/pix2pix_torch.py describes: U-Net 256, PatchGAN, batch norm, dropout, L1 + vanilla GAN
loss, two Adams; random images; cudnn.benchmark on, as in the public code. A variant is a way of running it:

  eager                       NCHW and the default Adam, as the public code runs
  eager_channels_last_fused   NHWC and fused Adam
  graph_channels_last_fused   the same, the whole step recorded in a CUDA graph
  compile_default             torch.compile of both networks, NHWC, fused Adam
  compile_graph               the same, the whole step recorded in a CUDA graph
  compile_reduce_overhead     torch.compile's own CUDA graphs. Outputs of the networks are copied, since a network that
                              runs twice in a step would overwrite the first one's
  compile_max_autotune        with the compiler's choice of kernels by timing them, and CUDA graphs

each in float32, tf32 (float32 with the inputs of products rounded for tensor cores) or bfloat16 (autocast). One that fails
or does not fit --budget is a line with "error" instead of times. Milliseconds come from CUDA events around each step.

With --serve it says {"ready": true} when everything is compiled and warm; then each line on standard input makes it time
every variant once more and say {"end": true}, so that another program can be timed in turn.
"""

import argparse
import contextlib
import gc
import json
import os
import signal
import statistics
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden"))
from pix2pix_torch import Pix2Pix, half_dropout, initialise, make_discriminator, make_generator  # noqa: E402

# (variant, precision) in order of worth: the budget cuts from the end.
PLAN = (
    ("eager", "tf32"),
    ("eager", "bfloat16"),
    ("eager_channels_last_fused", "bfloat16"),
    ("eager_channels_last_fused", "tf32"),
    ("graph_channels_last_fused", "bfloat16"),
    ("graph_channels_last_fused", "tf32"),
    ("compile_default", "bfloat16"),
    ("compile_graph", "bfloat16"),
    ("compile_reduce_overhead", "bfloat16"),
    ("eager", "float32"),
    ("eager_channels_last_fused", "float32"),
    ("compile_graph", "tf32"),
    ("compile_max_autotune", "bfloat16"),
    ("compile_default", "tf32"),
)
COMPILE_MODES = {
    "compile_default": None,
    "compile_graph": None,
    "compile_reduce_overhead": "reduce-overhead",
    "compile_max_autotune": "max-autotune",
}
WARM_UP_STEPS = 8


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--ngf", type=int, default=64, help="filters of both networks")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.7, help="of timed steps of each variant in a round")
    parser.add_argument("--budget", type=float, default=240, help="seconds for preparing all variants")
    parser.add_argument("--only", help="comma-separated variant or variant/precision")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"), help="cpu: to try this program")
    parser.add_argument("--list", action="store_true", help="print variant/precision of each and exit")
    return parser.parse_args()


class OutOfTime(Exception):
    pass


@contextlib.contextmanager
def time_limit(seconds):
    """Interrupts what takes longer."""

    def expire(*_):
        raise OutOfTime

    if seconds <= 0:
        raise OutOfTime
    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Copied(torch.nn.Module):
    """A network whose output is a copy: torch.compile's CUDA graphs reuse the memory of theirs."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x).clone()


class Trial:
    """One way of running the step: prepare() builds, compiles and warms it up, run() times it."""

    def __init__(self, variant, precision, options):
        self.variant, self.precision, self.options = variant, precision, options
        self.on_gpu = options.device == "cuda"
        self.model, self.images, self.graph, self.losses = None, None, None, None
        self.error, self.peak_bytes, self.prepare_s = None, None, None

    def prepare(self):
        self._choose_precision()
        start = time.perf_counter()
        if self.on_gpu:
            torch.cuda.reset_peak_memory_stats()
        self._build()
        if self.variant.startswith("graph_") or self.variant == "compile_graph":
            self._record()
        for _ in range(WARM_UP_STEPS):
            self._step()
        losses = {name: float(value) for name, value in self.losses.items()}  # waits for the device
        if not all(abs(value) < 1e6 for value in losses.values()):
            raise ArithmeticError(f"losses after {WARM_UP_STEPS} steps are {losses}")
        self.prepare_s = time.perf_counter() - start
        if self.on_gpu:
            self.peak_bytes = torch.cuda.max_memory_allocated()

    def _build(self):
        o = self.options
        torch.manual_seed(1)
        generator = torch.Generator().manual_seed(1)
        net_g = make_generator(f"unet_{o.size}", 3, 3, o.ngf, "batch", half_dropout)
        net_d = make_discriminator("basic", 6, o.ngf, "batch")
        self.images = [2 * torch.rand(o.batch, 3, o.size, o.size, generator=generator) - 1 for _ in range(2)]
        for network in (net_g, net_d):
            initialise(network, generator)
        fast = self.variant != "eager"
        layout = torch.channels_last if fast else torch.contiguous_format
        net_g, net_d = (net.to(o.device).to(memory_format=layout) for net in (net_g, net_d))
        self.images = [x.to(o.device).contiguous(memory_format=layout) for x in self.images]
        self.model = Pix2Pix(net_g, net_d)
        if fast and self.on_gpu:
            captured = self.variant in ("graph_channels_last_fused", "compile_graph")
            for name, network in (("adam_g", net_g), ("adam_d", net_d)):
                setattr(self.model, name, torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999),
                                                           fused=True, capturable=captured))
        if self.variant in COMPILE_MODES:
            for name in ("net_g", "net_d"):
                network = torch.compile(getattr(self.model, name), mode=COMPILE_MODES[self.variant], dynamic=False)
                setattr(self.model, name, Copied(network) if COMPILE_MODES[self.variant] else network)

    def _choose_precision(self):
        """These settings are the process's, so they are made again before each use."""
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = self.precision != "float32"
        torch.backends.cuda.matmul.allow_tf32 = self.precision != "float32"

    def _enqueue(self):
        with torch.autocast(self.options.device, dtype=torch.bfloat16, enabled=self.precision == "bfloat16"):
            return self.model.step(*self.images)

    def _record(self):
        """The whole step as one CUDA graph, after some steps on another stream, as recording wants it."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self._enqueue()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.losses = self._enqueue()

    def _step(self):
        if self.graph is not None:
            self.graph.replay()
            return
        if self.variant in ("compile_reduce_overhead", "compile_max_autotune"):
            torch.compiler.cudagraph_mark_step_begin()
        self.losses = self._enqueue()

    def times_ms(self, count):
        if not self.on_gpu:
            times = []
            for _ in range(count):
                start = time.perf_counter()
                self._step()
                times.append(1e3 * (time.perf_counter() - start))
            return times
        events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
        events[0].record()
        for event in events[1:]:
            self._step()
            event.record()
        torch.cuda.synchronize()
        return [begin.elapsed_time(end) for begin, end in zip(events, events[1:])]

    def run(self):
        self._choose_precision()
        trial = statistics.median(self.times_ms(3))
        return self.times_ms(max(5, min(300, int(1e3 * self.options.seconds / trial))))

    def release(self):
        self.model = self.images = self.graph = self.losses = None


def describe(error):
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:300] if text else ''}".rstrip(": ")


def attempt(trial, action):
    """What `action` returns, or None; the trial then carries the error and is run no more."""
    try:
        return action()
    except OutOfTime:
        trial.error = "did not fit the time budget"
    except Exception as error:  # whatever PyTorch throws is a result of its own
        trial.error = describe(error)
    trial.release()
    gc.collect()
    if trial.on_gpu:
        with contextlib.suppress(Exception):
            torch.cuda.empty_cache()
    return None


def say(**line):
    print(json.dumps(line), flush=True)


def report(trial, times):
    o = trial.options
    line = {"program": "torch", "size": o.size, "ngf": o.ngf, "batch": o.batch, "precision": trial.precision,
            "variant": trial.variant, "torch": torch.__version__, "device": o.device}
    if times is None:
        say(**line, error=trial.error)
        return
    middle = statistics.median(times)
    say(**line, median_ms=round(middle, 4), min_ms=round(min(times), 4), max_ms=round(max(times), 4),
        images_per_s=round(1e3 * o.batch / middle, 2), steps=len(times), peak_bytes=trial.peak_bytes,
        prepare_s=round(trial.prepare_s, 1), losses={name: float(value) for name, value in trial.losses.items()})


def chosen(options):
    wanted = options.only.split(",") if options.only else None
    plan = [(v, p) for v, p in PLAN if wanted is None or v in wanted or f"{v}/{p}" in wanted]
    if not plan:
        raise SystemExit(f"--only {options.only}: no such variant; --list names them")
    return plan


def main():
    options = parse()
    if options.list:
        print("\n".join(f"{variant}/{precision}" for variant, precision in chosen(options)))
        return
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("train_step_torch_gpu: PyTorch sees no GPU")
    deadline = time.perf_counter() + options.budget
    trials = [Trial(variant, precision, options) for variant, precision in chosen(options)]
    for trial in trials:
        def prepare(trial=trial):
            with time_limit(deadline - time.perf_counter()):
                trial.prepare()

        attempt(trial, prepare)

    def round_of_all():
        for trial in trials:
            report(trial, attempt(trial, trial.run) if trial.error is None else None)

    if not options.serve:
        round_of_all()
        return
    say(ready=True)
    for _ in sys.stdin:
        round_of_all()
        say(end=True)


if __name__ == "__main__":
    main()
