"""Model files that a stranger made: none crashes, hangs, reads another file, or answers nonsense; each says why."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import Run
from drawing import crop, png
from fuzz import models as fuzz
from fuzz.models import Field
from onnx import TensorProto, helper, numpy_helper
from test_session import DIGITS, save, tiny_finder, tiny_model

from edge_digits import DigitReader, Model, ModelCard, ModelError
from edge_digits.inference import contract, shipped
from edge_digits.inference.session import Finder
from edge_digits.normalize import normalize
from edge_digits.results import CHARACTERS

Spoil = Callable[[onnx.ModelProto], None]


def added(*nodes: tuple[str, list[str], dict[str, Any]], **tensors: np.ndarray[Any, Any]) -> Spoil:
    """After the tiny model's logits (value "x"): operations, each giving "y", "y2", ...; the last gives the output."""

    def spoil(model: onnx.ModelProto) -> None:
        graph = model.graph
        graph.node[-1].output[0] = "x"
        for number, (operator, inputs, attributes) in enumerate(nodes, 1):
            output = "y" if number == 1 else f"y{number}"
            graph.node.append(helper.make_node(operator, inputs, [output], **attributes))
        graph.node[-1].output[0] = "logits"
        graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in tensors.items())

    return spoil


def a_loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["c2"]), helper.make_node("Identity", ["v"], ["v2"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("c2", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v2", TensorProto.FLOAT, None),
        ],
    )
    added(("Loop", ["", "true", "x"], {"body": body}), true=np.array(True))(model)


def an_if(model: onnx.ModelProto) -> None:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["z"])],
        "branch",
        [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)],
    )
    added(("If", ["true"], {"then_branch": branch, "else_branch": branch}), true=np.array(True))(model)


def a_graph_where_none_belongs(model: onnx.ModelProto) -> None:
    added(("Relu", ["x"], {"body": model.graph}))(model)


def weights(value: float, typed: bool = False) -> Spoil:
    """One weight of this value; in the fields of typed values, or as raw bytes."""

    def spoil(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        values = numpy_helper.to_array(tensor).copy()
        values[3, 3] = value
        name = tensor.name
        if typed:
            tensor.CopyFrom(helper.make_tensor(name, TensorProto.FLOAT, values.shape, values.ravel().tolist()))
        else:
            tensor.CopyFrom(numpy_helper.from_array(values, name))

    return spoil


def weights_that_overflow(model: onnx.ModelProto) -> None:
    added(("Mul", ["x", "large"], {}), ("Mul", ["y", "large"], {}), large=np.array(3e30, np.float32))(model)


def dimensions(*sides: int) -> Spoil:
    def spoil(model: onnx.ModelProto) -> None:
        model.graph.initializer[0].dims[:] = sides

    return spoil


def nodes_in_a_circle(model: onnx.ModelProto) -> None:
    added(("Add", ["x", "y2"], {}), ("Relu", ["y"], {}), ("Relu", ["y2"], {}))(model)


def many_nodes(model: onnx.ModelProto) -> None:
    added(*[("Relu", ["x"], {})] * 2500)(model)


def shape_by_data(model: onnx.ModelProto) -> None:
    """As many rows as a pixel says."""
    pixel = ("Cast", ["x"], {"to": TensorProto.INT64})
    added(pixel, ("Reshape", ["x", "y"], {}))(model)


def wide_convolution(model: onnx.ModelProto) -> None:
    graph = model.graph
    nodes = [
        helper.make_node("Unsqueeze", ["floats", "one"], ["plane"]),
        helper.make_node("Conv", ["plane", "kernel"], ["planes"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["planes", "kernels"], ["more"], pads=[1, 1, 1, 1]),
    ]
    for number, node in enumerate(nodes):
        graph.node.insert(1 + number, node)
    tensors = {
        "one": np.array([1]),
        "kernel": np.ones((256, 1, 3, 3), np.float32),
        "kernels": np.ones((256, 256, 3, 3), np.float32),
    }
    graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in tensors.items())


def convolution(**attributes: Any) -> Spoil:
    def spoil(model: onnx.ModelProto) -> None:
        model.graph.node.insert(1, helper.make_node("Unsqueeze", ["floats", "one"], ["plane"]))
        model.graph.node.insert(2, helper.make_node("Conv", ["plane", "kernel"], ["planes"], **attributes))
        model.graph.initializer.append(numpy_helper.from_array(np.array([1]), "one"))
        model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "kernel"))

    return spoil


def functions(model: onnx.ModelProto) -> None:
    model.functions.append(helper.make_function("local", "Relu", ["a"], ["b"], [], [helper.make_opsetid("", 13)]))


def sparse_weights(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().dims[:] = [1 << 40]


def a_wrong_shape_told(model: onnx.ModelProto) -> None:
    model.graph.value_info.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["N", 3]))


