"""Writes checkpoints by torch.save, and the logits that networks with their content compute: `python3 make_state_dicts.py OUT`.

For the U-Net and the TransUNet of the goldens OUT gets NETWORK-VARIANT.pth, `logits.safetensors` (NETWORK-VARIANT, evaluation
mode, `[batch, classes, height, width]`) and `state-dicts.json`, which lists them. Parameters and the image ("input.img") are by
the formula. The U-Net's files have 124 MB in float32.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from formula import fill_by_formula, formula
from goldens import golden_transunet, golden_unet


@dataclass(frozen=True)
class Variant:
    """How a state dict is stored."""

    name: str
    dtype: torch.dtype = torch.float32
    zip_format: bool = True
    checkpoint: bool = False  # a training checkpoint of a network that was wrapped by DataParallel


VARIANTS = (
    Variant("zip"),
    Variant("legacy", zip_format=False),
    Variant("half", torch.float16),
    Variant("bfloat16", torch.bfloat16),
    Variant("checkpoint", checkpoint=True),
)
NETWORKS = (("unet", golden_unet, (2, 3, 64, 64)), ("transunet", golden_transunet, (1, 1, 64, 64)))


def converted(state: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The state with its floating-point tensors in another precision; counters of batches stay integers."""
    return {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def training_checkpoint(state: dict[str, Tensor]) -> dict[str, Any]:
    """What training scripts commonly save."""
    return {"epoch": 3, "arch": "segmentor", "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}


@torch.no_grad()
def logits_of(network: nn.Module, state: dict[str, Tensor], input_shape: tuple[int, ...]) -> Tensor:
    """Evaluation in float32 with the state as it is stored."""
    network.load_state_dict(state)
    return network.eval()(formula("input.img", input_shape)).logits.contiguous()


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    logits: dict[str, Tensor] = {}
    entries = []
    for name, make, input_shape in NETWORKS:
        network = make()
        fill_by_formula(network)
        original = {key: tensor.clone() for key, tensor in network.state_dict().items()}
        for variant in VARIANTS:
            state = converted(original, variant.dtype)
            key = f"{name}-{variant.name}"
            content = training_checkpoint(state) if variant.checkpoint else state
            torch.save(content, folder / f"{key}.pth", _use_new_zipfile_serialization=variant.zip_format)
            logits[key] = logits_of(network, state, input_shape)
            entries.append({"file": f"{key}.pth", "network": name, "inputShape": list(input_shape), "logits": key})
    save_file(logits, folder / "logits.safetensors")
    (folder / "state-dicts.json").write_text(json.dumps(entries, indent=2) + "\n")


if __name__ == "__main__":
    main()
