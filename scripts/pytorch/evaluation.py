"""One evaluation and one training pass of a network with parameters and inputs by the formula."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from formula import fill_by_formula, formula
from networks import SegmentorOutput


@dataclass(frozen=True)
class Evaluation:
    """Outputs in both modes, and the training loss with the L2 norm of its gradient for each parameter."""

    output: SegmentorOutput
    train_output: SegmentorOutput
    loss: float
    gradient_norms: dict[str, float]


def training_loss(output: SegmentorOutput) -> Tensor:
    """All logits, weighted by the formula and added up."""
    loss = (output.logits * formula("input.gradweight", tuple(output.logits.shape))).sum()
    for i, logits in enumerate(output.deep_supervision, start=1):
        loss = loss + (logits * formula(f"input.gradweight.{i}", tuple(logits.shape))).sum()
    return loss


def evaluate(network: nn.Module, input_shape: tuple[int, ...]) -> Evaluation:
    """Fills the network by the formula and runs it: in float64 if its parameters are."""
    fill_by_formula(network)
    image = formula("input.img", input_shape).to(next(network.parameters()).dtype)
    with torch.no_grad():
        output = network.eval()(image)
    train_output = network.train()(image)
    loss = training_loss(train_output)
    names, parameters = zip(*network.named_parameters())
    gradients = torch.autograd.grad(loss, parameters)
    norms = {name: gradient.norm().item() for name, gradient in zip(names, gradients)}
    return Evaluation(output, train_output, loss.item(), norms)