def strings_as_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array(["text"], object), "text"))


def typed_integers(model: onnx.ModelProto) -> None:
    count = (1 << 20) + 1
    model.graph.initializer.append(helper.make_tensor("many", TensorProto.INT8, [count], np.zeros(count, np.int8)))


def an_old_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 9


def card_twice(model: onnx.ModelProto) -> None:
    model.metadata_props.append(model.metadata_props[0])


def labels(text: str) -> Spoil:
    def spoil(model: onnx.ModelProto) -> None:
        (entry,) = (entry for entry in model.metadata_props if entry.key == "labels")
        entry.value = text

    return spoil


# How to spoil the tiny model, and what the message says of it.
SPOILT: dict[str, tuple[Spoil, str]] = {
    "loop": (a_loop, "operator 'Loop'"),
    "if": (an_if, "operator 'If'"),
    "graph in an attribute": (a_graph_where_none_belongs, "Relu .* has an attribute that"),
    "gigabytes of zeros": (added(("ConstantOfShape", ["size"], {}), size=np.array([1 << 15, 1 << 15])), "ConstantOfSh"),
    "expand": (added(("Expand", ["x", "size"], {}), size=np.array([1 << 15, 1 << 15, 10])), "operator 'Expand'"),
    "index by data": (
        added(("Cast", ["x"], {"to": TensorProto.INT64}), ("Gather", ["x", "y"], {})),
        "operator 'Gather'",
    ),
    "foreign operator": (added(("Attack", ["x"], {"domain": "com.example"})), r"operator 'com\.example\.Attack'"),
    "outer product": (
        added(
            *(("Unsqueeze", ["x", "axis"], {}), ("MatMul", ["y", "row"], {})),
            axis=np.array([2]),
            row=np.ones((1, 100_000), np.float32),
        ),
        r"MatMul .* gives 1000000 numbers",
    ),
    "outer product of weights": (
        added(
            ("MatMul", ["column", "row"], {}),
            column=np.ones((9000, 1), np.float32),
            row=np.ones((1, 9000), np.float32),
        ),
        r"MatMul .* gives 81000000 numbers",
    ),
    "long work": (wide_convolution, "more than 300000000 multiplications"),
    "pads of gigabytes": (convolution(pads=[1 << 20] * 4), r"Conv .* numbers"),
    "pads beyond all numbers": (convolution(pads=[(1 << 63) - 1] * 4), r"Conv .* numbers"),
    "negative pads": (convolution(pads=[-1, -1, -1, -1]), "Conv .* cannot work"),
    "strides of 0": (convolution(strides=[0, 0]), "Conv .* cannot work"),
    "no groups": (convolution(group=0), "Conv .* cannot work"),
    "a kernel of another size": (convolution(kernel_shape=[9, 9]), "Conv .* cannot work"),
    "always two rows": (
        added(("Add", ["x", "two"], {}), two=np.ones((2, 10), np.float32)),
        r"gives \[2, 10\] for \[1,",
    ),
    "always one row": (added(("ReduceMean", ["x"], {"axes": [0]})), r"gives \[1, 10\] for \[3,"),
    "another row": (added(("Pad", ["x", "pads"], {}), pads=np.array([1, 0, 0, 0])), r"gives \[2, 10\] for \[1,"),
    "scores of other pictures": (added(("Softmax", ["x"], {"axis": 0})), "other scores where it is not alone"),
    "integers one by one": (typed_integers, "one by one, not as raw data"),
    "a shape by data": (shape_by_data, "no list of a few integers"),
    "a wrong shape told": (a_wrong_shape_told, "says that 'flat' is of shape"),
    "circle": (nodes_in_a_circle, "'y2', which nothing before it gives"),
    "thousands of operations": (many_nodes, r"new value|more than 2000"),
    "NaN": (weights(float("nan")), "no numbers"),
    "infinity": (weights(float("inf")), "no numbers"),
    "NaN, typed": (weights(float("nan"), typed=True), "no numbers"),
    "overflow": (weights_that_overflow, "no scores"),
    "terabytes declared": (dimensions(1 << 20, 1 << 20), "more than the file holds"),
    "negative dimensions": (dimensions(-784, -10), "more than the file holds"),
    "other dimensions": (dimensions(10, 10), "has 7840 values"),
    "strings": (strings_as_weights, "a tensor holds a part"),
    "functions": (functions, "functions of its own"),
    "sparse": (sparse_weights, "sparse tensors"),
    "old opset": (an_old_opset, "opset 9"),
    "card twice": (card_twice, "of its metadata twice|its metadata holds 'name' twice"),
    "labels of a million": (labels('["' + "0" * 1_000_000 + '", "1"]'), "labels"),
    "half a character": (labels('["0", "\\ud800"]'), "labels"),
    "terminal escapes": (labels('["0", "\\u001b[31m"]'), "labels"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_file_that_could_do_harm_is_refused_with_the_part_that_could(kind: str) -> None:
    spoil, reason = SPOILT[kind]
    model = tiny_model()
    spoil(model)
    with pytest.raises(ModelError, match=reason) as refused:
        Model.from_bytes(model.SerializeToString(), "x.onnx")
    message = str(refused.value)
    assert message.startswith("x.onnx: ")
    assert message.isprintable(), "one line, which a terminal shows as it is"
    assert len(message) < 700


# --- what the onnx package does not write ---


def fields(model: onnx.ModelProto) -> list[Field]:
    return fuzz.parsed(model.SerializeToString())


def message(part: Field) -> list[Field]:
    assert isinstance(part.value, list)
    return part.value


def first(part: list[Field], number: int) -> Field:
    return next(field for field in part if field.number == number)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("located", [False, True])
@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "/etc/passwd"])
def test_external_data_is_refused_however_it_is_spelt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, swapped: bool, located: bool
) -> None:
    """A search for the name of the field in the bytes finds one spelling of several that mean the same."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(np.eye(784, 10, dtype=np.float32).tobytes())
    file = fields(tiny_model())
    tensor = message(first(message(first(file, 7)), 5))
    tensor.remove(first(tensor, 9))
    entry = [Field(1, 2, b"location"), Field(2, 2, place.encode())]
    tensor.insert(0, Field(13, 2, entry[::-1] if swapped else entry))
    tensor.extend([Field(14, 0, 1)] * located)
    with pytest.raises(ModelError, match="keeps its weights in another file"):
        Model.from_bytes(fuzz.written(file))


def test_text_that_is_no_utf_8_is_refused_by_its_key() -> None:
    file = fields(tiny_model())
    for entry in file:
        if entry.number == 14 and first(message(entry), 1).value == b"license":
            first(message(entry), 2).value = b'"\xff\xfe"'
    with pytest.raises(ModelError, match="'license' of its metadata is no text"):
        Model.from_bytes(fuzz.written(file), "x.onnx")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: [*file, first(file, 7)],  # readers that merge the two see another graph than those that do not
        lambda file: [*file, Field(7, 0, 1)],
        lambda file: [field for field in file if field.number != 7],
        lambda file: [*file, Field(1, 0, 9)],
        lambda file: [*file, Field(99, 2, b"more")],
    ],
    ids=["two graphs", "a number for a graph", "no graph", "two versions", "an unknown part"],
)
def test_a_file_that_two_readers_would_read_differently_is_no_model(
    spoil: Callable[[list[Field]], list[Field]],
) -> None:
    with pytest.raises(ModelError, match="no ONNX model, or a broken one"):
        Model.from_bytes(fuzz.written(spoil(fields(tiny_model()))))


@pytest.mark.parametrize(
    "content",
    [
        b"\x3a\xff\xff\xff\xff\x7f",  # a graph of 34 GB
        b"\x3a" + b"\xff" * 20,  # a length that does not end
        b"\x3b\x3b\x3b" * 100,  # groups within groups
        b"\x08",
        b"\x00\x00",
        b"\x3a\x02\x0a\x00" * 300_000,  # a million graphs
        struct.pack("<300000Q", *range(300_000)),
    ],
    ids=["length", "endless", "groups", "cut", "zero", "graphs", "numbers"],
)
def test_bytes_that_lie_about_themselves_are_no_model(content: bytes) -> None:
    with pytest.raises(ModelError, match="no ONNX model"):
        Model.from_bytes(content)


def test_a_large_file_is_not_even_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "large.onnx").open("wb") as stream:
        stream.truncate(100 << 30)
    with pytest.raises(ModelError, match=r"large\.onnx: is larger than 32 MB"):
        Model.load(tmp_path / "large.onnx")


# --- what is allowed ---


@pytest.mark.parametrize("name", shipped.names())
def test_a_shipped_file_keeps_the_contract_by_its_content_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are known by their sums, and would be allowed without."""
    monkeypatch.setattr(shipped, "name_of", lambda content: None)
    assert (Finder if name.startswith("finder") else Model).load(name).card.labels == CHARACTERS


