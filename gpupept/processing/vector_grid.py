"""Vectors on a grid, and figures of them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from gpupept.backend import common_device, to_host
from gpupept.base import PEPTObject, Pixels, Voxels
from gpupept.base.regular_grid import RegularGrid


class VectorGrid2D(PEPTObject):
    """Vectors in the plane, one for each pixel.

    Parameters
    ----------
    xpixels, ypixels : Pixels
        The components, on the same grid and device.

    Raises
    ------
    TypeError
        If a component is not `Pixels`.
    ValueError
        If the components are not on the same grid.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.processing import VectorGrid2D
    >>> u = gpupept.Pixels([[1, 0], [0, 1]], xlim=[0, 2], ylim=[0, 2])
    >>> VectorGrid2D(u, 2 * u)
    VectorGrid2D(xpixels, ypixels)
    """

    def __init__(self, xpixels: Pixels, ypixels: Pixels) -> None:
        _check_components(Pixels, xpixels=xpixels, ypixels=ypixels)
        self.xpixels = xpixels
        self.ypixels = ypixels

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> VectorGrid2D:
        return cls(state["xpixels"], state["ypixels"])

    def quiver(self, factor: float = 1) -> Any:
        """Make a Plotly figure with an arrow from the centre of each pixel.

        Parameters
        ----------
        factor : float, default 1
            Length of an arrow, mm, for a vector of length 1.

        Returns
        -------
        plotly.graph_objects.Figure
            Pixels whose vector is zero or not finite have no arrow.

        Examples
        --------
        >>> import gpupept
        >>> from gpupept.processing import VectorGrid2D
        >>> u = gpupept.Pixels([[1, 0], [0, 1]], xlim=[0, 2], ylim=[0, 2])
        >>> [trace.type for trace in VectorGrid2D(u, u).quiver(factor=0.5).data]
        ['scatter']
        """
        from plotly.figure_factory import create_quiver

        centres, vectors = _arrows(self.xpixels, self.ypixels)
        if not len(vectors):  # an arrow of no length, for which there is no figure otherwise
            centres, vectors = np.full((1, 2), np.nan), np.zeros((1, 2))
        return create_quiver(*centres.T, *vectors.T, scale=factor)

    def vectors(self, factor: float = 1) -> Any:
        """Make PyVista arrows at the centres of the pixels, at z = 0.

        Parameters
        ----------
        factor : float, default 1
            Length of an arrow, mm, for a vector of length 1.

        Returns
        -------
        pyvista.PolyData
            The arrows; pixels whose vector is zero or not finite have none.

        Raises
        ------
        ImportError
            If PyVista is not installed; ``pip install gpupept[vtk]``.
        """
        centres, vectors = _arrows(self.xpixels, self.ypixels)
        flat = np.zeros((len(vectors), 1))
        return _glyphs(np.hstack([centres, flat]), np.hstack([vectors, flat]), factor)

    def __repr__(self) -> str:
        return "VectorGrid2D(xpixels, ypixels)"


class VectorGrid3D(PEPTObject):
    """Vectors in space, one for each voxel.

    Parameters
    ----------
    xvoxels, yvoxels, zvoxels : Voxels
        The components, on the same grid and device.

    Raises
    ------
    TypeError
        If a component is not `Voxels`.
    ValueError
        If the components are not on the same grid.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.processing import VectorGrid3D
    >>> u = gpupept.Voxels.empty((4, 4, 4), [0, 2], [0, 2], [0, 2])
    >>> VectorGrid3D(u, u, u + 1)
    VectorGrid3D(xvoxels, yvoxels, zvoxels)
    """

    def __init__(self, xvoxels: Voxels, yvoxels: Voxels, zvoxels: Voxels) -> None:
        _check_components(Voxels, xvoxels=xvoxels, yvoxels=yvoxels, zvoxels=zvoxels)
        self.xvoxels = xvoxels
        self.yvoxels = yvoxels
        self.zvoxels = zvoxels

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> VectorGrid3D:
        return cls(state["xvoxels"], state["yvoxels"], state["zvoxels"])

    def vectors(self, factor: float = 1) -> Any:
        """Make PyVista arrows at the centres of the voxels.

        Parameters
        ----------
        factor : float, default 1
            Length of an arrow, mm, for a vector of length 1.

        Returns
        -------
        pyvista.PolyData
            The arrows; voxels whose vector is zero or not finite have none.

        Raises
        ------
        ImportError
            If PyVista is not installed; ``pip install gpupept[vtk]``.
        """
        return _glyphs(*_arrows(self.xvoxels, self.yvoxels, self.zvoxels), factor)

    def __repr__(self) -> str:
        return "VectorGrid3D(xvoxels, yvoxels, zvoxels)"


def _check_components(kind: type[RegularGrid], **components: Any) -> None:
    first_name, first = next(iter(components.items()))
    for name, component in components.items():
        if not isinstance(component, kind):
            raise TypeError(f"{name} must be {kind.__name__}, found {type(component).__name__}")
        same = np.array_equal(component.lower, first.lower) and np.array_equal(
            component.upper, first.upper
        )
        if component.shape != first.shape or not same:
            raise ValueError(
                f"{name} must be on the grid of {first_name}, of shape {first.shape} from "
                f"{first.lower} to {first.upper}; found shape {component.shape} from "
                f"{component.lower} to {component.upper}"
            )
    common_device(*(component.array for component in components.values()))


def _arrows(*components: RegularGrid) -> tuple[np.ndarray, np.ndarray]:
    """Centres of the cells with a vector, and the vectors: (N, D) float64 each, on the host."""
    first = components[0]
    steps = [
        low + (np.arange(count) + 0.5) * (high - low) / count
        for low, high, count in zip(first.lower, first.upper, first.shape, strict=True)
    ]
    centres = np.stack([axis.ravel() for axis in np.meshgrid(*steps, indexing="ij")], axis=1)
    vectors = np.stack([to_host(component.array).ravel() for component in components], axis=1)
    shown = np.isfinite(vectors).all(axis=1) & (vectors != 0.0).any(axis=1)
    return centres[shown], vectors[shown].astype(np.float64)


def _glyphs(centres: np.ndarray, vectors: np.ndarray, factor: float) -> Any:
    cloud = _pyvista().PolyData(centres)
    cloud["vectors"] = vectors
    cloud["length"] = np.linalg.norm(vectors, axis=1)
    return cloud.glyph(orient="vectors", scale="length", factor=factor)


def _pyvista() -> ModuleType:
    try:
        import pyvista
    except ImportError as error:
        raise ImportError(
            "arrows in space need PyVista, which is not installed: pip install 'gpupept[vtk]'"
        ) from error
    module: ModuleType = pyvista
    return module
