package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

class EventWatermarksTest {
    private static final long DISORDER_MS = 10;
    private static final long AHEAD_MAX_MS = 100;
    private final EventWatermarks strategy = of(Map.of(0, 9L, 1, 3L, 2, 3L), 0);
    private final HandClock clock = new HandClock();
    private final Set<Integer> begun = new HashSet<>();

    private static EventWatermarks of(Map<Integer, Long> backlog, long driftMs) {
        return new EventWatermarks("t", "ms", DISORDER_MS, AHEAD_MAX_MS, backlog, driftMs);
    }

    private WatermarkGenerator<Row> generator() {
        return strategy.new Generator(clock, begun);
    }

    private static Row event(String reply, String json) {
        byte[] value = Records.utf8(json);
        ByteBuffer body = Bytes.ofSize(Wire.RawRecord.SIZE + reply.length() + value.length);
        return Rows.of("", Wire.RawRecord.put(body, 3, 4, 5, 6, reply.length()).put(Records.utf8(reply)).put(value).array(), Wire.Source.EVENT);
    }

    private long time(String json, long recordTimeMs) {
        return strategy.createTimestampAssigner(null).extractTimestamp(event("api-1", json), recordTimeMs);
    }

    private static List<Long> period(WatermarkGenerator<Row> generator) {
        Said said = new Said();
        generator.onPeriodicEmit(said);
        return said.marks;
    }

    private static void see(WatermarkGenerator<Row> generator, long... timesMs) {
        for (long timeMs : timesMs) {
            seeOf(generator, 0, 0, timeMs);
        }
    }

    private static Said seeOf(WatermarkGenerator<Row> generator, int partition, long offset, long timeMs) {
        Said said = new Said();
        generator.onEvent(Rows.of("", new byte[0], Wire.Source.EVENT, partition, offset), timeMs, said);
        return said;
    }

    @Test
    void theTimeOfAnEventIsReadBehindTheReplyAddress() {
        assertEquals(950, time("{\"t\":950}", 1_000));
        assertEquals(EventTimes.NONE, time("garbage", 1_000));
    }

    @Test
    void anEventTooFarAheadOfItsArrivalHasNoTime() {
        assertEquals(1_100, time("{\"t\":1100}", 1_000));
        assertEquals(EventTimes.NONE, time("{\"t\":1101}", 1_000));
    }

    @Test
    void theWatermarkStaysBehindTheNewestEventByTheDisorder() {
        WatermarkGenerator<Row> generator = generator();
        see(generator, 500, 700, 600);
        assertEquals(List.of(700 - DISORDER_MS - 1), period(generator));
    }

    @Test
    void anEventWithoutATimeMovesNothing() {
        WatermarkGenerator<Row> generator = generator();
        see(generator, EventTimes.NONE);
        assertEquals(List.of(), period(generator));
        see(generator, 700, EventTimes.NONE);
        assertEquals(List.of(700 - DISORDER_MS - 1), period(generator));
    }

    @Test
    void aPartitionReadToTheEndOfItsBacklogHoldsNothingBack() {
        WatermarkGenerator<Row> slow = generator();
        WatermarkGenerator<Row> done = generator();
        seeOf(slow, 1, 1, 700);
        seeOf(done, 2, 2, 900);
        assertEquals(List.of(List.of(689L), List.of(EventWatermarks.END_MS + 889)), List.of(period(slow), period(done)));
        clock.nowMs += 3_600_000;
        assertEquals(List.of(689L), period(slow), "however long it is silent, it is only slow");
        seeOf(slow, 1, 2, 650);
        seeOf(done, 2, 3, 901);
        assertEquals(
                List.of(List.of(EventWatermarks.END_MS + 689), List.of(EventWatermarks.END_MS + 890)), List.of(period(slow), period(done)));
    }

