"""nnU-Net's residual encoder U-Net: the library's own network, which also hands out its feature maps."""

from collections.abc import Sequence

from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from .output import SegmentorOutput

DEFAULT_BLOCKS = (1, 3, 4, 6, 6, 6, 6, 6)


class ResidualUNet(ResidualEncoderUNet):
    """The configuration of nnU-Net's residual encoder plans in two dimensions, with deep supervision."""

    def __init__(
        self,
        image_channels: int,
        classes: int,
        base_width: int = 32,
        maximum_width: int = 512,
        stages: int = 6,
        blocks: Sequence[int] | None = None,
    ) -> None:
        super().__init__(
            input_channels=image_channels,
            n_stages=stages,
            features_per_stage=[min(base_width * 2**stage, maximum_width) for stage in range(stages)],
            conv_op=nn.Conv2d,
            kernel_sizes=3,
            strides=[1] + [2] * (stages - 1),
            n_blocks_per_stage=list(blocks or DEFAULT_BLOCKS[:stages]),
            num_classes=classes,
            n_conv_per_stage_decoder=1,
            conv_bias=True,
            norm_op=nn.InstanceNorm2d,
            norm_op_kwargs={"eps": 1e-5, "affine": True},
            nonlin=nn.LeakyReLU,
            nonlin_kwargs={"inplace": True},
            deep_supervision=True,
        )

    def forward(self, image: Tensor) -> SegmentorOutput:
        skips = self.encoder(image)
        decoded: list[Tensor] = []

        def collect(_stage: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            decoded.append(output)

        hooks = [stage.register_forward_hook(collect) for stage in self.decoder.stages]
        try:
            logits, *deep_supervision = self.decoder(skips)
        finally:
            for hook in hooks:
                hook.remove()
        maps = [*reversed(decoded), skips[-1]]  # at strides 1, 2, 4, …
        while len(maps) < 6:
            maps.append(avg_pool2d(maps[-1], 2))
        return SegmentorOutput(logits, (maps[2], maps[3], maps[4], maps[5]), deep_supervision)
