"""Images as arrays that know their statistics."""

from __future__ import annotations

from gpupept.base.statistics import Statistics, compute_histogram, image_statistics
from gpupept.base.statistics_mixin import StatisticsMixin
from gpupept.images.image_array import ImageArray
from gpupept.images.processing import crop_image, normalize_data
from gpupept.images.reading import load_data

__all__ = [
    "ImageArray",
    "Statistics",
    "StatisticsMixin",
    "compute_histogram",
    "crop_image",
    "image_statistics",
    "load_data",
    "normalize_data",
]