    @Test
    void aRestartWithNothingLeftToReadIsAtTheEndAfterHalfAMinute() {
        WatermarkGenerator<Row> read = generator();
        clock.nowMs += 29_999;
        assertEquals(List.of(), period(read));
        clock.nowMs += 1;
        assertEquals(List.of(EventWatermarks.END_MS), period(read));
    }

    @Test
    void aRestartWithNothingLeftToReadHoldsTheTimeOfOtherSubtasksBackNoLongerThanASecond() {
        WatermarkGenerator<Row> read = generator();
        clock.nowMs += 30_000;
        assertEquals(0, idle(read), "first it says that it is at the end");
        clock.nowMs += 1_000;
        assertEquals(1, idle(read));
        assertEquals(List.of(), period(read));
        seeOf(read, 0, 9, 700);
        assertEquals(List.of(EventWatermarks.END_MS + 689), period(read), "an event says what time it is");
    }

    @Test
    void aPartitionWithoutRecordsHoldsTheOthersBackForHalfAMinute() {
        WatermarkGenerator<Row> empty = generator();
        seeOf(generator(), 1, 0, 700);
        clock.nowMs += 29_999;
        assertEquals(0, idle(empty));
        clock.nowMs += 1;
        assertEquals(1, idle(empty));
        assertEquals(List.of(), period(empty), "it says nothing for those that go on");
        seeOf(empty, 0, 3, 700);
        assertEquals(List.of(689L), period(empty));
    }

    @Test
    void aPartitionIsKnownToBeEmptyOnceAllThatAreNotHaveBegun() {
        WatermarkGenerator<Row> empty = generator();
        seeOf(generator(), 0, 0, 700);
        seeOf(generator(), 1, 0, 700);
        seeOf(generator(), 7, 0, 700);
        assertEquals(0, idle(empty));
        seeOf(generator(), 2, 0, 700);
        assertEquals(1, idle(empty));
        assertEquals(List.of(), period(empty));
    }

    @Test
    void withoutABacklogThereAreNoWatermarksBeforeTheFirstEvent() {
        WatermarkGenerator<Row> generator = of(Map.of(), 0).new Generator(clock, begun);
        assertEquals(List.of(), period(generator));
        assertEquals(0, idle(generator));
        see(generator, 700);
        assertEquals(List.of(EventWatermarks.END_MS + 689), period(generator));
    }

    @Test
    void afterASecondWithoutAnEventTheNewestOfTheSubtaskSaysWhatTimeItIs() {
        EventWatermarks arrival = of(Map.of(), 0);
        WatermarkGenerator<Row> one = arrival.new Generator(clock, begun);
        WatermarkGenerator<Row> other = arrival.new Generator(clock, begun);
        WatermarkGenerator<Row> never = arrival.new Generator(clock, begun);
        seeOf(one, 0, 0, 700);
        clock.nowMs += 500;
        seeOf(other, 1, 0, 900);
        clock.nowMs += 500;
        assertEquals(List.of(EventWatermarks.END_MS + 899), period(one), "it waits for nothing");
        assertEquals(List.of(EventWatermarks.END_MS + 889), period(other));
        assertEquals(1, idle(never), "a partition without events holds no time back");
        clock.nowMs += 500;
        assertEquals(List.of(EventWatermarks.END_MS + 899), period(other));
        assertEquals(List.of(), period(other), "it is said once");
        assertEquals(0, idle(other));
        seeOf(one, 0, 1, 1_000);
        assertEquals(List.of(EventWatermarks.END_MS + 989), period(one));
    }

    @Test
    void partitionsAreKeptTogetherOnlyWhereADriftIsGiven() {
        assertFalse(of(Map.of(), 0).getAlignmentParameters().isEnabled());
        assertEquals(5_000, of(Map.of(0, 1L), 5_000).getAlignmentParameters().getMaxAllowedWatermarkDrift());
    }

    private static int idle(WatermarkGenerator<Row> generator) {
        Said said = new Said();
        generator.onPeriodicEmit(said);
        return said.idle;
    }
}
