"""TransUNet (Chen et al. 2021): a ResNet with weight standardization, a vision transformer on its output, a U-Net decoder."""

from collections.abc import Sequence
from itertools import zip_longest

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, gelu, max_pool2d, pad, scaled_dot_product_attention

from .output import SegmentorOutput

BOTTLENECK_WIDTH = 512  # channels between the transformer and the decoder


class StandardizedConv2d(nn.Conv2d):
    """Convolution whose filters have mean 0 and variance 1."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(self.weight, (1, 2, 3), correction=0, keepdim=True)
        return conv2d(x, (self.weight - mean) / torch.sqrt(variance + 1e-5), None, self.stride, self.padding)


def group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels, eps=1e-6)


class ResidualUnit(nn.Module):
    """1×1, 3×3 and 1×1 convolutions, normalized, with a projection where size or channels change."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        middle = outputs // 4
        self.gn1 = group_norm(middle)
        self.conv1 = StandardizedConv2d(inputs, middle, 1)
        self.gn2 = group_norm(middle)
        self.conv2 = StandardizedConv2d(middle, middle, 3, stride)
        self.gn3 = group_norm(outputs)
        self.conv3 = StandardizedConv2d(middle, outputs, 1)
        if stride > 1 or inputs != outputs:
            self.downsample = StandardizedConv2d(inputs, outputs, 1, stride)
            self.gn_proj = nn.GroupNorm(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.gn_proj(self.downsample(x)) if hasattr(self, "downsample") else x
        x = torch.relu(self.gn1(self.conv1(x)))
        x = torch.relu(self.gn2(self.conv2(x)))
        return torch.relu(self.gn3(self.conv3(x)) + shortcut)


class ResNet(nn.Module):
    """The convolutional encoder, of stride 16."""

    def __init__(self, units: Sequence[int], width_factor: float) -> None:
        super().__init__()
        self.width = width = int(64 * width_factor)
        self.root = nn.Sequential()
        self.root.add_module("conv", StandardizedConv2d(3, width, 7, 2))
        self.root.add_module("gn", group_norm(width))
        self.root.add_module("relu", nn.ReLU())
        self.body = nn.Sequential()
        for block, count in enumerate(units):
            inputs, outputs = width * (2 ** (block + 1) if block else 1), width * 2 ** (block + 2)
            stage = nn.Sequential()
            for unit in range(count):
                channels, stride = (outputs, 1) if unit else (inputs, 2 if block else 1)
                stage.add_module(f"unit{unit + 1}", ResidualUnit(channels, outputs, stride))
            self.body.add_module(f"block{block + 1}", stage)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The map at stride 16, and skips at strides 8, 4, 2."""
        x = self.root(image)
        skips = [x]
        x = max_pool2d(x, 3, 2)
        for block, stage in enumerate(self.body):
            x = stage(x)
            expected = [side // 4 // 2**block for side in image.shape[2:]]
            # The pooling without padding loses a row and a column; the skip gets them back as zeros.
            skips.insert(0, pad(x, (0, expected[1] - x.shape[3], 0, expected[0] - x.shape[2])))
        return x, skips[1:]


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        layers = (self.query, self.key, self.value)
        query, key, value = (layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in layers)
        return self.out(scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Linear, exact GELU, linear."""

    def __init__(self, hidden: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(hidden, inner)
        self.fc2 = nn.Linear(inner, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(gelu(self.fc1(x)))


class TransformerBlock(nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self, hidden: int, mlp: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(hidden, eps=1e-6)
        self.ffn_norm = nn.LayerNorm(hidden, eps=1e-6)
        self.ffn = Mlp(hidden, mlp)
        self.attn = Attention(hidden, heads)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.attention_norm(x))
        return x + self.ffn(self.ffn_norm(x))


class Embeddings(nn.Module):
    """Tokens: the ResNet's pixels, projected, with a learned embedding of each position."""

    def __init__(self, hidden: int, tokens: int, units: Sequence[int], width_factor: float) -> None:
        super().__init__()
        self.position_embeddings = nn.Parameter(torch.zeros(1, tokens, hidden))
        self.hybrid_model = ResNet(units, width_factor)
        self.patch_embeddings = nn.Conv2d(16 * self.hybrid_model.width, hidden, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, skips = self.hybrid_model(image)
        return self.patch_embeddings(x).flatten(2).transpose(1, 2) + self.position_embeddings, skips


class Encoder(nn.Module):
    """The transformer's blocks and the final norm."""

    def __init__(self, hidden: int, mlp: int, heads: int, layers: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(*(TransformerBlock(hidden, mlp, heads) for _ in range(layers)))
        self.encoder_norm = nn.LayerNorm(hidden, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder_norm(self.layer(x))


class Transformer(nn.Module):
    """Embeddings and encoder."""

    def __init__(self, embeddings: Embeddings, encoder: Encoder) -> None:
        super().__init__()
        self.embeddings = embeddings
        self.encoder = encoder

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        tokens, skips = self.embeddings(image)
        return self.encoder(tokens), skips


def convolution_block(inputs: int, outputs: int) -> nn.Sequential:
    """3×3 convolution without bias, batch normalization, ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class DecoderBlock(nn.Module):
    """Bilinear doubling with aligned corners, the skip (up first, then skip), two convolutions."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = convolution_block(inputs + skip, outputs)
        self.conv2 = convolution_block(outputs, outputs)

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        x = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        return self.conv2(self.conv1(x if skip is None else torch.cat([x, skip], 1)))


class Decoder(nn.Module):
    """From tokens back to a map at full resolution."""

    def __init__(self, hidden: int, outputs: Sequence[int], skips: Sequence[int]) -> None:
        super().__init__()
        self.conv_more = convolution_block(hidden, BOTTLENECK_WIDTH)
        inputs = (BOTTLENECK_WIDTH, *outputs)
        self.skips = len(skips)
        self.blocks = nn.ModuleList(DecoderBlock(*channels) for channels in zip_longest(inputs[:-1], skips, outputs, fillvalue=0))

    def forward(self, tokens: Tensor, grid: Sequence[int], skips: Sequence[Tensor]) -> list[Tensor]:
        maps = [self.conv_more(tokens.transpose(1, 2).unflatten(2, tuple(grid)))]
        for i, block in enumerate(self.blocks):
            maps.append(block(maps[-1], skips[i] if i < self.skips else None))
        return maps


class TransUNet(nn.Module):
    """TransUNet for images of `image_size` squared, one channel being repeated to three. The defaults are R50-ViT-B/16."""

    def __init__(
        self,
        image_channels: int,
        classes: int,
        hidden_size: int = 768,
        mlp_size: int = 3072,
        heads: int = 12,
        layers: int = 12,
        image_size: int = 224,
        resnet_units: Sequence[int] = (3, 4, 9),
        width_factor: float = 1,
        decoder_channels: Sequence[int] = (256, 128, 64, 16),
        skips: int = 3,
    ) -> None:
        super().__init__()
        if image_channels not in (1, 3):
            raise ValueError(f"TransUNet: expected images of 1 or 3 channels, got {image_channels}.")
        embeddings = Embeddings(hidden_size, (image_size // 16) ** 2, resnet_units, width_factor)
        skip_channels = [embeddings.hybrid_model.width * factor for factor in (8, 4, 1)]
        self.transformer = Transformer(embeddings, Encoder(hidden_size, mlp_size, heads, layers))
        self.decoder = Decoder(hidden_size, decoder_channels, skip_channels[:skips])
        self.segmentation_head = nn.Sequential(nn.Conv2d(decoder_channels[-1], classes, 3, padding=1))

    def forward(self, image: Tensor) -> SegmentorOutput:
        image = image.repeat(1, 3, 1, 1) if image.shape[1] == 1 else image
        tokens, skips = self.transformer(image)
        grid = [side // 16 for side in image.shape[2:]]
        at16, at8, at4, *_, last = self.decoder(tokens, grid, skips)
        return SegmentorOutput(self.segmentation_head(last), (at4, at8, at16, avg_pool2d(at16, 2)))
