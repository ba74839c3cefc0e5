package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkGeneratorSupplier;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.types.Row;
import org.apache.flink.util.clock.RelativeClock;
import org.junit.jupiter.api.Test;

class SideWatermarksTest {
    private final HandClock clock = new HandClock();

    private WatermarkGenerator<Row> generatorOf(SideWatermarks strategy) {
        return strategy.createWatermarkGenerator(new WatermarkGeneratorSupplier.Context() {
            @Override
            public MetricGroup getMetricGroup() {
                return null;
            }

            @Override
            public RelativeClock getInputActivityClock() {
                return clock;
            }
        });
    }

    private static void see(WatermarkGenerator<Row> generator, int partition, long offset) {
        generator.onEvent(Rows.of("k", new byte[0], Wire.Source.LABEL, partition, offset), 0, new Said());
    }

    /** Whether the generators are idle, as 0 or 1 each; none ever has a watermark of its own. */
    @SafeVarargs
    private static String idle(WatermarkGenerator<Row>... generators) {
        StringBuilder idle = new StringBuilder();
        for (WatermarkGenerator<Row> generator : generators) {
            Said said = new Said();
            generator.onPeriodicEmit(said);
            assertEquals(0, said.marks.size() + said.active);
            idle.append(said.idle);
        }
        return idle.toString();
    }

    @Test
    void aPartitionHoldsBackUntilItIsReadToWhereItEndedAtTheStart() {
        WatermarkGenerator<Row> generator = generatorOf(new SideWatermarks(Map.of(1, 3L)));
        see(generator, 1, 0);
        see(generator, 1, 1);
        assertEquals("0", idle(generator));
        see(generator, 1, 2);
        assertEquals("1", idle(generator));
        see(generator, 1, 3);
        assertEquals("1", idle(generator), "and holds nothing back from then on");
    }

    @Test
    void aPartitionThatWasEmptyAtTheStartWaitsForNothingOnceTheOthersAreRead() {
        SideWatermarks strategy = new SideWatermarks(Map.of(1, 3L));
        WatermarkGenerator<Row> read = generatorOf(strategy);
        WatermarkGenerator<Row> empty = generatorOf(strategy);
        assertEquals("00", idle(read, empty));
        see(read, 1, 2);
        assertEquals("11", idle(read, empty));
    }

    @Test
    void withoutRecordsAtTheStartNothingIsHeldBack() {
        assertEquals("1", idle(generatorOf(new SideWatermarks(Map.of()))));
    }

    @Test
    void aPartitionWhoseTurnHasNotComeIsWaitedForAsLongAsOthersAreRead() {
        SideWatermarks strategy = new SideWatermarks(Map.of(1, 100L, 2, 3L));
        WatermarkGenerator<Row> first = generatorOf(strategy);
        WatermarkGenerator<Row> second = generatorOf(strategy);
        for (int offset = 0; offset < 100; offset++) {
            see(first, 1, offset);
            assertEquals("00", idle(first, second));
            clock.nowMs += 20_000;
        }
        see(second, 2, 2);
        assertEquals("11", idle(first, second));
    }

    @Test
    void timeInWhichTheSourceCannotHandOnWhatItReadsDoesNotCount() throws Exception {
        WatermarkGenerator<Row> waiting = generatorOf(new SideWatermarks(Map.of(1, 3L)));
        assertEquals("0", idle(waiting));
        Thread.sleep(3_050);
        assertEquals("0", idle(waiting));
    }

    @Test
    void aPartitionThatGivesNoRecordIsGivenUpAfterHalfAMinuteButNotOneThatIsBeingRead() {
        SideWatermarks strategy = new SideWatermarks(Map.of(1, 3L, 2, 3L));
        WatermarkGenerator<Row> silent = generatorOf(strategy);
        WatermarkGenerator<Row> begun = generatorOf(strategy);
        see(begun, 1, 0);
        assertEquals("00", idle(silent, begun));
        clock.nowMs += 29_999;
        see(silent, 3, 7); // a partition that had none at the start: live labels prolong nothing
        assertEquals("00", idle(silent, begun));
        clock.nowMs += 1;
        assertEquals("00", idle(silent, begun));
        see(begun, 1, 2);
        assertEquals("11", idle(silent, begun));
    }
}
