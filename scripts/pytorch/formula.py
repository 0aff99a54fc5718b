"""Parameters and inputs given by a formula, the same as in test/goldens.ts, so that no weights need to be stored."""

import numpy as np
import torch
from torch import Tensor, nn


def formula(name: str, shape: tuple[int, ...]) -> Tensor:
    """Numbers in [−1, 1) that depend on `name` only, float32."""
    start = 0x811C9DC5
    for byte in name.encode():
        start = (start ^ byte) * 0x01000193 % 2**32
    mixed = np.uint32(start) + np.arange(np.prod(shape, dtype=np.int64), dtype=np.uint32) * np.uint32(0x9E3779B9)
    mixed = (mixed ^ mixed >> np.uint32(16)) * np.uint32(0x85EBCA6B)
    mixed = (mixed ^ mixed >> np.uint32(13)) * np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return torch.from_numpy((mixed / 2**31 - 1).astype(np.float32)).reshape(shape)


def formula_parameter(name: str, shape: tuple[int, ...]) -> Tensor:
    """A parameter or buffer by the formula."""
    u = formula(name, shape)
    if name.endswith("running_var"):
        return 1 + 0.5 * u.abs()
    if name.endswith("running_mean"):
        return 0.1 * u
    if len(shape) >= 2:
        return u / float(np.sqrt(np.prod(shape[1:])))
    return 0.5 + 0.4 * u if name.endswith("weight") else 0.1 * u


def buffers(network: nn.Module) -> dict[str, Tensor]:
    """The running statistics."""
    return {name: buffer for name, buffer in network.named_buffers() if not name.endswith("num_batches_tracked")}


@torch.no_grad()
def fill_by_formula(network: nn.Module) -> None:
    """Sets every parameter and running statistic; modules with two names go by the first."""
    for name, tensor in (dict(network.named_parameters()) | buffers(network)).items():
        tensor.copy_(formula_parameter(name, tuple(tensor.shape)))
