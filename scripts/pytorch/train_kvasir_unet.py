"""Trains this project's U-Net on Kvasir-SEG: `python3 train_kvasir_unet.py KVASIR OUT.safetensors [STEPS]`.

A segmentor as people have one before they come here: trained elsewhere, imported by `hidiff import OUT.safetensors --as unet`. The
shipped model "polyps" starts from it. The settings are the paper's: images of 256×256 in [−1, 1]; flips, affine maps, colour jitter
and blur. It trains on the 800 images of train.txt, keeps the state with the best Dice on the 100 of val.txt, and never reads the rest.
"""

import math
import sys
from pathlib import Path

import numpy as np
import torch
from networks.unet import UNet
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import affine_grid, binary_cross_entropy_with_logits, conv2d, grid_sample, pad

SIZE = 256
BASE_WIDTH = 16
BATCH = 32
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-4
STEPS_BETWEEN_VALIDATIONS = 500
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def read_split(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Images [count, 3, 256, 256] in [−1, 1] and their polyps [count, 1, 256, 256] of 0 and 1."""
    names = (root / f"{split}.txt").read_text().split()
    images, masks = [], []
    for name in names:
        image = Image.open(root / "images" / f"{Path(name).stem}.jpg").convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        mask = Image.open(root / "masks" / f"{Path(name).stem}.jpg").convert("L").resize((SIZE, SIZE), Image.Resampling.NEAREST)
        images.append(np.asarray(image, np.uint8).transpose(2, 0, 1))
        masks.append((np.asarray(mask) > 127)[None])
    return torch.tensor(np.stack(images)).to(DEVICE), torch.tensor(np.stack(masks)).to(DEVICE)


def scale(images: Tensor) -> Tensor:
    return images.float() / 127.5 - 1


def uniform(low: float, high: float, *shape: int) -> Tensor:
    return torch.empty(shape, device=DEVICE).uniform_(low, high)


def random_affine(images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Rotation ±180°, scale 0.5 … 1.5, shear ±22.5°, shift 1/8, mirroring; outside: −1 and 0."""
    count = images.shape[0]
    angle = uniform(-math.pi, math.pi, count)
    shear = uniform(-math.pi / 8, math.pi / 8, count).tan()
    factor = 1 / uniform(0.5, 1.5, count)
    mirror = torch.sign(uniform(-1, 1, count))
    cos, sin = angle.cos() * factor, angle.sin() * factor
    rows = torch.stack([cos * mirror, shear * cos - sin, uniform(-0.25, 0.25, count), sin * mirror, shear * sin + cos, uniform(-0.25, 0.25, count)], 1)
    grid = affine_grid(rows.view(count, 2, 3), list(images.shape), align_corners=False)
    moved = grid_sample(images + 1, grid, "bilinear", "zeros", align_corners=False) - 1
    return moved, grid_sample(masks, grid, "nearest", "zeros", align_corners=False)


def jitter(images: Tensor) -> Tensor:
    """Brightness 0.4, contrast 0.5, saturation 0.25."""
    count = images.shape[0]
    x = (images + 1) / 2 * uniform(0.6, 1.4, count, 1, 1, 1)
    grey = lambda colours: (colours * torch.tensor([0.299, 0.587, 0.114], device=DEVICE).view(1, 3, 1, 1)).sum(1, keepdim=True)  # noqa: E731
    mean = grey(x).mean((2, 3), keepdim=True)
    x = mean + (x - mean) * uniform(0.5, 1.5, count, 1, 1, 1)
    luminance = grey(x)
    x = luminance + (x - luminance) * uniform(0.75, 1.25, count, 1, 1, 1)
    return x.clamp(0, 1) * 2 - 1


def blur(images: Tensor) -> Tensor:
    """A Gaussian of 25×25 pixels, σ 0.001 … 2."""
    sigma = float(uniform(0.001, 2, 1))
    offsets = torch.arange(-12, 13, device=DEVICE)
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    weights = (weights / weights.sum()).view(1, 1, 1, 25).repeat(3, 1, 1, 1)
    x = conv2d(pad(images, (12, 12, 0, 0), "replicate"), weights, groups=3)
    return conv2d(pad(x, (0, 0, 12, 12), "replicate"), weights.transpose(2, 3), groups=3)


def loss_of(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy and Dice loss."""
    probability = torch.sigmoid(logits)
    dice = (2 * (probability * truth).sum() + 1) / ((probability * probability).sum() + (truth * truth).sum() + 1)
    return binary_cross_entropy_with_logits(logits, truth) + 1 - dice


@torch.no_grad()
def validation_dice(network: UNet, images: Tensor, masks: Tensor) -> float:
    """Mean over the images."""
    network.eval()
    found = torch.cat([network(scale(part)).logits > 0 for part in images.split(BATCH)])
    network.train()
    overlap = (found & masks).sum((1, 2, 3))
    return float((2 * overlap / (found.sum((1, 2, 3)) + masks.sum((1, 2, 3))).clamp(min=1)).mean())


def main() -> None:
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    steps = int(sys.argv[3]) if len(sys.argv) == 4 else 4_500
    torch.manual_seed(1)
    images, masks = read_split(Path(sys.argv[1]), "train")
    validation = read_split(Path(sys.argv[1]), "val")
    network = UNet(3, 1, BASE_WIDTH).to(DEVICE)
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, steps, 0.9)
    best = -1.0
    for step in range(1, steps + 1):
        chosen = torch.randint(images.shape[0], (BATCH,), device=DEVICE)
        crops, truths = random_affine(scale(images[chosen]), masks[chosen].float())
        crops = jitter(crops)
        if torch.rand(()) < 0.5:
            crops = blur(crops)
        loss = loss_of(network(crops).logits, truths)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % STEPS_BETWEEN_VALIDATIONS == 0 or step == steps:
            dice = validation_dice(network, *validation)
            print(f"step {step}: loss {loss.item():.4f}, Dice of validation {dice:.4f}{' (kept)' if dice > best else ''}", flush=True)
            if dice > best:
                best = dice
                save_file({name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}, sys.argv[2])


if __name__ == "__main__":
    main()
