package weir.flink;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.types.Row;
import org.apache.flink.util.OutputTag;

/**
 * Bundles of raw records. Tells each how far the topic of models has been read, which the decode stage stamps it with, and the
 * greatest event time that its partition had before it: a correction's turn in event_time mode, wherever bundles, watermarks and
 * restarts fall. Marks on the control topic which partitions have passed the end of their backlog, with the greatest event time read
 * so far. Once events fall silent it says what event time has come, those from before a restart included.
 */
public class DecodeBundler extends Bundler<byte[]> {
    public static final OutputTag<Row> MARKS = new OutputTag<>("marks", Rows.TYPE);
    private static final ListStateDescriptor<Row> HELD = new ListStateDescriptor<>("held", Rows.TYPE);
    private static final ListStateDescriptor<Row> NEWEST = new ListStateDescriptor<>("newest", Rows.TYPE);
    private static final byte[] NOTHING = new byte[0];
    private transient Map<Integer, Long> backlog;
    private transient Map<Integer, Long> newest;
    private transient long newestMs;
    private transient long passedMs;
    private transient ListState<Row> newestState;
    private transient ListState<Row> heldState;

    public DecodeBundler(JobStart start) {
        super(start);
    }

    @Override
    public void open() throws Exception {
        super.open();
        backlog = new HashMap<>(start.backlog);
        newestMs = Long.MIN_VALUE;
        passedMs = Long.MIN_VALUE;
        heldState = getOperatorStateBackend().getListState(HELD);
        newest = new HashMap<>();
        newestState = getOperatorStateBackend().getUnionListState(NEWEST); // partitions move between subtasks
        for (Row row : newestState.get()) {
            newest.merge(Rows.partition(row), Rows.offset(row), Math::max);
        }
    }

    @Override
    protected void readmit() throws Exception {
        for (Row row : heldState.get()) {
            held.add(row);
        }
    }

    @Override
    protected byte[] element(String key, byte[] bundle) {
        return bundle;
    }

    @Override
    protected String anyKey() {
        return "";
    }

    @Override
    protected int releaseOf(Row row) {
        return 0;
    }

    @Override
    public void processElement1(StreamRecord<Row> record) throws Exception {
        long timeMs = record.hasTimestamp() ? record.getTimestamp() : Wire.NO_TIME_MS;
        newestMs = Math.max(newestMs, timeMs);
        int partition = Rows.partition(record.getValue());
        long before = newest.getOrDefault(partition, Wire.NO_TIME_MS);
        Bytes.of(Rows.payload(record.getValue())).putLong(Wire.RawRecord.NEWEST_MS, before);
        if (timeMs > before) {
            newest.put(partition, timeMs);
        }
        super.processElement1(record);
    }

    @Override
    protected void admit(Row row) {
        writer.add(Wire.Kind.RAW, 0, control.modelsPosition(), "", Rows.payload(row), 0);
        Long end = backlog.isEmpty() ? null : backlog.get(Rows.partition(row));
        if (end != null && Rows.offset(row) >= end - 1) {
            backlog.remove(Rows.partition(row));
            byte[] done = Long.toString(newestMs).getBytes(StandardCharsets.UTF_8);
            writer.flush();
            output.collect(MARKS, new StreamRecord<>(Rows.of(start.mark(Rows.partition(row)), done, Wire.Tag.CONTROL)));
        }
    }

    @Override
    protected void passed(long watermarkMs) {
        passedMs = watermarkMs;
    }

    /** In silence event time is that of the newest event, which may have been read before a restart: the source knows none of those. */
    @Override
    protected void silent() throws Exception {
        long knownMs = newest.values().stream().mapToLong(Long::longValue).max().orElse(0);
        boolean isCaughtUp = start.backlog.isEmpty() || passedMs >= Wire.END_MS;
        if (isCaughtUp && knownMs > 0) {
            processWatermark(new Watermark(Wire.END_MS + knownMs - 1));
        }
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        heldState.update(new ArrayList<>(held));
        List<Row> rows = new ArrayList<>();
        newest.forEach((partition, timeMs) -> rows.add(Rows.of("", NOTHING, Wire.Source.EVENT, partition, timeMs)));
        newestState.update(rows);
    }
}
