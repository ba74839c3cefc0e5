package weir.flink;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.common.eventtime.TimestampAssigner;
import org.apache.flink.api.common.eventtime.TimestampAssignerSupplier;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkAlignmentParams;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkGeneratorSupplier;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.types.Row;
import org.apache.flink.util.clock.RelativeClock;

/**
 * Watermarks of the events, a partition at a time: behind the newest event by the declared disorder, until the partition has been
 * read to the end of its backlog; then it holds nothing back, and the stages go over to arrival once that is so of all. From then on
 * watermarks are `END_MS` and beyond: how far beyond says what event time has come, for those who wait for a time and not for events.
 * After a second without an event that is the newest event's.
 *
 * <p>An event too far ahead of its arrival, or without a readable time, moves no clock. While it catches up, no partition runs
 * ahead of the slowest by more than the drift: Flink stops reading it, or what waits for the watermark would have no bound.
 */
public class EventWatermarks implements WatermarkStrategy<Row> {
    /** Behind every event time there is. Not Long.MAX_VALUE, which Flink takes for the end of the input. */
    static final long END_MS = Wire.END_MS;

    private static final long SILENCE_MS = 1_000;
    private static final long PATIENCE_MS = 30_000;
    private static final long ALIGNED_EVERY_MS = 100;
    private final EventTimes times;
    private final long disorderMs;
    private final long aheadMaxMs;
    private final Map<Integer, Long> backlog;
    private final long driftMs;
    private transient Set<Integer> begun;
    private transient long newestOfAllMs; // of the partitions of this subtask: one thread runs all of its generators

    /**
     * @param backlog end of each partition with records to catch up with; empty in arrival mode.
     * @param driftMs of event time, between the slowest partition and the others; 0: any.
     */
    public EventWatermarks(
            String field, String unit, long disorderMs, long aheadMaxMs, Map<Integer, ? extends Number> backlog, long driftMs) {
        this.times = new EventTimes(field, unit);
        this.disorderMs = disorderMs;
        this.aheadMaxMs = aheadMaxMs;
        this.backlog = JobStart.offsets(backlog);
        this.driftMs = driftMs;
    }

    @Override
    public WatermarkAlignmentParams getAlignmentParameters() {
        return driftMs == 0
                ? WatermarkAlignmentParams.WATERMARK_ALIGNMENT_DISABLED
                : new WatermarkAlignmentParams(driftMs, "events", ALIGNED_EVERY_MS);
    }

    @Override
    public TimestampAssigner<Row> createTimestampAssigner(TimestampAssignerSupplier.Context context) {
        return (row, recordTimeMs) -> {
            byte[] body = Rows.payload(row);
            int start = Wire.RawRecord.SIZE + Wire.RawRecord.replyLength(Bytes.of(body));
            long timeMs = times.read(body, start, body.length - start);
            return timeMs > recordTimeMs + aheadMaxMs ? EventTimes.NONE : timeMs;
        };
    }

    @Override
    public WatermarkGenerator<Row> createWatermarkGenerator(WatermarkGeneratorSupplier.Context context) {
        if (begun == null) {
            begun = new HashSet<>();
        }
        return new Generator(context.getInputActivityClock(), begun);
    }

    final class Generator implements WatermarkGenerator<Row> {
        private final RelativeClock clock; // stands still while what was read cannot be handed on
        private final Set<Integer> begun; // partitions of the subtask with a backlog that have given something: one thread sees them
        private final long madeAtMs;
        private long newestMs = EventTimes.NONE;
        private long activeAtMs;
        private boolean silent;
        private boolean started;
        private boolean passed;
        private boolean gone; // over the end of the backlog

        Generator(RelativeClock clock, Set<Integer> begun) {
            this.clock = clock;
            this.begun = begun;
            this.madeAtMs = clock.relativeTimeMillis();
            this.activeAtMs = madeAtMs;
        }

        @Override
        public void onEvent(Row row, long timeMs, WatermarkOutput output) {
            if (!started) {
                started = true;
                begin(Rows.partition(row));
            }
            newestMs = Math.max(newestMs, timeMs);
            newestOfAllMs = Math.max(newestOfAllMs, timeMs);
            activeAtMs = clock.relativeTimeMillis();
            silent = false;
            passed = passed || Rows.offset(row) >= backlog.getOrDefault(Rows.partition(row), 0L) - 1;
        }

        private void begin(int partition) {
            if (backlog.containsKey(partition)) {
                begun.add(partition);
            }
        }

        /** A partition without records gives none to see its end by. Of a run without a backlog nobody asks for a watermark. */
        private boolean isEmpty() {
            return !started && !backlog.isEmpty() && (begun.size() == backlog.size() || clock.relativeTimeMillis() - madeAtMs >= PATIENCE_MS);
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            if (isEmpty() && !begun.isEmpty()) {
                // Not the end: Flink makes one more generator, of no partition, whose watermark would stand for all of them.
                output.markIdle();
            } else if (passed || isEmpty()) { // where none has begun, all was read before a restart
                goOn(output);
            } else if (backlog.isEmpty()) {
                fallSilent(output);
            } else if (newestMs != EventTimes.NONE) {
                output.emitWatermark(new Watermark(newestMs - disorderMs - 1));
            }
        }

        /** Says what event time has come, which holds no event back. */
        private void goOn(WatermarkOutput output) {
            if (!gone) {
                gone = true;
                activeAtMs = started ? activeAtMs : clock.relativeTimeMillis(); // others hear first that nothing is left to read here
            }
            fallSilent(output);
            if (!silent) {
                long comeMs = newestMs == EventTimes.NONE ? 0 : Math.max(0, newestMs - disorderMs - 1);
                output.emitWatermark(new Watermark(END_MS + comeMs));
            }
        }

        /** After a while without an event the newest one says what event time it is, and this partition waits for nothing. */
        private void fallSilent(WatermarkOutput output) {
            if (silent || clock.relativeTimeMillis() - activeAtMs < SILENCE_MS) {
                return;
            }
            silent = true;
            if (newestOfAllMs > 0) {
                output.emitWatermark(new Watermark(END_MS + newestOfAllMs - 1));
            }
            output.markIdle();
        }
    }
}
