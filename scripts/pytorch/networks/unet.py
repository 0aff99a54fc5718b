"""U-Net (Ronneberger et al. 2015) with batch normalization and transposed convolutions."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from .output import SegmentorOutput


class DoubleConv(nn.Module):
    """Twice: 3×3 convolution without bias, batch normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.double_conv(x)


class Down(nn.Module):
    """Halves the sides, doubles the channels."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(inputs, 2 * inputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.maxpool_conv(x)


class Up(nn.Module):
    """Doubles the sides, halves the channels, and joins the encoder's map (skip first, then up)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, inputs // 2, 2, stride=2)
        self.conv = DoubleConv(inputs, inputs // 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.conv(torch.cat([skip, self.up(x)], 1))


class Head(nn.Module):
    """1×1 convolution to the classes."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class UNet(nn.Module):
    """The four-level U-Net."""

    def __init__(self, image_channels: int, classes: int, base_width: int = 64) -> None:
        super().__init__()
        self.inc = DoubleConv(image_channels, base_width)
        for level in range(1, 5):
            self.add_module(f"down{level}", Down(base_width * 2 ** (level - 1)))
        for level in range(1, 5):
            self.add_module(f"up{level}", Up(base_width * 2 ** (5 - level)))
        self.outc = Head(base_width, classes)

    def forward(self, image: Tensor) -> SegmentorOutput:
        skips = [self.inc(image)]
        for level in range(1, 5):
            skips.append(self.get_submodule(f"down{level}")(skips[-1]))
        bottleneck = x = skips.pop()
        decoded = []
        for level in range(1, 5):
            x = self.get_submodule(f"up{level}")(x, skips.pop())
            decoded.append(x)
        return SegmentorOutput(self.outc(x), (decoded[1], decoded[0], bottleneck, avg_pool2d(bottleneck, 2)))
