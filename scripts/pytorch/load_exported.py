"""Loads what `hidiff export` wrote, strictly: `python3 load_exported.py unet|transunet WEIGHTS OUT`.

OUT gets the logits of the goldens' U-Net or TransUNet with these weights in evaluation mode, for the image of the formula.
"""

import sys

import torch
from safetensors.torch import load_file, save_file

from formula import formula
from make_state_dicts import NETWORKS


@torch.no_grad()
def main() -> None:
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    name, weights, out = sys.argv[1:]
    make, input_shape = {entry: (make, shape) for entry, make, shape in NETWORKS}[name]
    network = make().eval()
    network.load_state_dict(load_file(weights), strict=True)
    save_file({"logits": network(formula("input.img", input_shape)).logits.contiguous()}, out)


if __name__ == "__main__":
    main()
