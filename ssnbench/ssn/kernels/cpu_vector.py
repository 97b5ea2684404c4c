"""Eight float32 at a time, whatever the compiler thinks of the loop around them."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_EIGHT = ir.VectorType(ir.FloatType(), 8)
_INDEX = ir.IntType(32)
_struct: Any = cgutils.create_struct_proxy


def _copy_eight(_typing: Any, to: Any, at: Any, source: Any, start: Any, less: Any) -> Any:
    """``to[at : at + 8] = source[start : start + 8] - less`` for flat float32 arrays.

    Nothing checks the bounds.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, at, source, start, less = arguments
        read = _pointer(context, builder, signature.args[2], source, start)
        write = _pointer(context, builder, signature.args[0], to, at)
        one = builder.insert_element(ir.Constant(_EIGHT, ir.Undefined), less, _INDEX(0))
        all_eight = ir.Constant(ir.VectorType(_INDEX, 8), [0] * 8)
        less = builder.shuffle_vector(one, ir.Constant(_EIGHT, ir.Undefined), all_eight)
        values = builder.fsub(builder.load(read, align=4), less)
        builder.store(values, write, align=4)
        return context.get_dummy_value()

    return types.void(to, at, source, start, less), generate


copy_eight: Any = intrinsic(_copy_eight)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = _struct(kind)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [index]), _EIGHT.as_pointer())
