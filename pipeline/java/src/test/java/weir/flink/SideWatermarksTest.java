package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

class SideWatermarksTest {
    private final Said said = new Said();

    private void see(WatermarkGenerator<Row> generator, int partition, long offset) {
        generator.onEvent(Rows.of("k", new byte[0], Rows.LABEL, partition, offset), 0, said);
        generator.onPeriodicEmit(said);
    }

    @Test
    void aPartitionHoldsBackUntilItIsReadToWhereItEndedAtTheStart() {
        WatermarkGenerator<Row> generator = new SideWatermarks(Map.of(1, 3L)).createWatermarkGenerator(null);
        see(generator, 1, 0);
        see(generator, 1, 1);
        assertEquals(0, said.idle);
        see(generator, 1, 2);
        assertEquals(1, said.idle);
        see(generator, 1, 3);
        assertEquals(2, said.idle, "and holds nothing back from then on");
        assertEquals(0, said.marks.size(), "it never has a watermark of its own");
    }

    @Test
    void aPartitionThatWasEmptyAtTheStartHoldsNothingBackOnceItHasARecord() {
        WatermarkGenerator<Row> generator = new SideWatermarks(Map.of(1, 3L)).createWatermarkGenerator(null);
        see(generator, 2, 0);
        assertEquals(1, said.idle);
    }

    @Test
    void withoutRecordsAtTheStartNothingIsHeldBack() {
        new SideWatermarks(Map.of()).createWatermarkGenerator(null).onPeriodicEmit(said);
        assertEquals(1, said.idle);
    }

    @Test
    void aPartitionWithoutAnyRecordIsWaitedForOnlySoLong() throws Exception {
        SideWatermarks strategy = new SideWatermarks(Map.of(1, 3L));
        WatermarkGenerator<Row> empty = strategy.createWatermarkGenerator(null);
        WatermarkGenerator<Row> behind = strategy.createWatermarkGenerator(null);
        see(behind, 1, 0);
        empty.onPeriodicEmit(said);
        assertEquals(0, said.idle);
        Thread.sleep(3_050);
        behind.onPeriodicEmit(said);
        assertEquals(0, said.idle, "one that is being read still holds back");
        empty.onPeriodicEmit(said);
        assertEquals(1, said.idle);
    }
}
