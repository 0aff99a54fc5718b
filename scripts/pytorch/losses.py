"""The loss that segmentors are trained by: cross-entropy plus Dice, at every resolution of deep supervision."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate, one_hot

from networks import SegmentorOutput

DICE_SMOOTHING = 1e-5


def dice_loss(probabilities: Tensor, truth: Tensor) -> Tensor:
    """One minus the Dice coefficient with squared sums, the mean over items and classes; both `[batch, classes, height, width]`."""
    overlap = (probabilities * truth).sum((2, 3))
    total = probabilities.square().sum((2, 3)) + truth.square().sum((2, 3))
    return 1 - ((2 * overlap + DICE_SMOOTHING) / (total + DICE_SMOOTHING)).mean()


def single_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Of one resolution; labels are `[batch, height, width]`, two classes or more."""
    truth = one_hot(labels, logits.shape[1]).permute(0, 3, 1, 2).to(logits)
    return cross_entropy(logits, labels) + dice_loss(torch.softmax(logits, 1), truth)


def nearest_labels(labels: Tensor, stride: int) -> Tensor:
    """Labels of the pixels nearest to the centres of a coarser map."""
    return interpolate(labels[:, None].float(), scale_factor=1 / stride, mode="nearest-exact")[:, 0].long()


def segmentation_loss(output: SegmentorOutput, labels: Tensor) -> Tensor:
    """The mean over resolutions, weighted by 1, 1/2, 1/4, …; the coarsest one counts nothing (nnU-Net, Isensee et al. 2021)."""
    total, weights = single_loss(output.logits, labels), 1.0
    for i, logits in enumerate(output.deep_supervision[:-1], start=1):
        total = total + single_loss(logits, nearest_labels(labels, 2**i)) / 2**i
        weights += 1 / 2**i
    return total / weights
