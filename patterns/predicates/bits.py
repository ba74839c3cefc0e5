"""Works on words of bits: counts them, and joins rows of them."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from foundation.compiled import inner

_LANES = 8


@inner
def bits_of(given: Any) -> int:
    """Returns how many bits of a word of 64 are set."""
    word = given - ((given >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@intrinsic  # type: ignore[untyped-decorator]
def keep_common(typing_context: Any, part: Any, i: Any, table: Any, row: Any) -> Any:
    """Leaves in part[i] the bits that table[row] has too. Both are C-contiguous, with 8 words in a row, and any index must be within.

    The compiler does not see by itself that the arrays are apart, and would go word by word.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code: two loads, an and, and a store of all 8 words at once."""
        addresses = []
        for position in (0, 2):
            view = context.make_array(signature.args[position])(context, builder, value=arguments[position])
            word = builder.mul(arguments[position + 1], ir.Constant(ir.IntType(64), _LANES))
            words = ir.VectorType(ir.IntType(64), _LANES).as_pointer()
            addresses.append(builder.bitcast(builder.gep(view.data, [word]), words))
        kept = builder.and_(builder.load(addresses[0], align=8), builder.load(addresses[1], align=8))
        builder.store(kept, addresses[0], align=8)
        return context.get_dummy_value()

    return types.void(part, types.int64, table, types.int64), generate
