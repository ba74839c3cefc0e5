package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

class EventWatermarksTest {
    private static final long DISORDER_MS = 10;
    private static final long AHEAD_MAX_MS = 100;
    private final EventWatermarks strategy = new EventWatermarks("t", "ms", DISORDER_MS, AHEAD_MAX_MS, Map.of());

    private static Row event(String reply, String json) {
        byte[] value = Records.utf8(json);
        ByteBuffer body = Bytes.ofSize(22 + reply.length() + value.length).putInt(3).putLong(4).putLong(5);
        return Rows.of("", body.putShort((short) reply.length()).put(Records.utf8(reply)).put(value).array(), Rows.RAW);
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
        generator.onEvent(Rows.of("", new byte[0], Rows.RAW, partition, offset), timeMs, said);
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
        WatermarkGenerator<Row> generator = strategy.createWatermarkGenerator(null);
        see(generator, 500, 700, 600);
        assertEquals(List.of(700 - DISORDER_MS - 1), period(generator));
    }

    @Test
    void anEventWithoutATimeMovesNothing() {
        WatermarkGenerator<Row> generator = strategy.createWatermarkGenerator(null);
        see(generator, EventTimes.NONE);
        assertEquals(List.of(), period(generator));
        see(generator, 700, EventTimes.NONE);
        assertEquals(List.of(700 - DISORDER_MS - 1), period(generator));
    }

    @Test
    void afterAQuietSecondThePartitionGoesToTheNewestEventOfAll() throws Exception {
        WatermarkGenerator<Row> quiet = strategy.createWatermarkGenerator(null);
        WatermarkGenerator<Row> busy = strategy.createWatermarkGenerator(null);
        WatermarkGenerator<Row> empty = strategy.createWatermarkGenerator(null);
        see(quiet, 700);
        see(busy, 900);
        assertEquals(List.of(689L), period(quiet));
        assertEquals(List.of(889L), period(busy));
        Thread.sleep(1_050);
        see(busy, 901);
        assertEquals(List.of(901L), period(quiet));
        assertEquals(List.of(890L), period(busy), "one that is not quiet stays behind");
        assertEquals(List.of(), period(empty));
        see(quiet, 905);
        assertEquals(List.of(894L), period(quiet), "and so does one that goes on");
    }

    @Test
    void aPartitionThatHasNotReachedTheEndOfItsBacklogIsOnlySlow() throws Exception {
        EventWatermarks behind = new EventWatermarks("t", "ms", DISORDER_MS, AHEAD_MAX_MS, Map.of(1, 3L, 2, 3L, 3, 3L));
        WatermarkGenerator<Row> slow = behind.createWatermarkGenerator(null);
        WatermarkGenerator<Row> done = behind.createWatermarkGenerator(null);
        WatermarkGenerator<Row> unread = behind.createWatermarkGenerator(null);
        seeOf(slow, 1, 1, 700);
        seeOf(done, 2, 2, 900);
        assertEquals(List.of(List.of(689L), List.of(889L), List.of()), List.of(period(slow), period(done), period(unread)));
        Thread.sleep(1_050);
        assertEquals(List.of(List.of(689L), List.of(900L), List.of()), List.of(period(slow), period(done), period(unread)));
        Thread.sleep(2_000);
        assertEquals(List.of(0, 1, 0), List.of(idle(slow), idle(done), idle(unread)));
    }

    @Test
    void aPartitionIsIdleAfterThreeQuietSecondsUntilItsNextEvent() throws Exception {
        WatermarkGenerator<Row> generator = strategy.createWatermarkGenerator(null);
        WatermarkGenerator<Row> empty = strategy.createWatermarkGenerator(null);
        see(generator, 700);
        assertEquals(List.of(0, 0), List.of(idle(generator), idle(empty)));
        Thread.sleep(3_050);
        assertEquals(List.of(1, 1), List.of(idle(generator), idle(empty)));
        assertEquals(1, seeOf(generator, 0, 1, 800).active);
        assertEquals(0, seeOf(generator, 0, 2, 801).active);
        assertEquals(List.of(790L), period(generator));
    }

    private static int idle(WatermarkGenerator<Row> generator) {
        Said said = new Said();
        generator.onPeriodicEmit(said);
        return said.idle;
    }
}
