"""ImageArray: an array with its statistics, which are those of its elements at any time."""

from __future__ import annotations

import csv
import math
import pickle
import re
import sys

import numpy as np
import pytest
from oracle import statistics as oracle
from plots.headless_browser import near, needs_chromium, running

import gpupept
from gpupept.images import ImageArray, StatisticsMixin, compute_histogram, image_statistics

NAMES = ("mean_value", "median", "variance", "standarddev", "skewness", "kurtosis")
NAMES += ("minimum", "maximum")
KEYS = ("mean", *NAMES[1:])


@pytest.fixture
def values():
    return np.random.default_rng(7).gamma(2.0, 3.0, size=(6, 7, 8))


@pytest.fixture
def image(device, values):
    return ImageArray(device.asarray(values))


def check(image, values):
    expected = oracle.statistics(np.asarray(values))
    for name, key in zip(NAMES, KEYS, strict=True):
        np.testing.assert_allclose(getattr(image, name), expected[key], rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(image.histogram[0], np.histogram(values, bins=255)[0])


def test_attributes(image, values):
    check(image, values)
    assert all(isinstance(getattr(image, name), float) for name in NAMES)
    assert isinstance(image.histogram, tuple)


def test_attributes_equal_those_computed_together(image):
    found = image.calculate_statistics()
    for name in NAMES:
        assert getattr(image, name) == getattr(found, name)
    assert found.n == image.size
    np.testing.assert_array_equal(found.histogram[1], image.histogram[1])


CHANGES = {
    "element": lambda image: image.__setitem__((0, 0, 0), 1e3),
    "slice": lambda image: image.__setitem__(slice(2), 5.0),
    "in place": lambda image: image.__iadd__(3.0),
    "ufunc": lambda image: np.multiply(image, 2.0, out=image),
    "fill": lambda image: image.fill(2.0) or image.__setitem__((0, 0, 0), 1.0),
    "plain array": lambda image: image.array.__setitem__((1, 1, 1), -50.0),
    "view": lambda image: image[3:].__setitem__(slice(None), 0.5),
    "transposed view": lambda image: image.T.__setitem__((0, 1), 9.0),
}


@pytest.mark.parametrize("how", CHANGES)
def test_never_out_of_date(device, image, how):
    before = image.calculate_statistics()
    CHANGES[how](image)
    after = device.to_host(image.array)
    assert image.calculate_statistics() != before
    check(image, after)


def test_given_array_changed_by_its_owner(device, values):
    array = device.asarray(values)
    image = ImageArray(array)
    assert image.array is array
    before = image.mean_value
    array[...] *= 4
    assert math.isclose(image.mean_value, 4 * before)
    assert math.isclose(image.mean_value, device.to_host(array).mean())


def test_slices_and_results_have_statistics_of_their_own(image, values):
    check(image[2:5], values[2:5])
    check(image * 2 + 1, values * 2 + 1)
    check(np.sqrt(image), np.sqrt(values))
    check(image.copy(), values)
    check(ImageArray(image.T), values.T)
    assert type(image[2:5]) is type(image * 2) is type(np.sqrt(image)) is ImageArray
    assert not isinstance(image.mean(), ImageArray)
    assert not isinstance(image[0, 0, 0], ImageArray)


def test_pickled(values):
    again = pickle.loads(pickle.dumps(ImageArray(values)))
    check(again, values)


def test_from_lists_and_other_images():
    image = ImageArray([[1, 2], [3, 5]])
    assert (image.median, image.maximum) == (2.5, 5)
    assert ImageArray(image).array is image.array
    assert np.asarray(image).tolist() == [[1, 2], [3, 5]]


def test_moved(device, values):
    image = ImageArray(values).to(device.name)
    assert image.device.startswith(device.name)
    check(image, values)
    check(image.to_cpu(), values)


def test_integers_have_integer_extremes(device):
    image = ImageArray(device.asarray(np.array([[3, 250], [7, 9]], dtype=np.uint8)))
    assert (image.minimum, image.maximum) == (3, 250)
    assert isinstance(image.maximum, int)
    counts, edges = image.histogram
    assert (len(counts), counts.sum(), edges[0], edges[-1]) == (255, 4, 3.0, 250.0)


@pytest.mark.parametrize("shape", [(0,), (3, 0, 2)])
def test_empty(device, shape):
    image = ImageArray(device.asarray(np.zeros(shape)))
    for name in (*NAMES, "histogram"):
        with pytest.raises(ValueError, match="at least one element"):
            getattr(image, name)


def test_bad_arguments(device, image):
    with pytest.raises(ValueError, match="every element masked"):
        image.calculate_statistics(mask=device.asarray(np.ones(image.shape, dtype=bool)))
    with pytest.raises(ValueError, match=r"mask: expected bool of shape \(6, 7, 8\)"):
        image.calculate_statistics(mask=device.asarray(np.ones(3, dtype=bool)))
    with pytest.raises(ValueError, match="mask: expected bool"):
        image.calculate_statistics(mask=device.asarray(np.ones(image.shape)))
    with pytest.raises(ValueError, match="nan_policy"):
        image.calculate_statistics(nan_policy="ignore")
    for kind in (complex, object, "datetime64[s]"):
        with pytest.raises(TypeError, match="statistics need"):
            image_statistics(np.zeros(3).astype(kind))


def test_nan(device, values):
    values[0, 1, 2] = values[3, 4, 5] = np.nan
    image = ImageArray(device.asarray(values))
    assert all(math.isnan(getattr(image, name)) for name in NAMES)
    with pytest.raises(ValueError, match="found 2 NaN"):
        _ = image.histogram
    with pytest.raises(ValueError, match="found 2 NaN"):
        image.calculate_statistics(nan_policy="raise")
    omitted = image.calculate_statistics(nan_policy="omit")
    assert (omitted.n, omitted.n_nan) == (values.size - 2, 2)
    assert math.isclose(omitted.mean_value, np.nanmean(values))
    counts, _ = image.compute_histogram(bins=5, range=(0.0, 10.0))
    assert counts.tolist() == np.histogram(values, 5, (0.0, 10.0))[0].tolist()


def test_histograms_asked_for(device):
    values = np.random.default_rng(2).integers(-20, 400, size=500).astype(np.int32)
    image = ImageArray(device.asarray(values))
    counts, edges = image.histogram  # one bin for each integer
    assert edges[0] == values.min() - 0.5
    assert counts.tolist() == np.bincount(values - values.min()).tolist()
    counts, edges = image.compute_histogram("unit", range=(0, 9))
    assert counts.tolist() == [(values == k).sum() for k in range(10)]
    for bins, limits in ((10, None), (7, (-3.0, 200.5)), (3, (500, 600))):
        counts, edges = image.compute_histogram(bins, limits)
        expected = np.histogram(values, bins, limits)
        assert counts.tolist() == expected[0].tolist()
        np.testing.assert_array_equal(edges, expected[1])
    density, edges = image.compute_histogram(10, density=True)
    np.testing.assert_allclose((density * np.diff(edges)).sum(), 1.0)
    wide = compute_histogram(device.asarray(np.array([0, 2**40])))
    assert (len(wide[0]), wide[0][0], wide[0][-1]) == (65535, 1, 1)


def test_edges_in_the_type_of_the_image(device):
    values = (1e4 + np.random.default_rng(1).normal(size=999)).astype(np.float32)
    image = ImageArray(device.asarray(values))
    counts, edges = image.histogram
    assert edges.dtype == np.float32
    assert counts.tolist() == np.histogram(values, 255)[0].tolist()
    exact, wide = image.compute_histogram(dtype=np.float64)
    assert wide.dtype == np.float64
    assert exact.tolist() == np.histogram(values.astype(float), 255)[0].tolist()


def test_bad_histograms(image):
    for bins in (0, -3, 2.5, "auto", True):
        with pytest.raises(ValueError, match="bins must be"):
            image.compute_histogram(bins)
    for limits in ((1.0,), (5, 1), (0, np.inf)):
        with pytest.raises(ValueError, match="range must be"):
            image.compute_histogram(range=limits)
    with pytest.raises(ValueError, match='"unit" needs integers'):
        image.compute_histogram("unit")


# ---- describe


def read(path):
    with path.open() as lines:
        header, row = csv.reader(lines)
    return dict(zip(header, map(float, row), strict=True))


@pytest.mark.parametrize("name", ["statistics", "statistics.csv", "statistics.CSV"])
def test_described(image, tmp_path, name):
    (tmp_path / "statistics.csv").write_text("old")
    found = image.describe(tmp_path, name)
    assert tuple(found) == KEYS
    target = tmp_path / (name if "." in name else f"{name}.csv")
    assert read(target) == found
    assert found == image.calculate_statistics().as_dict()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_described_with_the_histogram(image, tmp_path):
    image.describe(str(tmp_path), "all", histogram=True)
    lines = (tmp_path / "all_histogram.csv").read_text().splitlines()
    assert lines[0] == "edge_low,edge_high,count"
    counts, edges = image.histogram
    assert [int(line.split(",")[2]) for line in lines[1:]] == counts.tolist()
    assert float(lines[1].split(",")[0]) == edges[0]
    assert float(lines[-1].split(",")[1]) == edges[-1]


@pytest.mark.parametrize("given", [{}, {"path": "."}, {"filename": "x"}])
def test_described_without_a_file(image, tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    told = f"path={given.get('path')!r} and filename={given.get('filename')!r}"
    with pytest.warns(RuntimeWarning, match=f"{told} given, so nothing is written"):
        found = image.describe(**given)
    assert tuple(found) == KEYS
    assert not list(tmp_path.iterdir())


def test_described_nowhere(image, tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        image.describe(tmp_path / "missing", "x")
    with pytest.raises(ValueError, match="at least one element"):
        ImageArray(np.zeros((0, 2))).describe(tmp_path, "x")
    nan = ImageArray(np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match="NaN"):
        nan.describe(tmp_path, "x", histogram=True)
    assert not list(tmp_path.iterdir())
    assert all(map(math.isnan, nan.describe(tmp_path, "x").values()))


# ---- visualize


def panels(figure):
    return [trace for trace in figure.data if trace.type == "heatmap"]


def test_slices(device, image, values):
    figure = image.visualize(slices=(1, -2, np.int64(3)))
    x, y, z = panels(figure)
    np.testing.assert_array_equal(x.z, values[1].T)
    np.testing.assert_array_equal(y.z, values[:, 5].T)
    np.testing.assert_array_equal(z.z, values[:, :, 3].T)
    titles = [note.text for note in figure.layout.annotations]
    assert titles == ["x slice 1", "y slice 5", "z slice 3"]
    names = [(a.title.text) for a in (figure.layout.xaxis, figure.layout.yaxis2)]
    assert names == ["y", "z"]
    lines = {(s.xref, s.x0) for s in figure.layout.shapes if s.x0 == s.x1}
    assert lines == {("x", 5), ("x2", 1), ("x3", 1)}


def test_middle_slices_and_options(image, values):
    figure = image.visualize(colorscale="Viridis", zmin=0, zmax=5)
    np.testing.assert_array_equal(panels(figure)[0].z, values[3].T)
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 5)


def test_only_the_slices_leave_the_device(fake_gpu, monkeypatch):
    array = fake_gpu.asarray(np.zeros((20, 21, 22), dtype=np.float32))
    copied, get = [], fake_gpu.ndarray.get
    monkeypatch.setattr(
        fake_gpu.ndarray, "get", lambda self, *a, **k: copied.append(self.nbytes) or get(self)
    )
    ImageArray(array).visualize()
    assert sum(copied) == 4 * (21 * 22 + 20 * 22 + 20 * 21)


def test_flat_image(device):
    values = np.arange(12.0).reshape(3, 4)
    image = ImageArray(device.asarray(values))
    (panel,) = panels(image.visualize())
    np.testing.assert_array_equal(panel.z, values.T)
    with pytest.warns(RuntimeWarning, match="slices are not used"):
        image.visualize(slices=(1, 2, 3))


def test_physical_units():
    class Placed(ImageArray, StatisticsMixin):
        xlim, ylim, zlim = (0.0, 6.0), (-7.0, 7.0), (1.0, 2.0)

    figure = Placed(np.zeros((6, 7, 8))).visualize(slices=(0, 0, 0))
    assert panels(figure)[2].x.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert panels(figure)[2].y.tolist() == [-6, -4, -2, 0, 2, 4, 6]
    assert figure.layout.xaxis.title.text == "y (mm)"
    assert figure.layout.annotations[0].text == "x slice 0 (0.5 mm)"


def test_wrong_slices(image):
    for slices, error in (((6, 0, 0), IndexError), ((0, -8, 0), IndexError), ((1, 2), ValueError)):
        with pytest.raises(error, match="slices"):
            image.visualize(slices)
    with pytest.raises(TypeError):
        image.visualize((1.5, 0, 0))
    for shape in ((3,), (2, 2, 2, 2), (0, 3)):
        with pytest.raises(ValueError, match=r"axes|elements"):
            ImageArray(np.zeros(shape)).visualize()


def test_exported(image, tmp_path):
    image.visualize(export_path=tmp_path / "slices.html")
    image.visualize(export_path=tmp_path)
    for name in ("slices.html", "image.html"):
        assert "plotly" in (tmp_path / name).read_text()[:100_000].lower()
    with pytest.raises(ValueError, match=r"\.txt"):
        image.visualize(export_path=tmp_path / "slices.txt")
    with pytest.raises(FileNotFoundError):
        image.visualize(export_path=tmp_path / "missing" / "slices.html")
    assert len(list(tmp_path.iterdir())) == 2


def test_pictures_need_kaleido(image, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(ImportError, match=re.escape("gpupept[export]")):
        image.visualize(export_path=tmp_path / "slices.png")
    assert not list(tmp_path.iterdir())


def test_public():
    assert gpupept.images.ImageArray is ImageArray


@pytest.mark.slow
@needs_chromium
def test_slices_in_a_browser(tmp_path):
    x, y, z = np.mgrid[-1:1:20j, -1:1:30j, -1:1:25j]
    image = ImageArray(np.exp(-4 * (x**2 + y**2 + (z - 0.3) ** 2)))
    image.visualize(export_path=tmp_path / "page.html", colorscale=[[0, "#636efa"], [1, "#EF553B"]])
    with running(tmp_path / "profile") as browser:
        browser.open(tmp_path / "page.html")
        picture, errors = browser.picture(), browser.errors()
    assert errors == []
    for colour in ("#636efa", "#EF553B"):
        assert near(picture, colour) > 500
