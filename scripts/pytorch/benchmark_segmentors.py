"""Times one segmentor in PyTorch: `python3 benchmark_segmentors.py '{"network": "unet", …}'`.

bench/segmentors.ts runs it. The argument is a `SegmentorWork` of bench/segmentor-speed.ts, the last line of output a `SegmentorTimes`.
"""

import json
import re
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from formula import fill_by_formula, formula
from losses import segmentation_loss
from networks import AttentionUNet, ResidualUNet, SwinUNet, TransUNet, UNet

NETWORKS: dict[str, type[nn.Module]] = {
    "unet": UNet,
    "attention-unet": AttentionUNet,
    "residual-unet": ResidualUNet,
    "transunet": TransUNet,
    "swin-unet": SwinUNet,
}
# Which is faster depends on the network; the faster one counts.
MEMORY_FORMATS = (torch.contiguous_format, torch.channels_last)


def create(work: dict[str, Any]) -> nn.Module:
    """The network with parameters by the formula; its options have their TypeScript names."""
    options = {re.sub("[A-Z]", lambda capital: "_" + capital[0].lower(), name): value for name, value in work["options"].items()}
    network = NETWORKS[work["network"]](**options)
    fill_by_formula(network)
    return network


def image_and_labels(work: dict[str, Any], batch: int) -> tuple[Tensor, Tensor]:
    """An image and label map of the formula."""
    size, options = work["size"], work["options"]
    image = formula("input.img", (batch, options["imageChannels"], size, size))
    labels = ((formula("input.labels", (batch, size, size)) + 1) / 2 * options["classes"]).long()
    return image, labels


def milliseconds(action: Callable[[], object], repetitions: int) -> float:
    """The median time of an action that has been warmed up."""

    def once() -> float:
        start = perf_counter()
        action()
        return 1000 * (perf_counter() - start)

    return median(once() for _ in range(repetitions))


def time_inference(network: nn.Module, image: Tensor, repetitions: int) -> float:
    """Logits and probabilities."""
    network.eval()

    @torch.no_grad()
    def infer() -> Tensor:
        return torch.softmax(network(image).logits, 1)

    infer()
    return milliseconds(infer, repetitions)


def time_training(network: nn.Module, image: Tensor, labels: Tensor, repetitions: int) -> tuple[float, float]:
    """A step of AdamW, and the loss before the first one."""
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01, fused=True)

    def step() -> float:
        optimizer.zero_grad()
        loss = segmentation_loss(network(image), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    first_loss = step()
    return milliseconds(step, repetitions), first_loss


def measure(work: dict[str, Any]) -> dict[str, Any]:
    """Times in both memory formats, from the same parameters; the faster ones."""
    inference, training, losses = [], [], []
    for memory_format in MEMORY_FORMATS:
        network = create(work).to(memory_format=memory_format)
        image, _ = image_and_labels(work, 1)
        inference.append(time_inference(network, image.to(memory_format=memory_format), work["repetitions"]))
        image, labels = image_and_labels(work, work["trainingBatch"])
        time, loss = time_training(network, image.to(memory_format=memory_format), labels, work["repetitions"])
        training.append(time)
        losses.append(loss)
    return {
        "library": f"PyTorch {torch.__version__}",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "loss": losses[0],
        "inference": min(inference),
        "training": min(training),
    }


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    work = json.loads(sys.argv[1])
    torch.set_num_threads(work["threads"])
    print(json.dumps(measure(work)))


if __name__ == "__main__":
    main()
