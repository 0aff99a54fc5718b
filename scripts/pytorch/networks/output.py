"""What a segmentor computes."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class SegmentorOutput:
    """Logits `[batch, classes, height, width]`, maps at strides 4, 8, 16 and 32, and logits at strides 2, 4, … (finest first)."""

    logits: Tensor
    features: tuple[Tensor, Tensor, Tensor, Tensor]
    deep_supervision: list[Tensor] = field(default_factory=list)
