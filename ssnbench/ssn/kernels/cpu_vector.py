"""Vectors of float32 in numba, for kernels that are to be vectorised whatever the compiler thinks.

A :data:`vector` has :data:`LANES` numbers, a :data:`nine` has nine vectors: one value for each of
the nine superpixels around a pixel, for as many pixels as there are lanes. Both know ``+``, ``-``
and ``*``, number by number; a vector that meets a nine is used nine times. Sums of products are
fused where the processor can. Both live in registers: nothing of them is ever in memory, unless
:func:`store` or :func:`store_nine` puts it there. Arrays are float32, contiguous, and
indexed as if they were flat; nothing checks bounds.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8
"""Numbers in a vector: what a register of this processor holds."""

_FLOAT, _INT = ir.FloatType(), ir.IntType(32)
_VECTOR, _INTEGERS = ir.VectorType(_FLOAT, LANES), ir.VectorType(_INT, LANES)
_NINE = ir.ArrayType(_VECTOR, 9)
_FUSED = ("contract",)
_struct: Any = cgutils.create_struct_proxy
_instruction: Any = intrinsic
_signature: Any = signature
_typed: Any = infer_global
_lowered: Any = lower_builtin
_Value = Any
_Build = Callable[..., _Value]


class _VectorType(types.Type):
    """A vector, for numba."""


class _NineType(types.Type):
    """Nine vectors, for numba."""


vector, nine = _VectorType("ssn_vector"), _NineType("ssn_nine")


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


@register_model(_NineType)
class _NineModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _NINE)  # type: ignore[no-untyped-call]


def _split(builder: Any, kind: Any, value: _Value) -> list[_Value]:
    """Nine vectors as a list; a vector nine times."""
    return [builder.extract_value(value, k) if kind == nine else value for k in range(9)]


def _joined(builder: Any, vectors: list[_Value]) -> _Value:
    whole = ir.Constant(_NINE, ir.Undefined)
    for k, each in enumerate(vectors):
        whole = builder.insert_value(whole, each, k)
    return whole


def _every(number: float) -> _Value:
    return ir.Constant(_VECTOR, [float(np.float32(number))] * LANES)


def _lift(build: _Build) -> _Build:
    """Make code for vectors or nines of what makes code for vectors."""

    def generate(_context: Any, builder: Any, types_of: Any, arguments: Any) -> _Value:
        if types_of.return_type == vector:
            return build(builder, *arguments)
        lists = [_split(builder, *each) for each in zip(types_of.args, arguments, strict=True)]
        return _joined(builder, [build(builder, *each) for each in zip(*lists, strict=True)])

    return generate


def _operator(function: Any, build: _Build) -> None:
    """Let ``function`` work on vectors and nines."""
    pairs = [(vector, vector), (vector, nine), (nine, vector), (nine, nine)]
    cases = [_signature(nine if nine in pair else vector, *pair) for pair in pairs]
    _typed(function)(type("_Template", (ConcreteTemplate,), {"cases": cases}))
    for pair in pairs:
        _lowered(function, *pair)(_lift(build))


def _add(builder: Any, a: _Value, b: _Value) -> _Value:
    return builder.fadd(a, b, flags=_FUSED)


def _multiply(builder: Any, a: _Value, b: _Value) -> _Value:
    return builder.fmul(a, b, flags=_FUSED)


def _larger(builder: Any, a: _Value, b: _Value) -> _Value:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


_operator(operator.add, _add)
_operator(operator.sub, lambda builder, a, b: builder.fsub(a, b, flags=_FUSED))
_operator(operator.mul, _multiply)


@_instruction
def reciprocal(_typing: Any, value: Any) -> Any:
    """1 over a vector."""

    def generate(_context: Any, builder: Any, _types: Any, arguments: Any) -> _Value:
        return builder.fdiv(_every(1), arguments[0])

    return vector(value), generate


@_instruction
def exp2(_typing: Any, values: Any) -> Any:
    """2 to the power of nine that are 0 or less: 1 at 0, 0 from -127, within 3e-7 of it between.

    2^x = 2^i 2^f with a whole i: added to 1.5 * 2^23, x is rounded to i, which then stands in the
    lowest bits, from where it is added to the exponent. 2^f is 1 + f times a polynomial.
    """

    def power_of(builder: Any, x: _Value) -> _Value:
        x = _larger(builder, x, _every(-127))
        shifted = builder.fadd(x, _every(3 << 22))
        f = builder.fsub(x, builder.fsub(shifted, _every(3 << 22)))
        power = _every(_POWERS[-1])
        for each in _POWERS[-2::-1]:
            power = _add(builder, _multiply(builder, power, f), _every(each))
        i = builder.shl(builder.bitcast(shifted, _INTEGERS), ir.Constant(_INTEGERS, [23] * LANES))
        return builder.bitcast(builder.add(builder.bitcast(power, _INTEGERS), i), _VECTOR)

    return nine(values), _lift(power_of)


def _powers() -> list[float]:
    """1, and the polynomial of degree 4 closest to (2^f - 1) / f on -0.5 ... 0.5."""
    f = np.cos(np.pi * (np.arange(64) + 0.5) / 64) / 2
    fit = np.polynomial.Polynomial.fit(f, np.expm1(f * np.log(2)) / f, 4, [-0.5, 0.5])
    return [1.0, *fit.convert().coef.tolist()]


_POWERS = _powers()


def _fold(combine: _Build) -> Any:
    """Function that makes one vector of nine.

    They are combined in pairs, and then those: operations that need not wait for each other.
    """

    def generate(_context: Any, builder: Any, _types: Any, arguments: Any) -> _Value:
        values = _split(builder, nine, arguments[0])
        while len(values) > 1:
            pairs = zip(values[::2], values[1::2], strict=False)
            values = [combine(builder, *pair) for pair in pairs] + values[len(values) // 2 * 2 :]
        return values[0]

    return _instruction(lambda _typing, value: (vector(value), generate))


largest: Any = _fold(_larger)
total: Any = _fold(_add)


@_instruction
def first_of(_typing: Any, values: Any, wanted: Any) -> Any:
    """Number, 0..8, of the first of nine that equals ``wanted``, as a vector."""

    def generate(_context: Any, builder: Any, _types: Any, arguments: Any) -> _Value:
        at = _every(8)
        for k, value in reversed(list(enumerate(_split(builder, nine, arguments[0])))):
            equal = builder.fcmp_ordered("==", value, arguments[1])
            at = builder.select(equal, _every(k), at)
        return at

    return vector(values, wanted), generate


@_instruction
def one_hot(_typing: Any, winner: Any) -> Any:
    """Nine that are 1 where they are the winner and 0 elsewhere."""

    def generate(_context: Any, builder: Any, _types: Any, arguments: Any) -> _Value:
        equal = [builder.fcmp_ordered("==", arguments[0], _every(k)) for k in range(9)]
        return _joined(builder, [builder.select(e, _every(1), _every(0)) for e in equal])

    return nine(winner), generate


@_instruction
def spread(_typing: Any, number: Any) -> Any:
    """Give every lane the same number."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> _Value:
        number = context.cast(builder, arguments[0], types_of.args[0], types.float32)
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, _INT(0))
        all_lanes = ir.Constant(_INTEGERS, [0] * LANES)
        return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), all_lanes)

    return vector(number), generate


