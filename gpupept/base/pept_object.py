"""What all objects of the package have in common."""

from __future__ import annotations

import copy
import os
from typing import IO, Any, Self

from gpupept.base.text import object_text


class PEPTObject:
    """Base class: copying, saving, loading and a readable text form."""

    def copy(self, deep: bool = True) -> Self:
        """Copy the object.

        Parameters
        ----------
        deep : bool, default True
            Copy what it holds too.

        Returns
        -------
        object of the same class
            The copy.

        Examples
        --------
        >>> from gpupept.base import PEPTObject
        >>> type(PEPTObject().copy()).__name__
        'PEPTObject'
        """
        return copy.deepcopy(self) if deep else copy.copy(self)

    def save(self, filepath: str | os.PathLike[str] | IO[bytes]) -> None:
        """Save the object to a file, see `gpupept.save`.

        Parameters
        ----------
        filepath : path or binary file handle
            The suffix decides the format: ``.npz``, ``.parquet``, otherwise pickle.

        Examples
        --------
        >>> import io
        >>> import gpupept
        >>> lines = gpupept.LineData([[1, 2, 3, 4, 5, 6, 7]])
        >>> file = io.BytesIO()
        >>> lines.save(file)
        """
        from gpupept.base.persistence import save

        save(filepath, self)

    @classmethod
    def load(cls, filepath: str | os.PathLike[str] | IO[bytes]) -> Self:
        """Load an object of this class from a file written by `save`, see `gpupept.load`.

        Parameters
        ----------
        filepath : path or binary file handle
            The file.

        Returns
        -------
        object of this class
            On the CPU, wherever it was saved from.

        Raises
        ------
        TypeError
            If the file holds an object of another class.

        Examples
        --------
        >>> import io
        >>> import gpupept
        >>> file = io.BytesIO()
        >>> gpupept.LineData([[1, 2, 3, 4, 5, 6, 7]]).save(file)
        >>> _ = file.seek(0)
        >>> gpupept.LineData.load(file).lines
        array([[1., 2., 3., 4., 5., 6., 7.]])
        """
        from gpupept.base.persistence import load

        found: Any = load(filepath)
        if not isinstance(found, cls):
            raise TypeError(
                f"{filepath} holds an object of class {type(found).__name__}, not {cls.__name__}; "
                "use gpupept.load"
            )
        return found

    def _saved_state(self) -> dict[str, Any]:
        """Values that `save` stores and `_restored` needs to make the object again."""
        return dict(self.__dict__)

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        """Make an object from the values of `_saved_state`, which may come from any file."""
        new = object.__new__(cls)
        new.__dict__.update(state)
        return new

    def __repr__(self) -> str:
        return object_text(self)
