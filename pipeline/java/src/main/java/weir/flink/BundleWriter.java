package weir.flink;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.BiConsumer;

/**
 * Gathers bodies into a bundle: one call into Python instead of one a body.
 *
 * <p>All bodies of a bundle are of one kind, release and width of answers; it ends at a bound of count or bytes.
 */
final class BundleWriter {
    private static final long MISSING = Double.doubleToRawLongBits(Double.NaN);
    private final int eventsMax;
    private final int bytesMax;
    private final BiConsumer<String, byte[]> out;
    private final int[] ends;
    private final long[] positions;
    private final byte[] missing;
    private byte[] bodies = new byte[65_536];
    private byte[] answers = new byte[0];
    private int length;
    private int count;
    private char kind;
    private int release;
    private int width;
    private String key;

    /** @param out is given the key of the first body and the bundle. */
    BundleWriter(int eventsMax, int bytesMax, BiConsumer<String, byte[]> out) {
        this.eventsMax = eventsMax;
        this.bytesMax = bytesMax;
        this.out = out;
        this.ends = new int[eventsMax];
        this.positions = new long[eventsMax];
        this.missing = new byte[eventsMax];
    }

    boolean isEmpty() {
        return count == 0;
    }

    /** Adds a body that comes without answers, and to which the topic of models means nothing; `from` is where it starts in `source`. */
    void add(char kind, int release, String key, byte[] source, int from) {
        add(kind, release, Wire.ANY_SNAPSHOTS, key, source, from, null, false);
    }

    /** @param position in the topic of models: see `positions` in docs/wire-format.md. */
    void add(char kind, int release, long position, String key, byte[] source, int from) {
        add(kind, release, position, key, source, from, null, false);
    }

    void add(char kind, int release, long position, String key, byte[] source, int from, byte[] itsAnswers, boolean incomplete) {
        int itsWidth = itsAnswers == null ? 0 : itsAnswers.length;
        int size = source.length - from;
        if (count > 0 && (kind != this.kind || release != this.release || itsWidth != width || length + size > bytesMax)) {
            flush();
        }
        if (count == 0) {
            this.kind = kind;
            this.release = release;
            this.width = itsWidth;
            this.key = key;
        }
        if (length + size > bodies.length) {
            bodies = Arrays.copyOf(bodies, Math.max(length + size, 2 * bodies.length));
        }
        System.arraycopy(source, from, bodies, length, size);
        length += size;
        if (itsWidth > 0) {
            if ((count + 1) * width > answers.length) {
                answers = Arrays.copyOf(answers, Math.max(4_096, 2 * (count + 1) * width));
            }
            System.arraycopy(itsAnswers, 0, answers, count * width, width);
        }
        ends[count] = length;
        positions[count] = position;
        missing[count] = (byte) (incomplete ? 1 : 0);
        count++;
        if (count == eventsMax || length >= bytesMax) {
            flush();
        }
    }

    /** Hands over what has been gathered; nothing when there is nothing. */
    void flush() {
        if (count == 0) {
            return;
        }
        int columns = (Integer.BYTES + Long.BYTES + 1) * count;
        ByteBuffer bundle = Bytes.ofSize(Wire.Bundle.SIZE + columns + length + count * width);
        Wire.Bundle.put(bundle, kind, release, count, width);
        for (int i = 0; i < count; i++) {
            bundle.putInt(ends[i]);
        }
        for (int i = 0; i < count; i++) {
            bundle.putLong(positions[i]);
        }
        bundle.put(missing, 0, count).put(bodies, 0, length).put(answers, 0, count * width);
        count = 0;
        length = 0;
        out.accept(key, bundle.array());
    }

    /** Answers of `width` bytes that nobody has given yet: NaN. */
    static byte[] noAnswers(int width) {
        ByteBuffer answers = Bytes.ofSize(width);
        while (answers.remaining() >= 8) {
            answers.putLong(MISSING);
        }
        return answers.array();
    }
}