def test_a_shipped_file_that_was_changed_is_judged_as_any_other() -> None:
    content = (shipped.folder() / "base.int8.onnx").read_bytes()
    assert shipped.name_of(content) == "base.int8"
    assert shipped.name_of(content + b"\x00") is None
    assert shipped.name_of(b"") is None


def test_many_pictures_are_read_in_parts() -> None:
    model = Model.load()
    noise = np.random.default_rng(0).integers(0, 256, (600, 28, 28), np.uint8)
    one_by_one = np.concatenate([model.logits(part) for part in np.array_split(noise, 50)])
    np.testing.assert_allclose(model.logits(noise), one_by_one, atol=1e-4)


# --- what shows itself only in use ---


@pytest.fixture
def fails_on_a_three(tmp_path: Path) -> Path:
    """A model whose scores are infinite where a pixel is as in a three, and in no picture that it is tried with."""
    three, four = (normalize(crop(digit)).ravel().astype(int) for digit in "34")
    pixel = int(np.flatnonzero((three != four) & (three > 20) & (three < 230))[0])
    model = tiny_model()
    selector = np.zeros((784, 10), np.float32)
    selector[pixel] = 1
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(selector, "weights"))
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.full(10, -three[pixel], np.float32), "shift"))
    added(("Reciprocal", ["x"], {}))(model)
    save(tmp_path / "three.onnx", model)
    return tmp_path / "three.onnx"


