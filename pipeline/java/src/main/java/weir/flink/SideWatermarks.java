package weir.flink;

import java.util.Map;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkGeneratorSupplier;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.types.Row;

/**
 * Watermarks of labels and control records, which hold nothing back once they are read up to where they ended at the start.
 *
 * <p>Until then they hold back everything in event_time mode, so that a backfill sees every label that was there.
 */
public class SideWatermarks implements WatermarkStrategy<Row> {
    private final Map<Integer, Long> ends;

    /** @param ends of the partitions that had records at the start: one past the last offset. */
    public SideWatermarks(Map<Integer, Long> ends) {
        this.ends = new java.util.HashMap<>(ends);
    }

    @Override
    public WatermarkGenerator<Row> createWatermarkGenerator(WatermarkGeneratorSupplier.Context context) {
        return new Generator();
    }

    private final class Generator implements WatermarkGenerator<Row> {
        private boolean passed = ends.isEmpty();

        @Override
        public void onEvent(Row row, long timeMs, WatermarkOutput output) {
            if (!passed) {
                passed = Rows.offset(row) >= ends.getOrDefault(Rows.partition(row), 0L) - 1;
            }
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            if (passed) {
                output.emitWatermark(new Watermark(Long.MAX_VALUE));
            }
        }
    }
}
