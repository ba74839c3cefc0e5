package weir.flink;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A bundle taken apart as the Python stages do it. */
record Bundle(char kind, int release, List<byte[]> bodies, List<Long> positions, List<Boolean> missing, List<List<Double>> answers, byte[] bytes) {
    static Bundle of(byte[] bytes) {
        ByteBuffer in = Bytes.of(bytes);
        char kind = Wire.Bundle.kind(in);
        int release = Wire.Bundle.release(in);
        int count = Wire.Bundle.count(in);
        int width = Wire.Bundle.width(in);
        in.position(Wire.Bundle.SIZE);
        int[] ends = new int[count];
        for (int i = 0; i < count; i++) {
            ends[i] = in.getInt();
        }
        List<Long> positions = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            positions.add(in.getLong());
        }
        List<Boolean> missing = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            missing.add(in.get() == 1);
        }
        List<byte[]> bodies = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            byte[] body = new byte[ends[i] - (i == 0 ? 0 : ends[i - 1])];
            in.get(body);
            bodies.add(body);
        }
        List<List<Double>> answers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Double> its = new ArrayList<>();
            for (int at = 0; at < width; at += 8) {
                its.add(in.getDouble());
            }
            answers.add(its);
        }
        if (in.hasRemaining()) {
            throw new AssertionError(in.remaining() + " bytes after the end of the bundle");
        }
        return new Bundle(kind, release, bodies, positions, missing, answers, bytes);
    }

    List<String> texts() {
        int from = kind == 'R' ? Wire.RawRecord.SIZE : 0;
        return bodies.stream().map(body -> Records.text(Arrays.copyOfRange(body, from, body.length))).toList();
    }

    /** Of raw records: the greatest event time that the partition had before each. */
    List<Long> newest() {
        return bodies.stream().map(body -> Bytes.of(body).getLong(Wire.RawRecord.NEWEST_MS)).toList();
    }
}
