"""Makes the ONNX models of other tools that packages/hidiff/src/external is tested with, and what they should give.

PyTorch exports two small segmentation networks, the `onnx` package writes the odd ones. The expected maps come from
Python's onnxruntime and PyTorch's `interpolate`, for images by the formula of test/goldens.ts.

    python scripts/pytorch/make_onnx_fixture.py

needs torch, onnx, onnxruntime, numpy and safetensors.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from formula import formula
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional

FOLDER = Path(__file__).parents[2] / "packages/hidiff/src/external/fixtures"
IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class SmallNetwork(nn.Module):
    """Two convolutions at half the resolution, one at the full one."""

    def __init__(self, channels: int, classes: int, softmax: bool):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(8, 8, 5, padding=2), nn.BatchNorm2d(8), nn.ReLU())
        self.last = nn.Conv2d(8, classes, 3, padding=1)
        self.softmax = softmax

    def forward(self, image):
        features = self.second(self.first(image))
        logits = self.last(functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False))
        return logits.softmax(dim=1) if self.softmax else logits


def discs(count: int, size: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Bright discs in noise, in [-1, 1], and their masks: `[count, 1, size, size]`."""
    place = torch.rand(count, 3, generator=generator) * torch.tensor([size - 20, size - 20, 5]) + torch.tensor([10, 10, 4])
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    distance = ((row - place[:, 0, None, None]) ** 2 + (column - place[:, 1, None, None]) ** 2).sqrt()
    mask = (distance < place[:, 2, None, None]).float()[:, None]
    noise = torch.randn(count, 1, size, size, generator=generator) * 0.2
    return (mask - 0.5 + noise).clamp(-1, 1), mask


def normalize(image: torch.Tensor) -> torch.Tensor:
    """What ImageNet's networks take of images in [-1, 1]."""
    return (image / 2 + 0.5 - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor(IMAGENET_STD)[:, None, None]


def train(network: SmallNetwork, prepare, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(150):
        image, mask = discs(8, 32, generator)
        output = network(prepare(image))
        if network.softmax:
            loss = functional.nll_loss(output.clamp(1e-6).log(), mask[:, 0].long())
        else:
            loss = functional.binary_cross_entropy_with_logits(output, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"trained to {loss.item():.3f}")
    network.eval()


def write(name: str, nodes, inputs, outputs, weights) -> None:
    graph = helper.make_graph(nodes, name, inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, FOLDER / f"{name}.onnx")


def write_odd_models() -> None:
    def value(name: str, shape: list, kind=TensorProto.FLOAT):
        return helper.make_tensor_value_info(name, kind, shape)

    weight = numpy_helper.from_array(formula("weight", (2, 1, 3, 3)).numpy(), "weight")
    one = numpy_helper.from_array(formula("weight", (1, 1, 3, 3)).numpy(), "weight")
    image = value("image", ["n", 1, "h", "w"])
    convolution = helper.make_node("Conv", ["image", "weight"], ["logits"], pads=[1, 1, 1, 1])
    write(
        "channels-last",
        [
            helper.make_node("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["first", "weight"], ["logits"], pads=[1, 1, 1, 1]),
            helper.make_node("Sigmoid", ["logits"], ["probability"]),
            helper.make_node("Transpose", ["probability"], ["mask"], perm=[0, 2, 3, 1]),
        ],
        [value("image", ["n", "h", "w", 1])],
        [value("mask", ["n", "h", "w", 1])],
        [one],
    )
    write(
        "two-outputs",
        [convolution, helper.make_node("Tanh", ["logits"], ["bounded"])],
        [image],
        [value("logits", ["n", 2, "h", "w"]), value("bounded", ["n", 2, "h", "w"])],
        [weight],
    )
    labels = helper.make_node("ArgMax", ["logits"], ["labels"], axis=1)
    write("labels", [convolution, labels], [image], [value("labels", ["n", 1, "h", "w"], TensorProto.INT64)], [weight])
    model = onnx.load(FOLDER / "two-outputs.onnx")
    onnx.save(model, FOLDER / "external.onnx", save_as_external_data=True, location="external.data", size_threshold=0)
    (FOLDER / "external.data").unlink()  # what is left is all that a test needs


def run(name: str, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(FOLDER / f"{name}.onnx")
    return session.run(None, {session.get_inputs()[0].name: image})[0]


def channels_first(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The formula's image `[batch, height, width, channels]` as PyTorch has it."""
    return formula(name, shape).permute(0, 3, 1, 2).contiguous()


def channels_last(maps: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(maps.permute(0, 2, 3, 1).numpy())


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    binary, classes = SmallNetwork(1, 1, softmax=False), SmallNetwork(3, 2, softmax=True)
    train(binary, lambda image: image, seed=2)
    train(classes, lambda image: normalize(image.expand(-1, 3, -1, -1)), seed=3)
    free = {0: "batch", 2: "height", 3: "width"}
    options = {"input_names": ["image"], "output_names": ["mask"], "dynamo": False}
    torch.onnx.export(binary, (torch.zeros(1, 1, 32, 32),), FOLDER / "logits.onnx", dynamic_axes={"image": free, "mask": free}, **options)
    torch.onnx.export(classes, (torch.zeros(1, 3, 48, 40),), FOLDER / "softmax.onnx", **options)
    write_odd_models()

    logits = run("logits", channels_first("logits image", (2, 32, 64, 1)).numpy())
    rgb = channels_first("softmax image", (2, 32, 32, 3))
    resized = normalize(functional.interpolate(rgb, size=(48, 40), mode="bilinear", align_corners=False))
    softmax = torch.cat([torch.from_numpy(run("softmax", item[None].numpy())) for item in resized])
    expected = {
        "logits": channels_last(torch.from_numpy(logits).sigmoid()),
        "softmax": channels_last(functional.interpolate(softmax, size=(32, 32), mode="bilinear", align_corners=False)),
        "channels-last": run("channels-last", formula("channels-last image", (1, 32, 32, 1)).numpy()),
    }
    save_file({name: np.ascontiguousarray(values, np.float32) for name, values in expected.items()}, FOLDER / "expected.safetensors")


if __name__ == "__main__":
    main()
