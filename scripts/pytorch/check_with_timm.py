"""Compares the parts of TransUNet and Swin-Unet that timm has too: transformer blocks, ResNet units and a whole Swin encoder."""

import re
from functools import partial

import torch
from timm.layers import GroupNormAct, StdConv2d
from timm.models.resnetv2 import Bottleneck
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from formula import fill_by_formula, formula
from networks import SwinUNet
from networks.transunet import ResidualUnit, TransformerBlock

EPSILON = 1e-6


def largest_difference(values: Tensor, expected: Tensor) -> float:
    return (values - expected).abs().max().item()


def transformer_block() -> float:
    """The block of vision transformers; timm has query, key and value in one array."""
    block = TransformerBlock(48, 96, 4).double()
    other = Block(48, 4, mlp_ratio=2, qkv_bias=True, norm_layer=partial(nn.LayerNorm, eps=EPSILON)).double()
    fill_by_formula(block)
    own = block.state_dict()
    renamed = {"norm1": "attention_norm", "norm2": "ffn_norm", "attn.proj": "attn.out", "mlp.fc1": "ffn.fc1", "mlp.fc2": "ffn.fc2"}
    state = {f"{theirs}.{kind}": own[f"{ours}.{kind}"] for theirs, ours in renamed.items() for kind in ("weight", "bias")}
    for kind in ("weight", "bias"):
        state[f"attn.qkv.{kind}"] = torch.cat([own[f"attn.{part}.{kind}"] for part in ("query", "key", "value")])
    other.load_state_dict(state)
    x = formula("input.tokens", (2, 35, 48)).double()
    return largest_difference(block(x), other(x))


def residual_unit(inputs: int, outputs: int, stride: int) -> float:
    """The three normalized convolutions; timm's projection has no normalization, so ours is added to both."""
    unit = ResidualUnit(inputs, outputs, stride).double()
    other = Bottleneck(
        inputs,
        outputs,
        stride=stride,
        conv_layer=partial(StdConv2d, eps=1e-5),
        norm_layer=partial(GroupNormAct, num_groups=32, eps=EPSILON),
        act_layer=nn.ReLU,
    ).double()
    fill_by_formula(unit)
    body_state = {name: value for name, value in unit.state_dict().items() if not name.startswith(("downsample", "gn_proj"))}
    other.load_state_dict({name.replace("gn", "norm"): value for name, value in body_state.items()})
    x = formula("input.img", (2, inputs, 20, 14)).double()
    shortcut = unit.gn_proj(unit.downsample(x)) if hasattr(unit, "downsample") else x
    body = other.norm3(other.conv3(other.norm2(other.conv2(other.norm1(other.conv1(x))))))
    return largest_difference(unit(x), torch.relu(body + shortcut))


def swin_encoder(side: int, window: int) -> float:
    """Patches, four stages and the norm, on windows that divide every map. timm has the merging at the start of a stage."""
    network = SwinUNet(3, 2, embed_dimension=24, heads=(1, 2, 4, 8), window=window).double().eval()
    other = SwinTransformer(side, embed_dim=24, depths=(2, 2, 2, 2), num_heads=(1, 2, 4, 8), window_size=window, num_classes=0)
    other.double().eval()
    fill_by_formula(network)
    own = dict(network.named_parameters())
    for name, parameter in other.named_parameters():
        published = re.sub(r"^layers\.(\d)\.downsample", lambda match: f"layers.{int(match[1]) - 1}.downsample", name)
        parameter.data.copy_(own[f"swin_unet.{published}"])
    image = formula("input.img", (1, 3, side, side)).double()
    return largest_difference(network(image).features[3], other.forward_features(image).permute(0, 3, 1, 2))


@torch.no_grad()
def main() -> None:
    differences = {
        "transformer block": transformer_block(),
        "residual unit": residual_unit(128, 128, 1),
        "residual unit, more channels": residual_unit(32, 128, 1),
        "residual unit, stride 2": residual_unit(128, 256, 2),
        "Swin encoder, 224², windows of 7": swin_encoder(224, 7),
        "Swin encoder, 256², windows of 8": swin_encoder(256, 8),
    }
    for part, difference in differences.items():
        print(f"{part}: {difference:.1e}")
        if not difference < 1e-12:
            raise SystemExit("The parts differ.")


if __name__ == "__main__":
    main()
