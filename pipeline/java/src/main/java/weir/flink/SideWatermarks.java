package weir.flink;

import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkGeneratorSupplier;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.types.Row;

/**
 * Watermarks of labels and control records: none. Their partitions are idle once they are read up to where they ended at the
 * start, and then hold nothing back.
 *
 * <p>Until then they hold back everything in event_time mode, so that a backfill sees every label that was there. They must
 * not say Long.MAX_VALUE instead: Flink gives out the greatest watermark of all inputs when all fall idle.
 */
public class SideWatermarks implements WatermarkStrategy<Row> {
    private static final long PATIENCE_MS = 3_000;
    private final Map<Integer, Long> ends;

    /** @param ends of the partitions that had records at the start: one past the last offset. */
    public SideWatermarks(Map<Integer, ? extends Number> ends) {
        this.ends = JobStart.offsets(ends);
    }

    @Override
    public WatermarkGenerator<Row> createWatermarkGenerator(WatermarkGeneratorSupplier.Context context) {
        return new Generator();
    }

    private final class Generator implements WatermarkGenerator<Row> {
        private final long madeAtMs = System.currentTimeMillis();
        private boolean reading;
        private boolean passed = ends.isEmpty();

        @Override
        public void onEvent(Row row, long timeMs, WatermarkOutput output) {
            if (!passed) {
                reading = true;
                passed = Rows.offset(row) >= ends.getOrDefault(Rows.partition(row), 0L) - 1;
            }
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            // A partition that was empty gives no record to see its end by.
            if (passed || (!reading && System.currentTimeMillis() - madeAtMs >= PATIENCE_MS)) {
                output.markIdle();
            }
        }
    }
}
