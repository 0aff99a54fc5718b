"""Compares the U-Net and the TransUNet with numbers of the authors' published code: `python3 goldens.py FOLDER`.

FOLDER has unet_3ch_k2_s64.* and transunet_small_k3_s64.*: parameters' names and gradient norms (json), logits (safetensors).
"""

import json
import sys
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from evaluation import evaluate
from formula import buffers
from networks import TransUNet, UNet


def golden_unet() -> UNet:
    """The published U-Net for three channels and two classes."""
    return UNet(3, 2)


def golden_transunet() -> TransUNet:
    """A reduced TransUNet for one channel and three classes."""
    return TransUNet(
        1,
        3,
        hidden_size=64,
        mlp_size=128,
        heads=4,
        layers=2,
        image_size=64,
        resnet_units=(1, 2, 2),
        width_factor=0.5,
        decoder_channels=(64, 32, 32, 16),
    )


def largest_difference(values: Tensor, expected: Tensor) -> float:
    return (values - expected).abs().max().item()


def compare(folder: Path, name: str, network: nn.Module) -> None:
    """Prints how far our float32 results are from the published ones; stops beyond the tolerances of float networks."""
    golden = json.loads((folder / f"{name}.json").read_text())
    tensors = load_file(folder / f"{name}.safetensors")
    names = {entry for entry in golden["parameters"] if not entry.endswith("num_batches_tracked")}
    if names != dict(network.named_parameters()).keys() | buffers(network).keys():
        raise SystemExit(f"{name}: the parameters' names differ from the published ones.")
    evaluation = evaluate(network, tuple(golden["input_shape"]))
    logits = largest_difference(evaluation.output.logits, tensors["logits"])
    train_logits = largest_difference(evaluation.train_output.logits, tensors["train.logits"])
    norms = max(abs(evaluation.gradient_norms[entry] - norm) / (5e-3 + norm) for entry, norm in golden["train_grad_l2"].items())
    print(
        f"{name}: logits within {logits:.1e}, in training mode {train_logits:.1e}; gradient norms within {norms:.1e} of their size "
        f"+ 0.005; loss {evaluation.loss:.7g}, published {golden['train_loss']:.7g}"
    )
    if not (logits < 1e-4 and train_logits < 1e-4 and norms < 0.02):
        raise SystemExit(f"{name}: does not compute what the published code computes.")


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    compare(Path(sys.argv[1]), "unet_3ch_k2_s64", golden_unet())
    compare(Path(sys.argv[1]), "transunet_small_k3_s64", golden_transunet())


if __name__ == "__main__":
    main()
