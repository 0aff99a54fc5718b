"""Writes the fixtures that the TypeScript networks are tested against: `python3 make_segmentor_fixtures.py`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from evaluation import Evaluation, evaluate
from formula import buffers
from networks import AttentionUNet, ResidualUNet, SwinUNet

SEGMENTORS = Path(__file__).parents[2] / "packages/segmentors/src"
SAMPLES = 256
DIGITS = 7
ORIGIN = (
    "{network} in PyTorch (scripts/pytorch), computed in float64 with parameters, running statistics and image in float32 by the "
    "formula in test/goldens.ts. Layouts are PyTorch's, [batch, channels, height, width]. Arrays of n values hold the 256 elements "
    "at i·step, step = max(1, floor(n/256) − 1), or all where n < 256. logits and features (strides 4, 8, 16, 32) are of evaluation "
    "mode; trainLogits, deepSupervision (strides 2, 4, …), loss and gradient norms (L2) of training mode. "
    "loss = sum(logits·u('input.gradweight')) + Σ sum(deepSupervision[i − 1]·u('input.gradweight.i')), i = 1, 2, …"
)


@dataclass(frozen=True)
class FixtureCase:
    """A small network and what to call it; `configuration` has the option names of the TypeScript network."""

    folder: str
    network: nn.Module
    configuration: dict[str, Any]
    input_shape: tuple[int, int, int, int]


def fixture_cases() -> list[FixtureCase]:
    """Small networks.

    The attention U-Net's image has no near-ties of ReLUs and maxima: noise of 3e-7 of every layer's outputs, as float32 has, moves
    its gradient norms by less than 3e-4 (those of other sizes by up to 0.7). The Swin-Unet's makes its windows pad, shift along one
    axis only, and shrink.
    """
    return [
        FixtureCase(
            "attention-unet",
            AttentionUNet(1, 2, base_width=4),
            {"imageChannels": 1, "classes": 2, "baseWidth": 4},
            (2, 1, 64, 32),
        ),
        FixtureCase(
            "residual-unet",
            ResidualUNet(3, 3, base_width=4, maximum_width=32, stages=4, blocks=(1, 2, 2, 2)),
            {"imageChannels": 3, "classes": 3, "baseWidth": 4, "maximumWidth": 32, "stages": 4, "blocks": [1, 2, 2, 2]},
            (2, 3, 64, 64),
        ),
        FixtureCase(
            "swin-unet",
            SwinUNet(1, 3, embed_dimension=12, heads=(1, 2, 4, 8), window=4),
            {
                "imageChannels": 1,
                "classes": 3,
                "embedDimension": 12,
                "depths": [2, 2, 2, 2],
                "decoderDepths": [1, 2, 2, 2],
                "heads": [1, 2, 4, 8],
                "window": 4,
                "mlpRatio": 4,
            },
            (1, 1, 96, 64),
        ),
    ]


def rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def sampled(values: Tensor) -> list[float]:
    """At most 256 elements, in row-major order."""
    flat = values.detach().flatten()
    step = max(1, flat.numel() // SAMPLES - 1)
    return [rounded(value) for value in flat[::step][:SAMPLES].tolist()]


def sampled_maps(maps: list[Tensor] | tuple[Tensor, ...]) -> list[dict[str, Any]]:
    return [{"shape": list(values.shape), "values": sampled(values)} for values in maps]


def fixture(case: FixtureCase, evaluation: Evaluation) -> dict[str, Any]:
    """The content of a fixture file."""
    shapes = {name: list(parameter.shape) for name, parameter in case.network.named_parameters()}
    return {
        "origin": ORIGIN.format(network=type(case.network).__name__),
        "configuration": case.configuration,
        "inputShape": list(case.input_shape),
        "logitsShape": list(evaluation.output.logits.shape),
        "loss": rounded(evaluation.loss),
        "logits": sampled(evaluation.output.logits),
        "trainLogits": sampled(evaluation.train_output.logits),
        "features": sampled_maps(evaluation.output.features),
        "deepSupervision": sampled_maps(evaluation.train_output.deep_supervision),
        "parameters": {
            name: {"shape": shape, "gradientNorm": rounded(evaluation.gradient_norms[name])} for name, shape in shapes.items()
        },
        "buffers": {name: list(buffer.shape) for name, buffer in buffers(case.network).items()},
    }


def fixture_text(content: dict[str, Any]) -> str:
    """JSON with one parameter or array a line."""

    def text(value: Any, nested: bool, indent: str) -> str:
        if not nested or not value:
            return json.dumps(value, ensure_ascii=False)
        inner = indent + "  "
        # Only the objects of parameters and buffers are spread over lines, not what they contain.
        lines = [f"{inner}{json.dumps(key)}: {text(entry, key in ('parameters', 'buffers'), inner)}" for key, entry in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"

    return text(content, True, "") + "\n"


def write_fixture(case: FixtureCase) -> None:
    """Computes and writes one fixture, and says what is in it."""
    evaluation = evaluate(case.network.double(), case.input_shape)
    text = fixture_text(fixture(case, evaluation))
    path = SEGMENTORS / case.folder / "fixtures" / f"{case.folder}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    norms = evaluation.gradient_norms.values()
    print(
        f"{case.folder}: {len(text.encode()) / 1000:.0f} KB, {sum(p.numel() for p in case.network.parameters())} parameters, "
        f"loss {evaluation.loss:.6g}, largest logit {evaluation.output.logits.abs().max():.3g} (training "
        f"{evaluation.train_output.logits.abs().max():.3g}), gradient norms {min(norms):.2g} … {max(norms):.3g}"
    )


def main() -> None:
    for case in fixture_cases():
        write_fixture(case)


if __name__ == "__main__":
    main()
