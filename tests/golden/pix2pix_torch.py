"""pix2pix in PyTorch, written from its description, as the yardstick for Uptake's own networks.

The state_dict names and shapes are those of the public PyTorch pix2pix, so weights can be exchanged with it.
"""

import torch
from torch import nn

NORMS = ("batch", "instance", "none")


def norm_layer(norm, channels):
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "instance":
        return nn.InstanceNorm2d(channels)  # no parameters, no running statistics
    if norm == "none":
        return nn.Identity()
    raise ValueError(f"norm is {norm!r}, expected one of {NORMS}")


def convolutions_have_bias(norm):
    """Before a batch norm a bias is redundant. Without a norm there is none either: the public code's rule."""
    return norm == "instance"


def no_dropout():
    return None


def half_dropout():
    return nn.Dropout(0.5)


# ---------------------------------------------------------------- generators


class ResizeConv(nn.Conv2d):
    """Doubles height and width by copying or interpolating, then convolves 3x3 over reflected borders."""

    def __init__(self, mode, input_nc, output_nc, bias):
        super().__init__(input_nc, output_nc, 3, padding=1, padding_mode="reflect", bias=bias)
        self.mode = {"mode": mode, **({"align_corners": False} if mode == "bilinear" else {})}

    def forward(self, x):
        return super().forward(nn.functional.interpolate(x, scale_factor=2, **self.mode))


def up_layer(upsample, input_nc, output_nc, *, bias=True, **transposed):
    """convtranspose with the settings given, or nearest or bilinear."""
    if upsample == "convtranspose":
        return nn.ConvTranspose2d(input_nc, output_nc, bias=bias, **transposed)
    return ResizeConv(upsample, input_nc, output_nc, bias)


class UNetLevel(nn.Module):
    """One level of the U-Net: halve the image, run the levels inside, double it, and put the input beside it."""

    def __init__(self, outer, inner, *, inside, norm, dropout=None, upsample="convtranspose"):
        super().__init__()
        bias = convolutions_have_bias(norm)
        layers = [
            nn.LeakyReLU(0.2),
            nn.Conv2d(outer, inner, 4, stride=2, padding=1, bias=bias),
        ]
        if inside is not None:
            layers += [norm_layer(norm, inner), inside]
        layers += [
            nn.ReLU(),
            up_layer(upsample, inner if inside is None else 2 * inner, outer, kernel_size=4, stride=2, padding=1,
                     bias=bias),
            norm_layer(norm, outer),
        ]
        if dropout is not None:
            layers.append(dropout)
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return torch.cat([x, self.model(x)], dim=1)


class UNetOuterLevel(nn.Module):
    def __init__(self, input_nc, output_nc, inner, *, inside, norm, upsample):
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(input_nc, inner, 4, stride=2, padding=1, bias=convolutions_have_bias(norm)),
            inside,
            nn.ReLU(),
            up_layer(upsample, 2 * inner, output_nc, kernel_size=4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, x):
        return self.model(x)


class UNet(nn.Module):
    """num_downs levels; sizes must be multiples of 2^num_downs. Dropout at the levels of 8 ngf channels that are
    neither the innermost nor the one where the channels first reach 8 ngf."""

    def __init__(self, input_nc, output_nc, num_downs, ngf=64, norm="batch", make_dropout=no_dropout,
                 upsample="convtranspose"):
        super().__init__()
        form = {"norm": norm, "upsample": upsample}
        if num_downs < 5:
            raise ValueError(f"num_downs is {num_downs}, expected at least 5")
        level = UNetLevel(8 * ngf, 8 * ngf, inside=None, **form)
        for _ in range(num_downs - 5):
            level = UNetLevel(8 * ngf, 8 * ngf, inside=level, dropout=make_dropout(), **form)
        for outer in (4 * ngf, 2 * ngf, ngf):
            level = UNetLevel(outer, 2 * outer, inside=level, **form)
        self.model = UNetOuterLevel(input_nc, output_nc, ngf, inside=level, **form)

    def forward(self, x):
        return self.model(x)


