"""Reading images and volumes from files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gpupept.images.image_array import ImageArray
from gpupept.images.processing import normalize_data

_PICTURES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")


def load_data(
    img: Any,
    data_range: float | tuple[float, float] | None = None,
    normalize: bool = False,
    *,
    shape: Sequence[int] | None = None,
    dtype: Any = None,
) -> ImageArray:
    """Load an image or a volume.

    Parameters
    ----------
    img : path, array_like or container
        A file: ``.npy``; ``.png``, ``.tif``, ``.tiff``, ``.bmp``, ``.jpg`` (need Pillow), an array of
        rows and columns, of a TIFF file with several pages all of them along the first axis; or a
        volume that `gpupept.volumes.import_volume` reads, ``[x, y, z]``: ``.nii``, ``.nii.gz``,
        ``.mhd``, ``.raw``, ``.mha``, ``.vti``, ``.zarr``, ``.npz``. An array, on either device, is
        taken as it is.
    data_range : float or pair of float, optional
        Range to map the values to, such as 255 for 0 to 255; see `normalize_data`.
    normalize : bool, default False
        Whether to do so.
    shape, dtype : optional
        Of a ``.raw`` file without a header: elements along x, y(, z), of which x varies fastest, and
        their type.

    Returns
    -------
    ImageArray
        The elements. Where a volume lies is told by `gpupept.volumes.import_volume`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is not known, a file is damaged or of another size than given, or `normalize`
        is asked for without `data_range`.
    ImportError
        If a package is missing; the message says which extra has it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from gpupept.images import load_data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/image.npy", np.array([[0, 1], [2, 4]]))
    ...     load_data(f"{folder}/image.npy", data_range=255, normalize=True).array.tolist()
    [[0, 63], [127, 255]]
    """
    if normalize and data_range is None:
        raise ValueError("data_range must be given with normalize=True, such as 255, found None")
    is_file = isinstance(img, str | os.PathLike)
    values = ImageArray(_read(Path(img), shape, dtype) if is_file else img)
    if not normalize or data_range is None:
        return values
    wanted = data_range if isinstance(data_range, tuple) else (0.0, data_range)
    return ImageArray(normalize_data(values.array, wanted))


def _read(path: Path, shape: Sequence[int] | None, dtype: Any) -> Any:
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    suffix = path.suffix.lower()
    if suffix == ".raw" and (shape is not None or dtype is not None):
        return _read_raw(path, shape, dtype)
    if shape is not None or dtype is not None:
        raise ValueError(f"shape and dtype are for .raw files without a header, found {path}")
    if suffix == ".npy":
        return np.load(path, allow_pickle=False)
    if suffix in _PICTURES:
        return _read_picture(path)
    from gpupept.volumes.export import FORMATS, import_volume

    if not path.name.lower().endswith(tuple(FORMATS)):
        known = ", ".join(dict.fromkeys([".npy", *_PICTURES, *FORMATS]))
        raise ValueError(f"{str(path)!r} must end with one of {known}, which decides the format")
    return import_volume(path)


def _read_raw(path: Path, shape: Sequence[int] | None, dtype: Any) -> np.ndarray:
    if shape is None or dtype is None:
        raise ValueError(f"{path}: a .raw file without a header needs both shape and dtype")
    values = np.fromfile(path, dtype=dtype)
    if values.nbytes != path.stat().st_size or values.size != np.prod(shape, dtype=np.int64):
        raise ValueError(
            f"{path}: expected {tuple(shape)} elements of {np.dtype(dtype)}, found a file of "
            f"{path.stat().st_size} bytes"
        )
    return values.reshape(shape, order="F")


def _read_picture(path: Path) -> np.ndarray:
    try:
        from PIL import Image, ImageSequence, UnidentifiedImageError
    except ImportError as error:
        raise ImportError(
            "image files need Pillow, which is not installed: pip install 'gpupept[plot]'"
        ) from error
    try:
        with Image.open(path) as picture:
            pages = [np.asarray(page) for page in ImageSequence.Iterator(picture)]
    except UnidentifiedImageError as error:
        raise ValueError(f"{path} is damaged or not an image: {error}") from None
    shapes = {page.shape for page in pages}
    if len(shapes) > 1:
        raise ValueError(f"{path}: expected pages of one size, found {sorted(shapes)}")
    return pages[0] if len(pages) == 1 else np.stack(pages)
