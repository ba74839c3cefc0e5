package weir.flink;

import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.eventtime.TimestampAssigner;
import org.apache.flink.api.common.eventtime.TimestampAssignerSupplier;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkGeneratorSupplier;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.types.Row;

/**
 * Watermarks of the events, a partition at a time: behind the newest event by the declared disorder.
 *
 * <p>An event too far ahead of its arrival, or without a readable time, moves no clock. After a second without input a
 * partition's watermark goes up to the newest event of all partitions of the subtask, so that the last events are not kept
 * for ever; a little later it is idle, and between subtasks Flink gives out the greatest watermark once all are. A partition
 * that has not been read to the end of its backlog is never quiet: it is only slow, and its events would come late.
 */
public class EventWatermarks implements WatermarkStrategy<Row> {
    private static final long QUIET_MS = 1_000;
    private static final long IDLE_MS = 3_000;
    private static final long PATIENCE_MS = 30_000;
    private static final int BODY_HEAD = 22;
    private final EventTimes times;
    private final long disorderMs;
    private final long aheadMaxMs;
    private final Map<Integer, Long> backlog;
    private transient AtomicLong newestOfAllMs;

    /** @param backlog end of each partition with records to catch up with; empty in arrival mode. */
    public EventWatermarks(String field, String unit, long disorderMs, long aheadMaxMs, Map<Integer, ? extends Number> backlog) {
        this.times = new EventTimes(field, unit);
        this.disorderMs = disorderMs;
        this.aheadMaxMs = aheadMaxMs;
        this.backlog = JobStart.offsets(backlog);
    }

    @Override
    public TimestampAssigner<Row> createTimestampAssigner(TimestampAssignerSupplier.Context context) {
        return (row, recordTimeMs) -> {
            byte[] body = Rows.payload(row);
            int start = BODY_HEAD + Bytes.of(body).getShort(BODY_HEAD - 2);
            long timeMs = times.read(body, start, body.length - start);
            return timeMs > recordTimeMs + aheadMaxMs ? EventTimes.NONE : timeMs;
        };
    }

    @Override
    public WatermarkGenerator<Row> createWatermarkGenerator(WatermarkGeneratorSupplier.Context context) {
        if (newestOfAllMs == null) {
            newestOfAllMs = new AtomicLong(EventTimes.NONE);
        }
        return new Generator(newestOfAllMs);
    }

    final class Generator implements WatermarkGenerator<Row> {
        private final AtomicLong newestOfAllMs;
        private long newestMs = EventTimes.NONE;
        private long lastSeenAtMs = System.currentTimeMillis();
        private boolean started;
        private boolean passed;
        private boolean idle;

        Generator(AtomicLong newestOfAllMs) {
            this.newestOfAllMs = newestOfAllMs;
        }

        @Override
        public void onEvent(Row row, long timeMs, WatermarkOutput output) {
            started = true;
            passed = passed || Rows.offset(row) >= backlog.getOrDefault(Rows.partition(row), 0L) - 1;
            if (idle) {
                idle = false;
                output.markActive();
            }
            if (timeMs > newestMs) {
                newestMs = timeMs;
                if (timeMs > newestOfAllMs.get()) {
                    newestOfAllMs.set(timeMs); // one thread runs all generators of a subtask
                }
            }
            lastSeenAtMs = 0; // the next period sets it: a clock call an event would cost more than all the rest here
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            long nowMs = System.currentTimeMillis();
            if (lastSeenAtMs == 0) {
                lastSeenAtMs = nowMs;
            }
            long silentMs = nowMs - lastSeenAtMs;
            if (silentMs >= (started || backlog.isEmpty() ? IDLE_MS : PATIENCE_MS) && (passed || !started)) {
                idle = true;
                output.markIdle();
            } else if (newestMs != EventTimes.NONE) {
                boolean quiet = passed && silentMs >= QUIET_MS;
                output.emitWatermark(new Watermark(quiet ? newestOfAllMs.get() : newestMs - disorderMs - 1));
            }
        }
    }
}
