package weir.flink;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.types.Row;

/** An event that waits for the answers of its entities. */
final class Parked {
    final Row row;
    final long uid;
    final long deadlineMs;
    final byte[] answers;
    final List<Row> given = new ArrayList<>(2);
    private int left;
    private boolean expired;
    private boolean gone;

    Parked(Row row, long deadlineMs) {
        ByteBuffer payload = Bytes.of(Rows.payload(row));
        this.row = row;
        this.uid = Wire.Event.uid(payload);
        this.deadlineMs = deadlineMs;
        this.answers = BundleWriter.noAnswers(Wire.Event.width(payload));
        this.left = Wire.Event.answers(payload);
    }

    /** Copies an answer to its place. */
    void take(Row answer) {
        byte[] payload = Rows.payload(answer);
        int at = Wire.Answer.at(Bytes.of(payload));
        System.arraycopy(payload, Wire.Answer.SIZE, answers, at, payload.length - Wire.Answer.SIZE);
        given.add(answer);
        left--;
    }

    void expire() {
        expired = true;
    }

    boolean isComplete() {
        return left <= 0;
    }

    void go() {
        gone = true;
    }

    boolean isGone() {
        return gone;
    }

    boolean mayGo() {
        return left <= 0 || expired;
    }
}
