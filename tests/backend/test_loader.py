"""The text compiled for a family of kernels: where it comes from and what it says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gpupept.backend import find_kernel_file, kernel_directories, kernel_source

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "common").mkdir()
    monkeypatch.setenv("GPUPEPT_KERNEL_DIR", str(tmp_path))
    return tmp_path


def lines_by_origin(text):
    """Each line of an expanded text as (file name, line number, line), by its `#line` directives."""
    found, name, number = [], "", 0
    for line in text.splitlines():
        directive = re.fullmatch(r'#line (\d+) "(.*)"', line)
        if directive:
            number, name = int(directive[1]), Path(directive[2]).name
        else:
            found.append((name, number, line))
            number += 1
    return found


def test_directories(folder, monkeypatch):
    assert kernel_directories()[0] == folder
    assert kernel_directories()[-1] == CHECKOUT / "cuda_kernels"
    monkeypatch.delenv("GPUPEPT_KERNEL_DIR")
    assert kernel_directories() == (CHECKOUT / "cuda_kernels",)
    monkeypatch.setenv("GPUPEPT_KERNEL_DIR", str(folder / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"GPUPEPT_KERNEL_DIR.*nowhere"):
        kernel_directories()


def test_search_order(folder):
    (folder / "common" / "reduce.cuh").write_text("// mine\n")
    assert find_kernel_file("common/reduce.cuh") == folder / "common" / "reduce.cuh"
    assert find_kernel_file("common/indexing.cuh").parent == CHECKOUT / "cuda_kernels" / "common"


def test_missing_family(folder):
    with pytest.raises(FileNotFoundError) as error:
        kernel_source("absent")
    for part in ("'absent.cu'", str(folder), "GPUPEPT_KERNEL_DIR"):
        assert part in str(error.value)


def test_missing_header_names_the_line(folder):
    (folder / "family.cu").write_text('// one\n#include "common/absent.cuh"\n')
    with pytest.raises(FileNotFoundError, match=r"family\.cu, line 2: .*common/absent\.cuh"):
        kernel_source("family")


def test_headers_are_in_place_once_with_their_lines(folder):
    (folder / "common" / "a.cuh").write_text(
        '#pragma once\nint a;\n#include "common/b.cuh"\nint a2;\n'
    )
    (folder / "common" / "b.cuh").write_text('#  pragma once\n#include "common/a.cuh"\nint b;')
    (folder / "family.cu").write_text(
        '// é\n#include "common/a.cuh"  // a\n  # include "common/b.cuh"\n'
        "#include <cstdint>\nint f;\n"
    )
    text = kernel_source("family")
    assert '#include "' not in text
    assert "#pragma once" not in text
    origin = [line for line in lines_by_origin(text) if line[0] != "prelude.cuh"]
    code = [(n, i, line) for n, i, line in origin if line.strip()]
    assert code == [
        ("family.cu", 1, "// é"),
        ("a.cuh", 2, "int a;"),
        ("b.cuh", 3, "int b;"),
        ("a.cuh", 4, "int a2;"),
        ("family.cu", 4, "#include <cstdint>"),
        ("family.cu", 5, "int f;"),
    ]


def test_prelude_comes_first(folder):
    (folder / "family.cu").write_text("int f;\n")
    origin = lines_by_origin(kernel_source("family"))
    assert origin[0][0] == "prelude.cuh"
    assert origin[-1] == ("family.cu", 1, "int f;")


def test_the_text_changes_with_a_header(folder):
    """CuPy's cache of compiled kernels goes by the text, so a changed header must change it."""
    header = folder / "common" / "a.cuh"
    (folder / "family.cu").write_text('#include "common/a.cuh"\n')
    header.write_text("int a;\n")
    before = kernel_source("family")
    header.write_text("int b;\n")
    assert kernel_source("family") != before
