package weir.flink;

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
 * <p>An event too far ahead of its arrival, or without a readable time, moves no clock. After a second without input the
 * watermark goes up to the newest event, so that the last events are not kept for ever.
 */
public class EventWatermarks implements WatermarkStrategy<Row> {
    private static final long QUIET_MS = 1_000;
    private static final int BODY_HEAD = 22;
    private final EventTimes times;
    private final long disorderMs;
    private final long aheadMaxMs;

    public EventWatermarks(String field, String unit, long disorderMs, long aheadMaxMs) {
        this.times = new EventTimes(field, unit);
        this.disorderMs = disorderMs;
        this.aheadMaxMs = aheadMaxMs;
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
        return new Generator(disorderMs);
    }

    static final class Generator implements WatermarkGenerator<Row> {
        private final long disorderMs;
        private long newestMs = EventTimes.NONE;
        private long lastSeenAtMs = System.currentTimeMillis();

        Generator(long disorderMs) {
            this.disorderMs = disorderMs;
        }

        @Override
        public void onEvent(Row row, long timeMs, WatermarkOutput output) {
            newestMs = Math.max(newestMs, timeMs);
            lastSeenAtMs = 0; // the next period sets it: a clock call an event would cost more than all the rest here
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            long nowMs = System.currentTimeMillis();
            if (lastSeenAtMs == 0) {
                lastSeenAtMs = nowMs;
            }
            if (newestMs != EventTimes.NONE) {
                boolean quiet = nowMs - lastSeenAtMs >= QUIET_MS;
                output.emitWatermark(new Watermark(quiet ? newestMs : newestMs - disorderMs - 1));
            }
        }
    }
}