class ResnetBlock(nn.Module):
    def __init__(self, channels, norm, dropout):
        super().__init__()
        bias = convolutions_have_bias(norm)

        def convolve():
            return [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), norm_layer(norm, channels)]

        middle = [nn.ReLU()] if dropout is None else [nn.ReLU(), dropout]
        self.conv_block = nn.Sequential(*convolve(), *middle, *convolve())

    def forward(self, x):
        return x + self.conv_block(x)


class Resnet(nn.Module):
    """Sizes must be multiples of 4."""

    def __init__(self, input_nc, output_nc, blocks, ngf=64, norm="batch", make_dropout=no_dropout,
                 upsample="convtranspose"):
        super().__init__()
        bias = convolutions_have_bias(norm)
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(input_nc, ngf, 7, bias=bias), norm_layer(norm, ngf), nn.ReLU()]
        for c in (ngf, 2 * ngf):
            layers += [nn.Conv2d(c, 2 * c, 3, stride=2, padding=1, bias=bias), norm_layer(norm, 2 * c), nn.ReLU()]
        layers += [ResnetBlock(4 * ngf, norm, make_dropout()) for _ in range(blocks)]
        for c in (4 * ngf, 2 * ngf):
            up = up_layer(upsample, c, c // 2, kernel_size=3, stride=2, padding=1, output_padding=1, bias=bias)
            layers += [up, norm_layer(norm, c // 2), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, output_nc, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


# ------------------------------------------------------------ discriminators


class PatchDiscriminator(nn.Module):
    """Logits of overlapping patches; three layers see 70 x 70 pixels."""

    def __init__(self, input_nc, ndf=64, layers=3, norm="batch"):
        super().__init__()
        bias = convolutions_have_bias(norm)
        stack = [nn.Conv2d(input_nc, ndf, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        c = ndf
        for n in range(1, layers + 1):
            k = ndf * min(2**n, 8)
            stride = 1 if n == layers else 2
            stack += [nn.Conv2d(c, k, 4, stride=stride, padding=1, bias=bias), norm_layer(norm, k), nn.LeakyReLU(0.2)]
            c = k
        stack.append(nn.Conv2d(c, 1, 4, stride=1, padding=1))
        self.model = nn.Sequential(*stack)

    def forward(self, x):
        return self.model(x)


class PixelDiscriminator(nn.Module):
    def __init__(self, input_nc, ndf=64, norm="batch"):
        super().__init__()
        bias = convolutions_have_bias(norm)
        self.net = nn.Sequential(
            nn.Conv2d(input_nc, ndf, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(ndf, 2 * ndf, 1, bias=bias),
            norm_layer(norm, 2 * ndf),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * ndf, 1, 1, bias=bias),
        )

    def forward(self, x):
        return self.net(x)


# ------------------------------------------------------- by name, initialise


def make_generator(net_g, input_nc, output_nc, ngf, norm, make_dropout=no_dropout, upsample="convtranspose"):
    """net_g: unet_<power of two from 32> (unet_256 has 8 levels), resnet_<blocks>blocks."""
    kind, _, size = net_g.partition("_")
    if kind == "unet":
        num_downs = int(size).bit_length() - 1
        if 2**num_downs != int(size):
            raise ValueError(f"{net_g}: the size must be a power of two")
        return UNet(input_nc, output_nc, num_downs, ngf, norm, make_dropout, upsample)
    if kind == "resnet" and size.endswith("blocks"):
        return Resnet(input_nc, output_nc, int(size[: -len("blocks")]), ngf, norm, make_dropout, upsample)
    raise ValueError(f"unknown generator {net_g!r}")


def make_discriminator(net_d, input_nc, ndf, norm, layers=3):
    if net_d == "basic":
        return PatchDiscriminator(input_nc, ndf, 3, norm)
    if net_d == "n_layers":
        return PatchDiscriminator(input_nc, ndf, layers, norm)
    if net_d == "pixel":
        return PixelDiscriminator(input_nc, ndf, norm)
    raise ValueError(f"unknown discriminator {net_d!r}")


def initialise(network, generator, gain=0.02, spread_of_shifts=0.0):
    """Convolutions N(0, gain), norm weights N(1, gain), biases N(0, spread_of_shifts): 0 in pix2pix."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            module.weight.data.normal_(0.0, gain, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data.normal_(1.0, gain, generator=generator)
        if getattr(module, "bias", None) is not None:
            module.bias.data.normal_(0.0, spread_of_shifts, generator=generator)


# ------------------------------------------------------------------- losses


def gan_loss(mode, logits, target):
    """target: 'fake' and 'real' train the discriminator, 'generator' the generator. Means over all logits."""
    if mode == "hinge":
        if target == "generator":
            return -logits.mean()
        return torch.relu(1 + logits if target == "fake" else 1 - logits).mean()
    labels = torch.full_like(logits, 0.0 if target == "fake" else 1.0)
    if mode == "vanilla":
        return nn.functional.binary_cross_entropy_with_logits(logits, labels)
    if mode == "lsgan":
        return nn.functional.mse_loss(logits, labels)
    raise ValueError(f"unknown gan_mode {mode!r}")


# ------------------------------------------------------------- training step


class Pix2Pix:
    """One generator, one discriminator, two Adams, and the step in the order of the public code."""

    def __init__(self, net_g, net_d, *, gan_mode="vanilla", lambda_l1=100.0, lr=2e-4, beta1=0.5):
        self.net_g, self.net_d = net_g, net_d
        self.gan_mode, self.lambda_l1 = gan_mode, lambda_l1
        self.adam_g = torch.optim.Adam(net_g.parameters(), lr=lr, betas=(beta1, 0.999))
        self.adam_d = torch.optim.Adam(net_d.parameters(), lr=lr, betas=(beta1, 0.999))

    def step(self, real_a, real_b, observe=None):
        """Trains on one batch and returns the losses as scalar tensors. loss G_L1 contains lambda_l1.
        observe(name, tensor_or_network), when given, is called with what each stage produced."""
        observe = observe or (lambda *_: None)

        fake_b = self.net_g(real_a)
        observe("fake_b", fake_b)

        self._train_discriminator(True)
        self.adam_d.zero_grad()
        d_fake = self.net_d(torch.cat([real_a, fake_b.detach()], dim=1))
        loss_d_fake = gan_loss(self.gan_mode, d_fake, "fake")
        d_real = self.net_d(torch.cat([real_a, real_b], dim=1))
        loss_d_real = gan_loss(self.gan_mode, d_real, "real")
        (0.5 * (loss_d_fake + loss_d_real)).backward()
        observe("d_fake", d_fake)
        observe("d_real", d_real)
        observe("grad.d", self.net_d)
        self.adam_d.step()

        self._train_discriminator(False)
        self.adam_g.zero_grad()
        d_generator = self.net_d(torch.cat([real_a, fake_b], dim=1))
        loss_g_gan = gan_loss(self.gan_mode, d_generator, "generator")
        loss_g_l1 = self.lambda_l1 * nn.functional.l1_loss(fake_b, real_b)
        (loss_g_gan + loss_g_l1).backward()
        observe("d_generator", d_generator)
        observe("grad.g", self.net_g)
        self.adam_g.step()

        return {
            "G_GAN": loss_g_gan.detach(),
            "G_L1": loss_g_l1.detach(),
            "D_real": loss_d_real.detach(),
            "D_fake": loss_d_fake.detach(),
        }

    def _train_discriminator(self, wanted):
        for parameter in self.net_d.parameters():
            parameter.requires_grad_(wanted)
