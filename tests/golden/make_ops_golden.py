"""Writes ops.safetensors (single operations, forward and backward) and optimizers.safetensors (Adam and the
learning-rate schedules). See README.md. --check compares with the files that are there.

Computed in float64 from float32 inputs, rounded to float32 at the end.
"""

import argparse
import os
import sys

import torch
from torch.nn import functional as F

import safetensors_io

FOLDER = os.path.dirname(os.path.abspath(__file__))
# Largest ||float32 - float64|| / ||float64||: beyond it, a case would test rounding.
TOLERANCE = 5e-6


class Recorder:
    """Collects cases: tensors `<case>.<name>` and a metadata entry `<case>` of key=value words."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.tensors, self.metadata, self.names = {}, {}, []

    def normal(self, *shape):
        """float64 values that float32 holds exactly."""
        return torch.randn(*shape, generator=self.generator).double()

    def differentiate(self, name, function, inputs, settings, results=None):
        """Records the inputs, y = function(**inputs), a random dy (1 and not recorded where y is a scalar) and the
        gradients dx, dweight, dbias, dother. `results` are recorded as they are."""
        inputs = {key: value.float() for key, value in inputs.items()}
        shape = function(**inputs).shape
        dy = self.normal(*shape) if shape else torch.ones(())
        truth = self._run(function, inputs, dy, torch.float64)
        rounded = self._run(function, inputs, dy, torch.float32)
        for key, value in truth.items():
            far = float((rounded[key] - value).norm() / value.norm().clamp_min(1e-300))
            if far > TOLERANCE:
                raise SystemExit(f"{name}.{key}: float32 strays {far:.1e} from float64, choose a friendlier case")
        if shape:
            truth["dy"] = dy
        for key, value in {**inputs, **truth, **(results or {})}.items():
            self.tensors[f"{name}.{key}"] = value
        self.metadata[name] = " ".join(f"{key}={value}" for key, value in settings.items())
        self.names.append(name)

    @staticmethod
    def _run(function, inputs, dy, dtype):
        inputs = {key: value.to(dtype) for key, value in inputs.items()}
        wanted = [key for key in ("x", "weight", "bias", "other") if key in inputs]
        for key in wanted:
            inputs[key] = inputs[key].clone().requires_grad_(True)
        y = function(**inputs)
        y.backward(dy.to(dtype))
        return {"y": y.detach().double(), **{f"d{key}": inputs[key].grad.double() for key in wanted}}

    def save(self, path, check):
        tensors = {key: value.float().numpy() for key, value in self.tensors.items()}
        metadata = {**self.metadata, "cases": " ".join(self.names)}
        if not check:
            safetensors_io.save(path, tensors, metadata)
            print(f"{path}: {os.path.getsize(path)} bytes, {len(self.names)} cases, {len(tensors)} tensors")
            return True
        stored, stored_metadata = safetensors_io.load(path)
        if set(stored) != set(tensors) or stored_metadata != metadata:
            print(f"{path}: other names or metadata")
            return False
        far = max(float(abs(tensors[key] - stored[key]).max() / (abs(stored[key]).max() + 1e-30)) for key in stored)
        print(f"{path}: differs by {far:.1e} of each tensor's largest value")
        return far < 1e-6


# ---------------------------------------------------------------- operations

# (n, c, h, w, k, kernel height, kernel width, stride, pad, bias)
CONVOLUTIONS = [
    (1, 1, 1, 1, 1, 1, 1, 1, 0, True),
    (2, 5, 6, 9, 7, 1, 1, 1, 0, True),
    (1, 4, 7, 5, 3, 1, 1, 2, 0, False),
    (2, 3, 8, 11, 5, 3, 3, 1, 1, False),
    (2, 6, 9, 7, 4, 3, 3, 2, 1, True),
    (1, 3, 11, 8, 2, 3, 3, 3, 0, True),
    (2, 3, 16, 12, 8, 4, 4, 2, 1, False),
    (2, 8, 2, 2, 5, 4, 4, 2, 1, True),
    (1, 8, 5, 6, 1, 4, 4, 1, 1, True),
    (1, 3, 9, 13, 4, 5, 5, 2, 2, True),
    (2, 2, 6, 5, 3, 5, 5, 1, 2, False),
    (1, 3, 12, 10, 4, 7, 7, 1, 0, True),
    (1, 2, 9, 10, 3, 7, 7, 3, 3, False),
    (2, 4, 7, 9, 3, 3, 5, 1, 2, True),
]

# (n, c, h, w, k, kernel, stride, pad, output_pad, bias): x has c channels, y has k
TRANSPOSED = [
    (1, 1, 1, 1, 1, 4, 2, 1, 0, True),
    (2, 6, 4, 5, 3, 4, 2, 1, 0, False),
    (1, 5, 1, 1, 7, 4, 2, 1, 0, True),
    (2, 4, 5, 3, 2, 3, 2, 1, 1, False),
    (1, 4, 4, 6, 3, 3, 2, 1, 0, True),
    (1, 3, 5, 4, 5, 3, 1, 1, 0, True),
    (1, 2, 3, 4, 3, 5, 3, 1, 1, True),
    (2, 3, 4, 3, 2, 7, 3, 3, 0, False),
    (1, 7, 6, 5, 4, 1, 1, 0, 0, True),
]


def record_convolutions(r):
    for i, (n, c, h, w, k, kh, kw, stride, pad, bias) in enumerate(CONVOLUTIONS):
        inputs = {"x": r.normal(n, c, h, w), "weight": r.normal(k, c, kh, kw)}
        if bias:
            inputs["bias"] = r.normal(k)
        r.differentiate(
            f"conv.{i}", lambda x, weight, bias=None, stride=stride, pad=pad: F.conv2d(x, weight, bias, stride, pad),
            inputs, {"stride": stride, "pad": pad})
    for i, (n, c, h, w, k, kernel, stride, pad, output_pad, bias) in enumerate(TRANSPOSED):
        inputs = {"x": r.normal(n, c, h, w), "weight": r.normal(c, k, kernel, kernel)}
        if bias:
            inputs["bias"] = r.normal(k)
        r.differentiate(
            f"conv_transpose.{i}",
            lambda x, weight, bias=None, a=(stride, pad, output_pad): F.conv_transpose2d(x, weight, bias, *a),
            inputs, {"stride": stride, "pad": pad, "output_pad": output_pad})


def record_norms(r):
    for i, (n, c, h, w) in enumerate([(2, 3, 4, 5), (1, 7, 2, 2), (5, 1, 1, 1), (4, 5, 1, 3), (2, 6, 31, 3)]):
        running = {"running_mean": r.normal(c), "running_var": r.normal(c).square().float().double()}
        inputs = {"x": 3 * r.normal(n, c, h, w) + 2, "weight": r.normal(c), "bias": r.normal(c)}
        new = {f"new_{key}": value.clone() for key, value in running.items()}
        F.batch_norm(inputs["x"].float().double(), *new.values(), None, None, True, 0.1, 1e-5)
        r.differentiate(
            f"batch_norm.{i}",
            lambda x, weight, bias: F.batch_norm(x, None, None, weight, bias, True, 0.1, 1e-5),
            inputs, {"momentum": 0.1, "eps": 1e-5}, {**running, **new})
        r.differentiate(
            f"batch_norm_inference.{i}",
            lambda x, weight, bias, running_mean, running_var:
                F.batch_norm(x, running_mean, running_var, weight, bias, False, 0.1, 1e-5),
            {**inputs, **running}, {"eps": 1e-5})
    for i, (n, c, h, w) in enumerate([(2, 3, 4, 5), (1, 7, 2, 2), (3, 1, 1, 3), (2, 4, 31, 3)]):
        inputs = {"x": 3 * r.normal(n, c, h, w) + 2, "weight": r.normal(c), "bias": r.normal(c)}
        r.differentiate(f"instance_norm.{i}", lambda x: F.instance_norm(x), {"x": inputs["x"]}, {"eps": 1e-5})
        r.differentiate(
            f"instance_norm_affine.{i}",
            lambda x, weight, bias: F.instance_norm(x, weight=weight, bias=bias), inputs, {"eps": 1e-5})


def record_spatial(r):
    for i, (n, c, h, w, factor) in enumerate([(2, 3, 4, 5, 2), (1, 1, 1, 1, 2), (1, 5, 3, 7, 3), (2, 2, 1, 6, 4)]):
        x = r.normal(n, c, h, w)
        r.differentiate(
            f"upsample_nearest.{i}", lambda x: F.interpolate(x, scale_factor=factor, mode="nearest"),
            {"x": x}, {"factor": factor})
        r.differentiate(
            f"upsample_bilinear.{i}",
            lambda x: F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False),
            {"x": x}, {"factor": factor})
    pools = [(2, 3, 4, 6, 2, 2, 0), (1, 5, 7, 5, 3, 2, 1), (2, 1, 5, 8, 2, 1, 1), (1, 4, 9, 7, 3, 3, 0),
             (1, 2, 1, 1, 1, 1, 0)]
    for i, (n, c, h, w, kernel, stride, pad) in enumerate(pools):
        x, settings = r.normal(n, c, h, w), {"kernel": kernel, "stride": stride, "pad": pad}
        r.differentiate(f"max_pool.{i}", lambda x: F.max_pool2d(x, kernel, stride, pad), {"x": x}, settings)
        for include in (True, False):
            r.differentiate(
                f"avg_pool_{'include' if include else 'exclude'}.{i}",
                lambda x: F.avg_pool2d(x, kernel, stride, pad, count_include_pad=include), {"x": x}, settings)
    for i, (n, c, h, w, pad) in enumerate([(2, 3, 4, 5, 1), (1, 1, 4, 4, 3), (1, 5, 7, 6, 3), (2, 2, 3, 9, 2)]):
        r.differentiate(
            f"reflection_pad.{i}", lambda x: F.pad(x, (pad,) * 4, mode="reflect"), {"x": r.normal(n, c, h, w)},
            {"pad": pad})


def record_pointwise(r):
    x = 2 * r.normal(2, 3, 5, 4)
    for name, function in {
        "relu": lambda x: F.relu(x),
        "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
        "tanh": lambda x: torch.tanh(x),
        "sigmoid": lambda x: torch.sigmoid(x),
    }.items():
        r.differentiate(f"{name}.0", function, {"x": x}, {"slope": 0.2} if name == "leaky_relu" else {})


def record_losses(r):
    """Means over all elements; dx is the gradient of the mean."""
    losses = {"l1": F.l1_loss, "mse": F.mse_loss, "bce_with_logits": F.binary_cross_entropy_with_logits}
    for i, shape in enumerate([(2, 3, 5, 4), (1, 1, 1, 1), (2, 1, 30, 7)]):
        for name, function in losses.items():
            x, target = 3 * r.normal(*shape), r.normal(*shape)
            if name == "bce_with_logits":
                target = torch.rand(*shape, generator=r.generator).double()
                x.view(-1)[:: max(1, x.numel() // 4)] *= 30  # where exp overflows in float32
            if name == "l1" and x.numel() > 1:
                target.view(-1)[0] = x.view(-1)[0]  # equal: gradient 0
            r.differentiate(f"{name}.{i}", lambda x, target: function(x, target), {"x": x, "target": target}, {})


def record_arithmetic(r):
    x, other = 2 * r.normal(2, 3, 5, 4), r.normal(2, 3, 5, 4)
    positive = x.abs() + 0.1
    for name, function in {
        "abs": torch.abs,
        "square": torch.square,
        "exp": torch.exp,
        "affine": lambda x: 0.5 - x * 0.75,
        "sum": torch.sum,
        "mean": torch.mean,
    }.items():
        r.differentiate(f"{name}.0", function, {"x": x}, {})
    for name, function in {"sqrt": torch.sqrt, "log": torch.log, "reciprocal": lambda x: 1.5 / x}.items():
        r.differentiate(f"{name}.0", function, {"x": positive}, {})
    for name in ("add", "sub", "mul", "div"):
        r.differentiate(f"{name}.0", lambda x, other: getattr(torch, name)(x, other),
                        {"x": x, "other": positive if name == "div" else other}, {})


def record_classifiers(r):
    """Linear layers on flattened pictures and on the channels of every pixel; cross-entropy of logits [n,c,h,w]."""
    for i, (n, c, h, w, k, bias) in enumerate([(2, 3, 4, 5, 7, True), (3, 6, 1, 1, 2, True), (2, 4, 3, 1, 5, False)]):
        inputs = {"x": r.normal(n, c, h, w), "weight": r.normal(k, c * h * w)}
        if bias:
            inputs["bias"] = r.normal(k)
        r.differentiate(
            f"linear.{i}", lambda x, weight, bias=None: F.linear(x.flatten(1), weight, bias)[:, :, None, None], inputs,
            {"height": h, "width": w})
    inputs = {"x": r.normal(2, 5, 3, 4), "weight": r.normal(6, 5), "bias": r.normal(6)}
    r.differentiate(
        "linear.3", lambda x, weight, bias: F.linear(x.movedim(1, 3), weight, bias).movedim(3, 1), inputs,
        {"height": 1, "width": 1})
    for i, (n, c, h, w, size) in enumerate([(6, 4, 1, 1, 1), (2, 3, 4, 5, 3), (3, 21, 2, 1, 30)]):
        inputs = {"x": size * r.normal(n, c, h, w),
                  "labels": torch.randint(c, (n, h, w), generator=r.generator).double()}
        r.differentiate(
            f"softmax_cross_entropy.{i}", lambda x, labels: F.cross_entropy(x, labels.long()), inputs, {})


# ----------------------------------------------------------------- optimizers


def record_adam(r):
    """p0, g [steps, count], p [steps, count] after each step, m and v after the last."""
    variants = [(2e-4, 0.5, 0.999, 1e-8), (1e-2, 0.9, 0.999, 1e-8), (1e-3, 0.0, 0.9, 1e-3)]
    for i, (lr, beta1, beta2, eps) in enumerate(variants):
        count, steps = 37, 6
        parameter = r.normal(count).requires_grad_(True)
        start = parameter.detach().clone()
        adam = torch.optim.Adam([parameter], lr=lr, betas=(beta1, beta2), eps=eps)
        gradients = r.normal(steps, count) * torch.logspace(-7, 1, count, dtype=torch.float64)
        gradients = gradients.float().double()
        gradients[:, 5] = 0.0
        gradients[2:, 7] = 0.0
        after = []
        for gradient in gradients:
            parameter.grad = gradient.clone()
            adam.step()
            after.append(parameter.detach().clone())
        moments = adam.state[parameter]
        name = f"adam.{i}"
        r.tensors.update({f"{name}.p0": start, f"{name}.g": gradients, f"{name}.p": torch.stack(after),
                          f"{name}.m": moments["exp_avg"], f"{name}.v": moments["exp_avg_sq"]})
        r.metadata[name] = f"lr={lr} beta1={beta1} beta2={beta2} eps={eps} steps={steps}"
        r.names.append(name)


def schedule(optimizer, policy, n_epochs, n_epochs_decay, decay_iters):
    schedulers = torch.optim.lr_scheduler
    if policy == "linear":
        # The rule counts from epoch_count = 1, hence the + 1.
        return schedulers.LambdaLR(
            optimizer, lambda calls: 1.0 - max(0, calls + 1 - n_epochs) / (n_epochs_decay + 1))
    if policy == "step":
        return schedulers.StepLR(optimizer, step_size=decay_iters, gamma=0.1)
    if policy == "plateau":
        return schedulers.ReduceLROnPlateau(optimizer, mode="min", factor=0.2, threshold=0.01, patience=5)
    return schedulers.CosineAnnealingLR(optimizer, T_max=n_epochs, eta_min=0)


def record_schedules(r):
    """lr [epochs + 1]: the learning rate after 0, 1, 2 ... calls of the scheduler."""
    lr = 2e-4
    for policy in ("linear", "step", "plateau", "cosine"):
        for i, (n_epochs, n_epochs_decay, decay_iters) in enumerate([(100, 100, 50), (3, 4, 2), (5, 0, 50)]):
            optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=lr)
            scheduler = schedule(optimizer, policy, n_epochs, n_epochs_decay, decay_iters)
            optimizer.step()  # nothing has a gradient; PyTorch wants the call
            rates = [optimizer.param_groups[0]["lr"]]
            for _ in range(n_epochs + n_epochs_decay):
                scheduler.step(*([0.0] if policy == "plateau" else []))
                rates.append(optimizer.param_groups[0]["lr"])
            name = f"lr_{policy}.{i}"
            r.tensors[f"{name}.lr"] = torch.tensor(rates, dtype=torch.float64)
            r.metadata[name] = (f"lr={lr} n_epochs={n_epochs} n_epochs_decay={n_epochs_decay} "
                                f"lr_decay_iters={decay_iters}")
            r.names.append(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check

    operations = Recorder(seed=1)
    for record in (record_convolutions, record_norms, record_spatial, record_pointwise, record_losses,
                   record_arithmetic, record_classifiers):
        record(operations)
    good = operations.save(os.path.join(FOLDER, "ops.safetensors"), check)

    optimizers = Recorder(seed=2)
    record_adam(optimizers)
    record_schedules(optimizers)
    good = optimizers.save(os.path.join(FOLDER, "optimizers.safetensors"), check) and good
    sys.exit(not good)


if __name__ == "__main__":
    main()