@_instruction
def nine_of(_typing: Any, value: Any) -> Any:
    """Nine times the same vector."""

    def generate(_context: Any, builder: Any, _types: Any, arguments: Any) -> _Value:
        return _joined(builder, [arguments[0]] * 9)

    return nine(value), generate


@_instruction
def load(_typing: Any, array: Any, at: Any) -> Any:
    """Vector from ``array[at : at + LANES]``, float32, taken flat."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> _Value:
        return _load(builder, _pointer(context, builder, types_of.args[0], *arguments))

    return vector(array, at), generate


@_instruction
def load_nine(_typing: Any, array: Any, at: Any) -> Any:
    """Nine vectors, one behind the other, from ``array[at:]``, float32, taken flat."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> _Value:
        start = _pointer(context, builder, types_of.args[0], *arguments)
        return _joined(builder, [_load(builder, start, k) for k in range(9)])

    return nine(array, at), generate


@_instruction
def store(_typing: Any, array: Any, at: Any, value: Any) -> Any:
    """Write a vector into ``array[at : at + LANES]``, float32, taken flat."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> _Value:
        array, at, value = arguments
        builder.store(value, _pointer(context, builder, types_of.args[0], array, at), align=4)
        return context.get_dummy_value()

    return types.void(array, at, value), generate


@_instruction
def store_nine(_typing: Any, array: Any, at: Any, value: Any) -> Any:
    """Write nine vectors, one behind the other, into ``array[at:]``, float32, taken flat."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> _Value:
        array, at, value = arguments
        start = _pointer(context, builder, types_of.args[0], array, at)
        for k, each in enumerate(_split(builder, nine, value)):
            builder.store(each, builder.gep(start, [_INT(k)]), align=4)
        return context.get_dummy_value()

    return types.void(array, at, value), generate


@_instruction
def load_around(_typing: Any, array: Any, at: Any, down: Any, across: Any) -> Any:
    """Nine vectors from ``array[at + dy * down + dx * across :]``, dy and dx from -1 to 1."""

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> _Value:
        array, at, down, across = arguments
        rows = builder.sub(at, down), at, builder.add(at, down)
        starts = [(builder.sub(row, across), row, builder.add(row, across)) for row in rows]
        places = [_pointer(context, builder, types_of.args[0], array, s) for t in starts for s in t]
        return _joined(builder, [_load(builder, place) for place in places])

    return nine(array, at, down, across), generate


@_instruction
def gather(_typing: Any, array: Any, at: Any, places: Any, first: Any) -> Any:
    """Vector of ``array[at + places[first + lane]]``, float32 and int64, both taken flat.

    Loads one by one: what processors offer for it is slower, or no faster.
    """

    def generate(context: Any, builder: Any, types_of: Any, arguments: Any) -> _Value:
        array, at, places, first = arguments
        data = _struct(types_of.args[0])(context, builder, value=array).data
        numbers = _struct(types_of.args[2])(context, builder, value=places).data
        result = ir.Constant(_VECTOR, ir.Undefined)
        for lane in range(LANES):
            number = builder.load(builder.gep(numbers, [builder.add(first, first.type(lane))]))
            value = builder.load(builder.gep(data, [builder.add(at, number)]))
            result = builder.insert_element(result, value, _INT(lane))
        return result

    return vector(array, at, places, first), generate


def _pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> _Value:
    data = _struct(kind)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer())


def _load(builder: Any, start: _Value, k: int = 0) -> _Value:
    return builder.load(builder.gep(start, [_INT(k)]), align=4)
