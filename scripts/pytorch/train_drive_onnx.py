"""Trains MONAI's U-Net on DRIVE and exports it to ONNX: `python3 train_drive_onnx.py DRIVE OUT.onnx`.

A segmentor that knows nothing of this project, for results/segmentors.md: 500 steps of 8 crops of 128×128 of the first 16 training
images, which takes about a minute. Images are scaled to [−1, 1], as those of the preset drive-small are.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from monai.networks.nets import UNet
from PIL import Image
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

STEPS = 500
BATCH = 8
CROP = 128


def read_training_images(root: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images [height, width, 3] in [−1, 1] and their vessels [height, width] of 0 and 1."""
    images = sorted((root / "training" / "images").glob("*.tif"))[:16]
    masks = sorted((root / "training" / "1st_manual").glob("*.gif"))[:16]
    return [
        (np.asarray(Image.open(image), np.float32) / 127.5 - 1, (np.asarray(Image.open(mask)) > 127).astype(np.float32))
        for image, mask in zip(images, masks, strict=True)
    ]


def random_crop(cases: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """A crop of a random image, turned by quarters and mirrored."""
    image, mask = cases[np.random.randint(len(cases))]
    row = np.random.randint(image.shape[0] - CROP)
    column = np.random.randint(image.shape[1] - CROP)
    turns = np.random.randint(4)
    crop = np.rot90(image[row : row + CROP, column : column + CROP], turns)
    truth = np.rot90(mask[row : row + CROP, column : column + CROP], turns)
    if np.random.rand() < 0.5:
        crop, truth = crop[:, ::-1], truth[:, ::-1]
    return crop.transpose(2, 0, 1).copy(), truth[None].copy()


def loss_of(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy and Dice loss."""
    probability = torch.sigmoid(logits)
    dice = (2 * (probability * truth).sum() + 1) / ((probability * probability).sum() + (truth * truth).sum() + 1)
    return binary_cross_entropy_with_logits(logits, truth) + 1 - dice


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    torch.manual_seed(0)
    np.random.seed(0)
    torch.set_num_threads(1)
    cases = read_training_images(Path(sys.argv[1]))
    network = UNet(spatial_dims=2, in_channels=3, out_channels=1, channels=(16, 32, 64, 128), strides=(2, 2, 2), num_res_units=2)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    for _ in range(STEPS):
        crops, truths = zip(*(random_crop(cases) for _ in range(BATCH)), strict=True)
        loss = loss_of(network(torch.tensor(np.stack(crops))), torch.tensor(np.stack(truths)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"last loss {loss.item():.4f}")
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 3, CROP, CROP),),
        sys.argv[2],
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={name: {0: "batch", 2: "height", 3: "width"} for name in ("image", "logits")},
        dynamo=False,
    )


if __name__ == "__main__":
    main()
