"""Works on words of bits: finds those that are set, and joins rows of 8 words."""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_LANES = 8


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(typing_context: Any, word: Any) -> Any:
    """Returns the place of the lowest bit that is set, of a word of 64 that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code: the instruction that counts the zeros below."""
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def count_bits(typing_context: Any, word: Any) -> Any:
    """Returns how many bits of a word of 64 are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code: the instruction that counts them."""
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def keep_common(typing_context: Any, part: Any, i: Any, table: Any, row: Any) -> Any:
    """Leaves in part[i] the bits that table[row] has too. Both are C-contiguous, with 8 words in a row, and any index must be within.

    The compiler does not see by itself that the arrays are apart, and would go word by word.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code: two loads, an and, and a store of all 8 words at once."""
        kept, given = (_row(context, builder, signature.args[at], arguments[at], arguments[at + 1]) for at in (0, 2))
        builder.store(builder.and_(builder.load(kept, align=8), builder.load(given, align=8)), kept, align=8)
        return context.get_dummy_value()

    return types.void(part, types.int64, table, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def words_with_bits(typing_context: Any, part: Any, i: Any) -> Any:
    """Returns a bit for each of the 8 words of part[i] that has some bit set, from the lowest on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code: one comparison of all 8 words."""
        words = builder.load(_row(context, builder, signature.args[0], arguments[0], arguments[1]), align=8)
        found = builder.icmp_unsigned("!=", words, ir.Constant(words.type, [0] * _LANES))
        return builder.zext(builder.bitcast(found, ir.IntType(_LANES)), ir.IntType(64))

    return types.uint64(part, types.int64), generate


def _row(context: Any, builder: Any, array_type: Any, array: Any, row: Any) -> Any:
    """Generates LLVM code: the address of a row of 8 words."""
    view = context.make_array(array_type)(context, builder, value=array)
    place = builder.mul(row, ir.Constant(ir.IntType(64), _LANES))
    return builder.bitcast(builder.gep(view.data, [place]), ir.VectorType(ir.IntType(64), _LANES).as_pointer())
