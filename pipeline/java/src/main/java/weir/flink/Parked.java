package weir.flink;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.types.Row;

/** An event that waits for the answers of its entities. */
final class Parked {
    static final int HEAD = 25;
    final Row row;
    final long uid;
    final long deadlineMs;
    final byte[] answers;
    final List<Row> given = new ArrayList<>(2);
    private int left;
    private boolean expired;

    Parked(Row row, long deadlineMs) {
        ByteBuffer payload = Bytes.of(Rows.payload(row));
        this.row = row;
        this.uid = payload.getLong(8);
        this.deadlineMs = deadlineMs;
        this.answers = BundleWriter.noAnswers(payload.getShort(20) & 0xFFFF);
        this.left = payload.get(22);
    }

    /** Copies an answer to its place. */
    void take(Row answer) {
        byte[] payload = Rows.payload(answer);
        int at = Bytes.of(payload).getShort(8) & 0xFFFF;
        System.arraycopy(payload, 10, answers, at, payload.length - 10);
        given.add(answer);
        left--;
    }

    void expire() {
        expired = true;
    }

    boolean isComplete() {
        return left <= 0;
    }

    boolean mayGo() {
        return left <= 0 || expired;
    }

    /** Where the event's own body starts in its payload. */
    int body() {
        return HEAD + Bytes.of(Rows.payload(row)).getShort(23);
    }
}
