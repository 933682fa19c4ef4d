"""An array of an image, with its statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.backend import is_device_array, to_device
from gpupept.base.array_container import ArrayContainer
from gpupept.base.statistics_mixin import StatisticsMixin


class ImageArray(ArrayContainer, StatisticsMixin):
    """An image: an array of any number of axes, on either device, with its statistics.

    It is used like the array; what treats elements one by one, and slicing, gives an `ImageArray`.
    Statistics are computed when they are read and so are always those of the elements as they are.

    Parameters
    ----------
    input_array : array_like
        The elements; NumPy and CuPy arrays are not copied.

    Attributes
    ----------
    mean_value, median, variance, standarddev, skewness, kurtosis : float
        Population moments, the kurtosis in excess of 3, and the median.
    minimum, maximum : float or int
        Extreme elements.
    histogram : tuple of np.ndarray
        Counts and edges.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.images import ImageArray
    >>> image = ImageArray(np.array([[0, 1], [2, 5]], dtype=np.uint8))
    >>> image.mean_value, image.minimum, image.maximum
    (2.0, 0, 5)
    >>> image[1:].mean_value
    3.5
    """

    def __init__(self, input_array: Any) -> None:
        array = input_array
        if isinstance(array, ArrayContainer):
            array = array.array
        elif not is_device_array(array) and hasattr(array, "__cuda_array_interface__"):
            array = to_device(array, "cuda")
        elif not is_device_array(array):
            array = np.asarray(array)
        self._array = array

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return self._with_array(found) if getattr(found, "ndim", 0) else found
