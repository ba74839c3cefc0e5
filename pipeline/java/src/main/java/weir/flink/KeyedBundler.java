package weir.flink;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.types.Row;

/** A bundler behind a keyBy: all keys of a bundle belong to its subtask. In event_time mode it releases by watermark. */
public abstract class KeyedBundler extends Bundler<Row> {
    private static final byte[] NOTHING = new byte[0];
    protected transient TimeOrder buffer;
    private transient WaitingRows waiting;
    private transient WaitingRows ordered;
    private transient Set<Row> behind;
    private transient String ownKey;
    private transient boolean eventTime;
    private transient long passedMs;

    protected KeyedBundler(JobStart start) {
        super(start);
    }

    /** Takes in a row whose turn it is. */
    protected abstract void release(Row row) throws Exception;

    /** Takes in a row that waits for no watermark: a label, an answer. False: it has to wait its turn. */
    protected abstract boolean atOnce(Row row) throws Exception;

    /** Rows that wait here beside those at the gate and in the buffer. */
    protected abstract List<Row> parked();

    @Override
    public void open() throws Exception {
        super.open();
        buffer = new TimeOrder();
        waiting = new WaitingRows("waiting", getKeyedStateBackend());
        ordered = new WaitingRows("ordered", getKeyedStateBackend());
        behind = Collections.newSetFromMap(new IdentityHashMap<>());
        ownKey = keyOf(((org.apache.flink.runtime.state.AbstractKeyedStateBackend<?>) getKeyedStateBackend()).getKeyGroupRange());
        eventTime = control.inEventTime();
        passedMs = Long.MIN_VALUE;
    }

    private String keyOf(KeyGroupRange range) {
        int groups = getRuntimeContext().getTaskInfo().getMaxNumberOfParallelSubtasks();
        for (int i = 0; ; i++) {
            if (range.contains(KeyGroupRangeAssignment.assignToKeyGroup(Row.of("control-" + i), groups))) {
                return "control-" + i;
            }
        }
    }

    @Override
    protected Row element(String key, byte[] bundle) {
        return Row.of(key, bundle);
    }

    @Override
    protected String anyKey() {
        return ownKey;
    }

    @Override
    protected int releaseOf(Row row) {
        return isStamped(row) ? Wire.Stamped.release(Bytes.of(Rows.payload(row))) : 0;
    }

    @Override
    protected long snapshotsOf(Row row) {
        return isStamped(row) ? Wire.Stamped.snapshots(Bytes.of(Rows.payload(row))) : Wire.ANY_SNAPSHOTS;
    }

    private static boolean isStamped(Row row) {
        return Rows.tag(row) == Wire.Tag.EVENT || Rows.tag(row) == Wire.Tag.MESSAGE;
    }

    @Override
    protected void admit(Row row) throws Exception {
        if (atOnce(row)) {
            return;
        }
        if (eventTime) {
            putInOrder(row);
        } else {
            release(row);
        }
    }

    private void putInOrder(Row row) {
        byte[] payload = Rows.payload(row);
        int orderAt = orderAt();
        byte[] order = Arrays.copyOfRange(payload, orderAt, orderAt + orderLength(payload));
        buffer.add(Wire.Stamped.turnMs(Bytes.of(payload)), order, row);
    }

    /** Where the order stands in the payload of the rows that come in order: the bytes that break ties of time. */
    protected abstract int orderAt();

    protected abstract int orderLength(byte[] payload);

    /** Where what Python is given begins in the payload. */
    protected final int bodyAt(byte[] payload) {
        return orderAt() + orderLength(payload);
    }

    @Override
    protected void passed(long watermarkMs) throws Exception {
        passedMs = watermarkMs;
        releaseUntil(watermarkMs);
        leaveEventTime();
    }

    private void leaveEventTime() throws Exception {
        if (eventTime && control.isBacklogRead() && passedMs >= control.backlogEndMs()) {
            eventTime = false;
            control.leaveEventTime();
            releaseUntil(Long.MAX_VALUE);
        }
    }

    private void releaseUntil(long watermarkMs) throws Exception {
        for (Row row : buffer.take(watermarkMs)) {
            release(row);
        }
    }

    /** The backlog is read. All of it still goes by watermark, so that every answer is there; what comes after goes by arrival. */
    @Override
    protected void controlChanged() throws Exception {
        leaveEventTime();
    }

    protected final boolean inEventTime() {
        return eventTime;
    }

    @Override
    protected void readmit() throws Exception {
        for (Row row : waiting.read()) {
            held.add(EarlierRows.completed(row));
        }
        for (Row row : ordered.read()) {
            putInOrder(EarlierRows.completed(row));
        }
        if (!eventTime) {
            // The run before had read its backlog to the end and was stopped before it was worked through: first in order what is left.
            List<Row> left = buffer.take(Long.MAX_VALUE);
            behind.addAll(left);
            held.addAll(left);
        }
    }

    /** Whether the row was left over by a run in event_time mode; once for each. */
    protected final boolean isBehind(Row row) {
        return !behind.isEmpty() && behind.remove(row);
    }

    /** PyFlink has no hook at a checkpoint: so a bundle of its own tells Python to write now what is not in Flink's state yet. */
    @Override
    protected void checkpointFollows() {
        writer.add(Wire.Kind.BARRIER, 0, ownKey, NOTHING, 0);
        writer.flush();
    }

    @Override
    protected Iterable<Row> waitingRows() {
        List<Row> rows = new ArrayList<>(parked());
        rows.addAll(held);
        buffer.rows().forEach(rows::add);
        return rows;
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        List<Row> rows = new ArrayList<>(parked());
        rows.addAll(held);
        waiting.write(rows);
        ordered.write(buffer.rows());
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
