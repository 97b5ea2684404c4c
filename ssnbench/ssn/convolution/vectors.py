"""Vectors of float32 in numba, as wide as the processor's.

What a compiler makes of a loop over scalars depends on what it can prove; the inner loops of the
convolutions need their sums in registers, whatever it thinks. A vector is a value like any other:
``a + b``, ``a * b``, ``fma(a, b, c)``. Arrays are flat; nothing checks their bounds.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model


def _n_lanes() -> int:
    try:
        return 16 if binding.get_host_cpu_features().get("avx512f") else 8
    except RuntimeError:  # where LLVM cannot tell
        return 8


LANES = _n_lanes()
"""Numbers in a vector; a processor with shorter ones uses several."""

_VALUE = ir.VectorType(ir.FloatType(), LANES)
_INDEX = ir.IntType(32)
_struct: Any = cgutils.create_struct_proxy
_function: Any = cgutils.get_or_insert_function


class Vector(types.Type):
    """The type of a vector."""

    def __init__(self) -> None:
        super().__init__(name=f"Vector{LANES}")


@register_model(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VALUE)  # type: ignore[no-untyped-call]


VECTOR = Vector()


def _address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = _struct(kind)(context, builder, value=array).data
    return builder.gep(data, [index])


def _load(_typing: Any, array: Any, index: Any) -> Any:
    """``array[index : index + LANES]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments)
        return builder.load(builder.bitcast(address, _VALUE.as_pointer()), align=4)

    return VECTOR(array, index), generate


def _store(_typing: Any, array: Any, index: Any, value: Any) -> Any:
    """``array[index : index + LANES] = value``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], builder.bitcast(address, _VALUE.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, index, value), generate


def _spread(_typing: Any, number: Any) -> Any:  # noqa: ARG001 - it names the argument
    """A vector of one number."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _everywhere(builder, arguments[0])

    return VECTOR(types.float32), generate


def _load_spread(_typing: Any, array: Any, index: Any) -> Any:
    """A vector of ``array[index]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = builder.load(_address(context, builder, signature.args[0], *arguments))
        return _everywhere(builder, number)

    return VECTOR(array, index), generate


def _everywhere(builder: Any, number: Any) -> Any:
    empty = ir.Constant(_VALUE, ir.Undefined)
    first = builder.insert_element(empty, number, _INDEX(0))
    return builder.shuffle_vector(
        first, empty, ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES)
    )


def _fma(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_VALUE, [_VALUE] * 3)
        name = f"llvm.fma.v{LANES}f32"
        return builder.call(_function(builder.module, kind, name), arguments)

    return VECTOR(a, b, c), generate


def _binary(combine: Callable[[Any, Any, Any], Any]) -> Any:
    def typed(_typing: Any, a: Any, b: Any) -> Any:
        return VECTOR(a, b), lambda _c, builder, _s, arguments: combine(builder, *arguments)

    return intrinsic(typed)


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _passed(builder: Any, a: Any, b: Any) -> Any:
    zero = ir.Constant(_VALUE, [0.0] * LANES)
    return builder.select(builder.fcmp_ordered(">", a, zero), b, zero)


load: Any = intrinsic(_load)
store: Any = intrinsic(_store)
spread: Any = intrinsic(_spread)
load_spread: Any = intrinsic(_load_spread)
fma: Any = intrinsic(_fma)
add: Any = _binary(lambda builder, a, b: builder.fadd(a, b))
subtract: Any = _binary(lambda builder, a, b: builder.fsub(a, b))
multiply: Any = _binary(lambda builder, a, b: builder.fmul(a, b))
larger: Any = _binary(_larger)
"""The larger one of each pair of numbers."""
passed: Any = _binary(_passed)
"""The second number where the first one is above 0, else 0: a ReLU differentiated."""


def _as_operator(operation: Any, function: Any) -> None:
    def choose(a: Any, b: Any) -> Any:
        both = isinstance(a, Vector) and isinstance(b, Vector)
        return (lambda a, b: function(a, b)) if both else None

    overload(operation, strict=False)(choose)


_as_operator(operator.add, add)
_as_operator(operator.sub, subtract)
_as_operator(operator.mul, multiply)
