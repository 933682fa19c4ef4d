"""The plotters under the older name of the module; see `gpupept.plots`."""

from gpupept.plots import *  # noqa: F403
