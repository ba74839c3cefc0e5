package weir.flink;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.mailbox.Mail;
import org.apache.flink.streaming.util.KeyedTwoInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.TwoInputStreamOperatorTestHarness;
import org.apache.flink.types.Row;

/** A bundler in a mock task: what comes in by hand, what goes out as bundles. Its mailbox runs only in `idle`. */
final class Bench implements AutoCloseable {
    static final int MAX_PARALLELISM = 16;
    private final TwoInputStreamOperatorTestHarness<Row, Row, ?> harness;
    private int taken;

    private Bench(TwoInputStreamOperatorTestHarness<Row, Row, ?> harness) {
        this.harness = harness;
    }

    /** Starts without waiting for control records, in arrival mode; entities have 50 ms to answer. */
    static JobStart arrival() {
        return start(false, 0, 0, Map.of());
    }

    /** In event_time mode until partitions 0 and 1 are marked by run "r". */
    static JobStart eventTime() {
        return start(true, 0, 0, Map.of(0, 10L, 1, 10L));
    }

    static JobStart start(boolean eventTime, long controlEnd, long modelsEnd, Map<Integer, Long> backlog) {
        return start(eventTime, controlEnd, modelsEnd, (tag, from) -> from, backlog);
    }

    /** With topics that have gone on since the submission found its ends. */
    static JobStart start(boolean eventTime, long controlEnd, long modelsEnd, Ends ends, Map<Integer, Long> backlog) {
        return new JobStart("r", eventTime, controlEnd, modelsEnd, ends, backlog, 1_000, 1 << 20, 50);
    }

    static Bench of(KeyedBundler bundler) throws Exception {
        return of(bundler, null, 1, 0);
    }

    static Bench of(KeyedBundler bundler, OperatorSubtaskState state, int parallelism, int index) throws Exception {
        return open(
                new KeyedTwoInputStreamOperatorTestHarness<>(
                        bundler, Bench::key, Bench::key, Rows.KEY, MAX_PARALLELISM, parallelism, index),
                state);
    }

    static Bench of(DecodeBundler bundler, OperatorSubtaskState state) throws Exception {
        TwoInputStreamOperatorTestHarness<Row, Row, byte[]> harness = new TwoInputStreamOperatorTestHarness<>(bundler);
        harness.setup(BytePrimitiveArraySerializer.INSTANCE);
        return open(harness, state);
    }

    private static Row key(Row row) {
        return Row.of(Rows.key(row));
    }

    private static Bench open(TwoInputStreamOperatorTestHarness<Row, Row, ?> harness, OperatorSubtaskState state) throws Exception {
        if (state != null) {
            harness.initializeState(state);
        }
        harness.open();
        Bench bench = new Bench(harness);
        bench.idle();
        return bench;
    }

    Bench records(Row... rows) throws Exception {
        for (Row row : rows) {
            harness.processElement1(new StreamRecord<>(row));
        }
        return this;
    }

    Bench record(Row row, long timeMs) throws Exception {
        harness.processElement1(new StreamRecord<>(row, timeMs));
        return this;
    }

    Bench control(Row... rows) throws Exception {
        for (Row row : rows) {
            harness.processElement2(new StreamRecord<>(row));
        }
        return this;
    }

    /** Everything up to `timeMs` has come on both inputs. */
    Bench watermark(long timeMs) throws Exception {
        harness.processBothWatermarks(new Watermark(timeMs));
        return this;
    }

    /** Says of both inputs that nothing comes. */
    Bench silence() throws Exception {
        harness.processWatermarkStatus1(WatermarkStatus.IDLE);
        harness.processWatermarkStatus2(WatermarkStatus.IDLE);
        return this;
    }

    /** Runs the mailbox until it is empty: the task has nothing else to do. */
    Bench idle() throws Exception {
        for (Optional<Mail> mail = mail(); mail.isPresent(); mail = mail()) {
            mail.get().run();
        }
        return this;
    }

    private Optional<Mail> mail() {
        return harness.getTaskMailbox().tryTake(-1);
    }

    /** Sets the clock, and fires what was due. */
    Bench at(long timeMs) throws Exception {
        harness.setProcessingTime(timeMs);
        return this;
    }

    OperatorSubtaskState snapshot() throws Exception {
        harness.prepareSnapshotPreBarrier(1);
        return harness.snapshot(1, 1);
    }

    /** Everything that has come out since the last look, watermarks as "W" and their time. */
    List<Object> out() {
        List<Object> all = new ArrayList<>(harness.getOutput());
        List<Object> found = new ArrayList<>();
        for (Object each : all.subList(taken, all.size())) {
            if (each instanceof Watermark mark) {
                found.add("W" + mark.getTimestamp());
            } else if (each instanceof WatermarkStatus status) {
                found.add(status.isIdle() ? "idle" : "active");
            } else if (each instanceof StreamRecord<?> record) {
                Object value = record.getValue();
                found.add(Bundle.of(value instanceof Row row ? (byte[]) row.getField(1) : (byte[]) value));
            }
        }
        taken = all.size();
        return found;
    }

    /** Everything that has come out since the last look: the bodies of bundles, and watermarks as in `out`. */
    List<String> said() {
        return out().stream().flatMap(each -> each instanceof Bundle bundle ? bundle.texts().stream() : Stream.of((String) each)).toList();
    }

    List<Bundle> bundles() {
        return out().stream().filter(Bundle.class::isInstance).map(Bundle.class::cast).toList();
    }

    /** The bodies of all bundles since the last look; one that announces a checkpoint has none. */
    List<String> texts() {
        return bundles().stream().filter(bundle -> bundle.kind() != 'S').flatMap(bundle -> bundle.texts().stream()).toList();
    }

    /** The bodies of events. */
    List<String> events() {
        return bundles().stream().filter(bundle -> bundle.kind() == 'E').flatMap(bundle -> bundle.texts().stream()).toList();
    }

    List<Row> marks() {
        var marks = harness.getSideOutput(DecodeBundler.MARKS);
        return marks == null ? List.of() : marks.stream().map(StreamRecord::getValue).toList();
    }

    @Override
    public void close() throws Exception {
        harness.close();
    }
}
