"""The state_dict names and shapes of unet_256 and of the discriminators, written out from their description."""

from pix2pix_torch import make_discriminator, make_generator


def _norm(prefix, channels):
    for name in ("weight", "bias", "running_mean", "running_var"):
        yield f"{prefix}.{name}", (channels,)
    yield f"{prefix}.num_batches_tracked", ()


def unet_256_names():
    """The 82 tensors of unet_256, 3 to 3 channels, ngf 64, batch norm, in file order."""
    outer = [64, 128, 256, 512, 512, 512, 512]
    inner = [128, 256, 512, 512, 512, 512, 512]
    prefixes = ["model.model.1" + ".model.3" * level for level in range(7)]
    yield "model.model.0.weight", (64, 3, 4, 4)
    for prefix, o, i in list(zip(prefixes, outer, inner))[:-1]:
        yield f"{prefix}.model.1.weight", (i, o, 4, 4)
        yield from _norm(f"{prefix}.model.2", i)
    yield f"{prefixes[-1]}.model.1.weight", (512, 512, 4, 4)
    yield f"{prefixes[-1]}.model.3.weight", (512, 512, 4, 4)
    yield from _norm(f"{prefixes[-1]}.model.4", 512)
    for prefix, o, i in reversed(list(zip(prefixes, outer, inner))[:-1]):
        yield f"{prefix}.model.5.weight", (2 * i, o, 4, 4)
        yield from _norm(f"{prefix}.model.6", o)
    yield "model.model.3.weight", (128, 3, 4, 4)
    yield "model.model.3.bias", (3,)


def _shapes(network):
    return [(name, tuple(tensor.shape)) for name, tensor in network.state_dict().items()]


def _parameters(network):
    return sum(p.numel() for p in network.parameters())


def check():
    """Raises AssertionError where a network is not the one that the published weights fit."""
    unet = make_generator("unet_256", 3, 3, 64, "batch")
    assert _shapes(unet) == list(unet_256_names())
    assert _parameters(unet) == 54_413_955
    assert _parameters(make_generator("unet_128", 3, 3, 64, "batch")) == 41_828_995
    assert _parameters(make_discriminator("basic", 6, 64, "batch")) == 2_768_705
    assert _parameters(make_discriminator("basic", 2, 64, "batch")) == 2_764_609
    basic = dict(_shapes(make_discriminator("basic", 6, 64, "batch")))
    assert basic["model.0.bias"] == (64,) and basic["model.11.weight"] == (1, 512, 4, 4)
    assert basic["model.8.weight"] == (512, 256, 4, 4) and basic["model.9.running_var"] == (512,)
    assert "model.2.bias" not in basic
    pixel = dict(_shapes(make_discriminator("pixel", 6, 64, "batch")))
    assert pixel["net.2.weight"] == (128, 64, 1, 1) and pixel["net.5.weight"] == (1, 128, 1, 1)
    assert "net.5.bias" not in pixel
    return unet


if __name__ == "__main__":
    import sys

    network = check()
    if len(sys.argv) > 1:  # a text file of "name [shape]" lines
        with open(sys.argv[1]) as file:
            lines = file.read().splitlines()
        assert lines == [f"{name} {list(shape)}" for name, shape in _shapes(network)], "the lists differ"
        print(f"{len(lines)} names and shapes agree with {sys.argv[1]}")
