"""Attention U-Net (Oktay et al. 2018) in its widespread 2-D form."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

from .output import SegmentorOutput


class DoubleConv(nn.Module):
    """Twice: 3×3 convolution with bias, batch normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class UpConv(nn.Module):
    """Nearest-neighbour doubling, 3×3 convolution, batch normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.up(x)


def projection(inputs: int, outputs: int) -> nn.Sequential:
    """1×1 convolution and batch normalization."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))


class AttentionGate(nn.Module):
    """Weighs each pixel of a skip map by additive attention to the decoder's map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.W_g = projection(channels, channels // 2)
        self.W_x = projection(channels, channels // 2)
        self.psi = projection(channels // 2, 1)

    def forward(self, gate: Tensor, skip: Tensor) -> Tensor:
        return skip * torch.sigmoid(self.psi(torch.relu(self.W_g(gate) + self.W_x(skip))))


class AttentionUNet(nn.Module):
    """Five levels of widths w, 2w, 4w, 8w, 16w."""

    def __init__(self, image_channels: int, classes: int, base_width: int = 64) -> None:
        super().__init__()
        widths = [base_width * 2**level for level in range(5)]
        for level in range(5):
            self.add_module(f"Conv{level + 1}", DoubleConv(widths[level - 1] if level else image_channels, widths[level]))
        for level in range(4, 0, -1):
            skip = widths[level - 1]
            self.add_module(f"Up{level + 1}", UpConv(widths[level], skip))
            self.add_module(f"Att{level + 1}", AttentionGate(skip))
            self.add_module(f"Up_conv{level + 1}", DoubleConv(2 * skip, skip))
        self.Conv_1x1 = nn.Conv2d(base_width, classes, 1)

    def forward(self, image: Tensor) -> SegmentorOutput:
        maps = [self.get_submodule("Conv1")(image)]
        for level in range(2, 6):
            maps.append(self.get_submodule(f"Conv{level}")(max_pool2d(maps[-1], 2)))
        x = bottleneck = maps[4]
        decoded: dict[int, Tensor] = {}
        for level in range(5, 1, -1):
            up = self.get_submodule(f"Up{level}")(x)
            gated = self.get_submodule(f"Att{level}")(up, maps[level - 2])
            x = decoded[level] = self.get_submodule(f"Up_conv{level}")(torch.cat([gated, up], 1))
        return SegmentorOutput(self.Conv_1x1(x), (decoded[4], decoded[5], bottleneck, avg_pool2d(bottleneck, 2)))
