"""The segmentors in PyTorch, with the parameter names of the published code."""

from .attention_unet import AttentionUNet
from .output import SegmentorOutput
from .residual_unet import ResidualUNet
from .swin_unet import SwinUNet
from .transunet import TransUNet
from .unet import UNet

__all__ = ["AttentionUNet", "ResidualUNet", "SegmentorOutput", "SwinUNet", "TransUNet", "UNet"]
