"""Compares the Swin blocks with MONAI's on maps that windows divide, that need padding, and that are smaller than a window."""

import torch
from monai.networks.nets.swin_unetr import SwinTransformerBlock, compute_mask, get_window_size
from torch import Tensor

from formula import fill_by_formula, formula
from networks.swin_unet import SwinBlock

WIDTH, HEADS, WINDOW = 18, 3, 4
SIZES = ((8, 12), (10, 9), (6, 4), (7, 3), (3, 2), (1, 13))
# MONAI's block has these names for two layers.
RENAMED = {"mlp.fc1": "mlp.linear1", "mlp.fc2": "mlp.linear2"}


def central_table(table: Tensor, window: tuple[int, int]) -> Tensor:
    """The rows of the bias table that a smaller window uses."""
    side = 2 * WINDOW - 1
    first = [WINDOW - length for length in window]
    return table.reshape(side, side, -1)[first[0] : side - first[0], first[1] : side - first[1]].flatten(0, 1)


def monai_block(block: SwinBlock, window: tuple[int, int], shift: tuple[int, int]) -> SwinTransformerBlock:
    """MONAI's block of exactly this window, with the same parameters."""
    other = SwinTransformerBlock(WIDTH, HEADS, window, shift).double()
    for name, parameter in block.named_parameters():
        for own, theirs in RENAMED.items():
            name = name.replace(own, theirs)
        values = central_table(parameter, window) if name.endswith("bias_table") else parameter
        other.get_parameter(name).data.copy_(values)
    return other


@torch.no_grad()
def largest_difference(size: tuple[int, int], shifted: bool) -> float:
    """Between both blocks on a map of `size`, in float64."""
    block = SwinBlock(WIDTH, HEADS, WINDOW, 4, shifted).double()
    fill_by_formula(block)
    x = formula("input.img", (2, *size, WIDTH)).double()
    window, shift = get_window_size(size, (WINDOW, WINDOW), (WINDOW // 2 if shifted else 0,) * 2)
    padded = [-(-side // length) * length for side, length in zip(size, window)]
    mask = compute_mask(padded, window, shift, x.device).double()
    return (block(x) - monai_block(block, window, shift)(x, mask)).abs().max().item()


def main() -> None:
    for size in SIZES:
        for shifted in (False, True):
            difference = largest_difference(size, shifted)
            print(f"{size[0]}×{size[1]}, {'shifted' if shifted else 'regular'} windows: {difference:.1e}")
            if not difference < 1e-12:
                raise SystemExit("The blocks differ.")


if __name__ == "__main__":
    main()
