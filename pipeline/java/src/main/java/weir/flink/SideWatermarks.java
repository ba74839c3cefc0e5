package weir.flink;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkGeneratorSupplier;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.types.Row;
import org.apache.flink.util.clock.RelativeClock;

/**
 * Watermarks of labels and control records: none. Their partitions are idle once all are read up to where they ended at the
 * start, and then hold nothing back.
 *
 * <p>Until then they hold back everything in event_time mode, so that a backfill sees every label that was there. They must
 * not say Long.MAX_VALUE instead: Flink gives out the greatest watermark of all inputs when all fall idle.
 *
 * <p>One subtask reads all partitions: what is left to read is known to all of its generators.
 */
public class SideWatermarks implements WatermarkStrategy<Row> {
    private static final long PATIENCE_MS = 30_000;
    private final Map<Integer, Long> ends;
    private transient Backlog backlog;

    /** @param ends of the partitions that had records at the start: one past the last offset. */
    public SideWatermarks(Map<Integer, ? extends Number> ends) {
        this.ends = JobStart.offsets(ends);
    }

    @Override
    public WatermarkGenerator<Row> createWatermarkGenerator(WatermarkGeneratorSupplier.Context context) {
        if (backlog == null) {
            backlog = new Backlog(ends);
        }
        return new Generator(backlog, context.getInputActivityClock());
    }

    /** What was there at the start and is not read yet. One thread runs all generators of a subtask. */
    private static final class Backlog {
        private final Map<Integer, Long> left;
        private final Set<Integer> begun = new HashSet<>();
        private long records;

        Backlog(Map<Integer, Long> ends) {
            left = new HashMap<>(ends);
        }

        void see(int partition, long offset) {
            Long end = left.get(partition);
            if (end != null) {
                records++;
                begun.add(partition);
                if (offset >= end - 1) {
                    left.remove(partition);
                }
            }
        }

        /** Partitions that gave nothing have nothing to give: a restored job read them before, or retention took the records. */
        void giveUpThoseNotBegun() {
            left.keySet().retainAll(begun);
        }
    }

    private static final class Generator implements WatermarkGenerator<Row> {
        private final Backlog backlog;
        private final RelativeClock clock; // stands still while what was read cannot be handed on: then nobody's turn comes
        private long recordsSeen;
        private long sinceMs;

        Generator(Backlog backlog, RelativeClock clock) {
            this.backlog = backlog;
            this.clock = clock;
            sinceMs = clock.relativeTimeMillis();
        }

        @Override
        public void onEvent(Row row, long timeMs, WatermarkOutput output) {
            if (!backlog.left.isEmpty()) {
                backlog.see(Rows.partition(row), Rows.offset(row));
            }
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            if (recordsSeen != backlog.records) {
                recordsSeen = backlog.records;
                sinceMs = clock.relativeTimeMillis();
            } else if (clock.relativeTimeMillis() - sinceMs >= PATIENCE_MS) {
                backlog.giveUpThoseNotBegun();
            }
            if (backlog.left.isEmpty()) {
                output.markIdle();
            }
        }
    }
}
