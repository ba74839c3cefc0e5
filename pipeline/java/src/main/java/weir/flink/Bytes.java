package weir.flink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Little-endian views of byte arrays. */
final class Bytes {
    private Bytes() {}

    static ByteBuffer of(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    static ByteBuffer ofSize(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
