package weir.flink;

import java.util.ArrayDeque;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedMultiInput;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.types.Row;

/**
 * Stands before a Python stage: gathers records into bundles, in order with the control records (the second, broadcast input).
 *
 * <p>A bundle leaves when it is full, when the task has nothing else to do, before a barrier and before a watermark. Records
 * wait at the gate until the control topic is read, and behind an event whose release or snapshots have not arrived; so do watermarks,
 * and whether the events are idle.
 *
 * @param <OUT> bytes before a stage without keys, (key, bytes) before one with keys.
 */
public abstract class Bundler<OUT> extends AbstractStreamOperator<OUT>
        implements TwoInputStreamOperator<Row, Row, OUT>, BoundedMultiInput {
    private static final MapStateDescriptor<String, byte[]> CONTROL =
            new MapStateDescriptor<>("control", Types.STRING, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);

    private static final int EVENTS = 0; // the number of the first input

    protected final JobStart start;
    protected transient ControlLog control;
    protected transient BundleWriter writer;
    protected transient ArrayDeque<Row> held;
    private transient IdleFlush idle;
    private transient Watermark heldMark;
    private transient WatermarkStatus heldStatus;

    protected Bundler(JobStart start) {
        this.start = start;
    }

    /** The element that carries a bundle; the key is that of its first body. */
    protected abstract OUT element(String key, byte[] bundle);

    /** A key of this subtask, for bundles of control records. */
    protected abstract String anyKey();

    /** Takes in a record that has passed the gate. */
    protected abstract void admit(Row row) throws Exception;

    /** The release that a record was stamped with; 0 where it was not. */
    protected abstract int releaseOf(Row row);

    /** The position in the topic of models that a record was stamped with; `ANY_SNAPSHOTS` where it was not. */
    protected long snapshotsOf(Row row) {
        return Wire.ANY_SNAPSHOTS;
    }

    /** The rows that wait here for anything. */
    protected Iterable<Row> waitingRows() {
        return held;
    }

    /** The control log has changed: the mode may have, too. */
    protected void controlChanged() throws Exception {}

    /** All that came before the barrier has been handed over. */
    protected void checkpointFollows() {}

    /** Everything at or before the watermark has come. */
    protected void passed(long watermarkMs) throws Exception {}

    /** No event comes any more, for now; later stages will be told so. */
    protected void silent() throws Exception {}

    @Override
    public void open() throws Exception {
        super.open();
        control = new ControlLog(start, getOperatorStateBackend().getBroadcastState(CONTROL));
        held = new ArrayDeque<>();
        writer = new BundleWriter(start.eventsMax, start.bytesMax, (key, bundle) ->
                output.collect(new StreamRecord<>(element(key, bundle))));
        MailboxExecutor mailbox = getContainingTask().getMailboxExecutorFactory().createExecutor(getOperatorConfig().getChainIndex());
        idle = new IdleFlush(mailbox, writer);
        mailbox.execute(this::restore, "restored records");
    }

    private void restore() throws Exception {
        for (ControlLog.Kept record : control.restored()) {
            writer.add(Wire.Kind.CONTROL, 0, record.position(), anyKey(), record.body(), 0);
        }
        writer.flush();
        readmit();
        drain();
        watch();
    }

    /** Takes in again what waited when the state was written. */
    protected void readmit() throws Exception {}

    @Override
    public void processElement1(StreamRecord<Row> record) throws Exception {
        Row row = record.getValue();
        if (held.isEmpty() && mayPass(row)) {
            admit(row);
        } else {
            held.add(row);
        }
        watch();
    }

    @Override
    public void processElement2(StreamRecord<Row> record) throws Exception {
        Row row = record.getValue();
        if (control.take(row)) {
            writer.add(Wire.Kind.CONTROL, 0, ControlLog.position(row), anyKey(), Rows.payload(row), 0);
        }
        controlChanged();
        drain();
        watch();
    }

    private boolean mayPass(Row row) {
        return control.isRead() && control.hasRelease(releaseOf(row)) && control.hasSnapshots(snapshotsOf(row));
    }

    protected final void drain() throws Exception {
        while (!held.isEmpty() && mayPass(held.peek())) {
            admit(held.poll());
        }
        if (held.isEmpty() && heldMark != null) {
            Watermark mark = heldMark;
            heldMark = null;
            processWatermark(mark);
        }
        goOn();
    }

    /** Says whether the events are idle, where that has waited and need not any longer. */
    protected final void goOn() throws Exception {
        if (heldStatus != null && !marksWait()) {
            WatermarkStatus status = heldStatus;
            heldStatus = null;
            processWatermarkStatus(status, EVENTS);
        }
    }

    /** Whether watermarks of the events wait here. */
    protected boolean marksWait() {
        return !held.isEmpty();
    }

    /** Whether the events are idle waits as their watermarks do: later stages would no longer wait for what is held here. */
    @Override
    protected void processWatermarkStatus(WatermarkStatus status, int input) throws Exception {
        if (input == EVENTS && marksWait()) {
            heldStatus = status;
            return;
        }
        if (input == EVENTS && status.isIdle()) {
            silent();
        }
        super.processWatermarkStatus(status, input);
    }

    /** Flushes once the task is idle. */
    protected final void watch() {
        idle.watch();
    }

    @Override
    public void processWatermark(Watermark mark) throws Exception {
        if (!held.isEmpty()) {
            heldMark = mark; // later stages would go on without those that wait here
            return;
        }
        passed(mark.getTimestamp());
        writer.flush();
        handOn(mark);
    }

    /** Hands a watermark on once all records that came before it have gone on. */
    protected void handOn(Watermark mark) throws Exception {
        super.processWatermark(mark);
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpoint) throws Exception {
        writer.flush();
        letGo();
        checkpointFollows();
        super.prepareSnapshotPreBarrier(checkpoint);
    }

    private void letGo() throws Exception {
        if (!control.hasGone()) {
            return;
        }
        int oldest = Integer.MAX_VALUE;
        long oldestSnapshots = Long.MAX_VALUE;
        for (Row row : waitingRows()) {
            int release = releaseOf(row);
            oldest = release == 0 ? oldest : Math.min(oldest, release);
            long snapshots = snapshotsOf(row);
            oldestSnapshots = snapshots == Wire.ANY_SNAPSHOTS ? oldestSnapshots : Math.min(oldestSnapshots, snapshots);
        }
        for (byte[] body : control.letGo(oldest, oldestSnapshots)) {
            writer.add(Wire.Kind.CONTROL, 0, anyKey(), body, 0);
        }
        writer.flush();
    }

    @Override
    public void endInput(int input) throws Exception {
        writer.flush();
    }
}
