"""Swin-Unet (Cao et al. 2021) with the encoder of Liu et al. 2021, for images of any sides that are multiples of 32."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from .output import SegmentorOutput

Size = tuple[int, int]

# Keeps pixels of different image regions apart; exp(−100) vanishes beside any weight that matters.
MASKED = -100.0


def partition(x: Tensor, window: Size) -> Tensor:
    """`[batch, height, width, channels]` → `[batch, windows, pixels of a window, channels]`."""
    x = x.unfold(1, window[0], window[0]).unfold(2, window[1], window[1])  # [batch, rows, columns, channels, wh, ww]
    return x.permute(0, 1, 2, 4, 5, 3).flatten(3, 4).flatten(1, 2)


def unpartition(windows: Tensor, window: Size, size: Size) -> Tensor:
    """The inverse of `partition` for maps of `size`."""
    batch, channels = windows.shape[0], windows.shape[-1]
    grid = windows.reshape(batch, size[0] // window[0], size[1] // window[1], *window, channels)
    return grid.transpose(2, 3).reshape(batch, *size, channels)


def regions(size: int, window: int, shift: int) -> Tensor:
    """Along one axis of a map shifted by `shift`: pixels of one window that were no neighbours get different numbers."""
    position = torch.arange(size)
    return (position >= size - window).long() + (position >= size - shift).long() if shift else torch.zeros(size, dtype=torch.long)


@lru_cache
def attention_mask(size: Size, window: Size, shift: Size) -> Tensor:
    """What is added to the attention logits: `[windows, pixels, pixels]`."""
    rows, columns = (regions(*axis) for axis in zip(size, window, shift))
    number = partition((3 * rows[:, None] + columns)[None, :, :, None], window)[0, :, :, 0]
    return MASKED * (number[:, :, None] != number[:, None, :])


@lru_cache
def relative_positions(window: Size, full_window: int) -> Tensor:
    """For each pair of pixels of a window its row in the bias table made for `full_window`: `[pixels, pixels]`."""
    row, column = torch.meshgrid(torch.arange(window[0]), torch.arange(window[1]), indexing="ij")

    def offsets(position: Tensor) -> Tensor:
        return position.flatten()[:, None] - position.flatten()[None, :] + full_window - 1

    return offsets(row) * (2 * full_window - 1) + offsets(column)


class WindowAttention(nn.Module):
    """Multi-head self-attention among the pixels of a window, with a learned bias for each relative position."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, windows: Tensor, window: Size, mask: Tensor | None) -> Tensor:
        batch, count, pixels, width = windows.shape
        qkv = self.qkv(windows).reshape(batch, count, pixels, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(3, 0, 1, 4, 2, 5)
        logits = query @ key.transpose(-1, -2) * (width // self.heads) ** -0.5
        logits = logits + self.relative_position_bias_table[relative_positions(window, self.window)].permute(2, 0, 1)
        if mask is not None:
            logits = logits + mask[:, None].to(logits)
        attended = torch.softmax(logits, -1) @ value
        return self.proj(attended.transpose(2, 3).reshape(batch, count, pixels, width))


class Mlp(nn.Module):
    """Linear, exact GELU, linear."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class SwinBlock(nn.Module):
    """Pre-norm transformer block on `[batch, height, width, channels]`; its windows are shifted in every second block."""

    def __init__(self, width: int, heads: int, window: int, mlp_ratio: int, shifted: bool) -> None:
        super().__init__()
        self.window = window
        self.shifted = shifted
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, mlp_ratio * width)

    def attend(self, x: Tensor) -> Tensor:
        height, width = x.shape[1:3]
        window = (min(height, self.window), min(width, self.window))
        shift = tuple(self.window // 2 if self.shifted and side > self.window else 0 for side in (height, width))
        x = pad(x, (0, 0, 0, -width % window[1], 0, -height % window[0]))
        size = (x.shape[1], x.shape[2])
        mask = attention_mask(size, window, shift) if any(shift) else None
        windows = partition(torch.roll(x, (-shift[0], -shift[1]), (1, 2)), window)
        x = unpartition(self.attn(windows, window, mask), window, size)
        return torch.roll(x, shift, (1, 2))[:, :height, :width]

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchMerging(nn.Module):
    """Joins 2×2 neighbours: half the sides, twice the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        neighbours = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduction(self.norm(torch.cat(neighbours, -1)))


class PatchExpand(nn.Module):
    """Makes `factor`×`factor` pixels of `outputs` channels of each pixel."""

    def __init__(self, inputs: int, outputs: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.expand = nn.Linear(inputs, factor**2 * outputs, bias=False)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        batch, height, width, _ = x.shape
        pixels = self.expand(x).reshape(batch, height, width, self.factor, self.factor, -1)
        return self.norm(pixels.transpose(2, 3).reshape(batch, height * self.factor, width * self.factor, -1))


class Stage(nn.Module):
    """Blocks of one resolution, and what leads to the next one."""

    def __init__(self, depth: int, width: int, heads: int, window: int, mlp_ratio: int, **following: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(SwinBlock(width, heads, window, mlp_ratio, block % 2 == 1) for block in range(depth)))
        for name, module in following.items():
            self.add_module(name, module)


class PatchEmbedding(nn.Module):
    """4×4 patches as pixels of a map, channels last."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inputs, width, 4, stride=4)
        self.norm = nn.LayerNorm(width)

    def forward(self, image: Tensor) -> Tensor:
        return self.norm(self.proj(image).permute(0, 2, 3, 1))


def channels_first(x: Tensor) -> Tensor:
    """`[batch, height, width, channels]` → `[batch, channels, height, width]`."""
    return x.permute(0, 3, 1, 2)


class SwinTransformerSys(nn.Module):
    """The network proper; `SwinUNet` gives its state the published prefix."""

    def __init__(
        self,
        image_channels: int,
        classes: int,
        embed_dimension: int,
        depths: Sequence[int],
        decoder_depths: Sequence[int],
        heads: Sequence[int],
        window: int,
        mlp_ratio: int,
    ) -> None:
        super().__init__()
        width = embed_dimension
        widths = [width * 2**level for level in range(4)]
        self.patch_embed = PatchEmbedding(image_channels, width)
        self.layers = nn.ModuleList(
            Stage(depths[i], widths[i], heads[i], window, mlp_ratio, **({"downsample": PatchMerging(widths[i])} if i < 3 else {}))
            for i in range(4)
        )
        self.norm = nn.LayerNorm(widths[3])
        self.layers_up = nn.ModuleList([PatchExpand(widths[3], widths[2], 2)])
        self.concat_back_dim = nn.ModuleList([nn.Identity()])
        for i in range(1, 4):
            level = 3 - i
            expand = {"upsample": PatchExpand(widths[level], widths[level - 1], 2)} if level > 0 else {}
            self.layers_up.append(Stage(decoder_depths[i], widths[level], heads[level], window, mlp_ratio, **expand))
            self.concat_back_dim.append(nn.Linear(2 * widths[level], widths[level]))
        self.norm_up = nn.LayerNorm(width)
        self.up = PatchExpand(width, width, 4)
        self.output = nn.Conv2d(width, classes, 1, bias=False)

    def forward(self, image: Tensor) -> SegmentorOutput:
        x = self.patch_embed(image)
        skips = []
        for layer in self.layers:
            skips.append(x)  # what enters the stage, as in the published code
            x = layer.blocks(x)
            x = layer.downsample(x) if hasattr(layer, "downsample") else x
        features = [self.norm(x)]
        x = self.layers_up[0](features[0])
        for i in range(1, 4):
            x = self.layers_up[i].blocks(self.concat_back_dim[i](torch.cat([x, skips[3 - i]], -1)))
            x = self.norm_up(x) if i == 3 else x
            features.insert(0, x)
            x = self.layers_up[i].upsample(x) if i < 3 else x
        logits = self.output(channels_first(self.up(x)))
        return SegmentorOutput(logits, tuple(channels_first(feature) for feature in features))


class SwinUNet(nn.Module):
    """Swin-Unet; images of one channel are repeated to three, as the published code does."""

    def __init__(
        self,
        image_channels: int,
        classes: int,
        embed_dimension: int = 96,
        depths: Sequence[int] = (2, 2, 2, 2),
        decoder_depths: Sequence[int] = (1, 2, 2, 2),
        heads: Sequence[int] = (3, 6, 12, 24),
        window: int = 7,
        mlp_ratio: int = 4,
    ) -> None:
        super().__init__()
        inputs = 3 if image_channels == 1 else image_channels
        self.swin_unet = SwinTransformerSys(inputs, classes, embed_dimension, depths, decoder_depths, heads, window, mlp_ratio)

    def forward(self, image: Tensor) -> SegmentorOutput:
        return self.swin_unet(image.repeat(1, 3, 1, 1) if image.shape[1] == 1 else image)