def test_scores_that_are_none_are_an_error_and_no_reading(fails_on_a_three: Path) -> None:
    model = Model.load(fails_on_a_three)
    with pytest.raises(ModelError, match=r"three\.onnx: gives what are no scores"):
        model.probabilities(normalize(crop("3"))[None])
    assert np.isfinite(model.probabilities(normalize(crop("4"))[None])).all()
    with pytest.raises(ModelError, match="no scores"):
        DigitReader(model, layout="digit").read(crop("3"))


def test_the_command_line_tells_it_in_the_record_and_goes_on(run: Run, tmp_path: Path, fails_on_a_three: Path) -> None:
    for digit in "34":
        (tmp_path / f"{digit}.png").write_bytes(png(crop(digit)))
    ended = run("predict", "3.png", "4.png", "-m", fails_on_a_three.name, "--layout", "digit", "--format", "jsonl")
    assert [record["status"] == "error" for record in ended.records] == [True, False]
    assert "no scores" in ended.records[0]["error"]
    assert ended.code == 5


def test_what_a_card_calls_probabilities_must_be_some(tmp_path: Path) -> None:
    save(tmp_path / "s.onnx", tiny_model(ModelCard("tiny", DIGITS, output="scores")))
    with pytest.raises(ModelError, match="gives what are no probabilities"):
        Model.load(tmp_path / "s.onnx").probabilities(np.full((1, 28, 28), 200, np.uint8))


def test_a_finder_of_fewer_cells_is_refused() -> None:
    model = tiny_finder()
    model.graph.node[2].attribute[0].ints[:] = [16, 16]
    with pytest.raises(ModelError, match=r"it gives \[1, 4, 4, 56\] for \[1, 64, 64\], not \[1, 8, 8, 56\]"):
        Finder.from_bytes(model.SerializeToString())


# --- many, by chance ---


@pytest.mark.slow
def test_a_hundred_spoilt_files_are_refused_or_give_scores() -> None:
    """`tests/fuzz/models.py` tries as many as one likes."""
    judge = fuzz.Judge()
    try:
        verdicts = [judge(content, finder) for content, finder in fuzz.files(100, seed=0)]
    finally:
        judge.close()
    assert [verdict for verdict in verdicts if verdict not in fuzz.GOOD] == []
    assert 40 < verdicts.count("refused") < 100, "else the files are spoilt too much, or too little"


@pytest.mark.slow
def test_refusing_takes_little_memory(tmp_path: Path) -> None:
    """In a process that may take half a gigabyte more than onnxruntime's import."""
    for number, kind in enumerate(("gigabytes of zeros", "outer product of weights", "pads of gigabytes", "long work")):
        model = tiny_model()
        SPOILT[kind][0](model)
        save(tmp_path / f"{number}.onnx", model)
    program = """
import resource, sys
from edge_digits import Model, ModelError
Model.load()
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[1:]:
    try:
        Model.load(name)
    except ModelError:
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) >> 10)
"""
    names = sorted(str(path) for path in tmp_path.glob("*.onnx"))
    ended = subprocess.run(
        [sys.executable, "-c", program, *names], capture_output=True, text=True, check=True, timeout=20, env=os.environ
    )
    assert [int(line) < 512 for line in ended.stdout.split()] == [True] * 4


def test_the_limits_leave_room_for_the_networks_that_ship() -> None:
    """A network of ten times their cost is still taken."""
    from edge_digits.inference.onnx_file import OnnxFile
    from edge_digits.inference.operators import RULES

    for name, pictures in (("base.fp32", (1, 28, 28)), ("finder.int8", (1, 64, 64))):
        graph = OnnxFile((shipped.folder() / f"{name}.onnx").read_bytes()).graph(RULES)
        largest = max(int(np.prod(shape)) for shape in contract.shapes_of(graph, pictures).values())
        assert largest * 3 < contract.MOST_NUMBERS
