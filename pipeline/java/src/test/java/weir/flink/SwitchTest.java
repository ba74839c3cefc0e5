package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static weir.flink.Records.mark;

import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

/** What happens between the last mark and the watermark that ends the backlog, and right after it. */
class SwitchTest {
    @Test
    void recordsThatNameNoReleaseOrNoTimeStopNothing() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()))) {
            byte[] soon = Records.utf8("c\10\0mode:r:0soon");
            bench.control(Records.control("release:soon", 0), Records.control("", 1), Rows.of("mode:r:0", soon, Wire.Source.CONTROL, 0, 2));
            bench.control(mark("r", 1, 3, 12)).watermark(12).idle().texts();
            assertEquals(List.of("50", "40"), bench.records(at(50), at(40)).idle().texts());
        }
    }

    private static Row at(long timeMs) {
        return Records.event("ann", timeMs, 0, String.valueOf(timeMs));
    }

    @Test
    void aWatermarkThatCameBeforeTheLastMarkEndsTheBacklogToo() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()))) {
            bench.watermark(40).control(mark("r", 0, 0, 30), mark("r", 1, 1, 12));
            assertEquals(List.of("50"), bench.records(at(50)).idle().events());
        }
    }

    @Test
    void aRestartInBetweenStillReleasesTheBacklogByTime() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()))) {
            bench.records(at(30), at(20)).control(mark("r", 0, 0, 30), mark("r", 1, 1, 12));
            state = bench.idle().snapshot();
        }
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()), state, 1, 0)) {
            bench.texts();
            assertEquals(List.of("10", "20", "30"), bench.records(at(10)).watermark(30).idle().texts());
        }
    }

    @Test
    void aRestartAfterwardsDoesNotGoBackToEventTime() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()))) {
            state = bench.control(mark("r", 0, 0, 30), mark("r", 1, 1, 12)).watermark(30).idle().snapshot();
        }
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()), state, 1, 0)) {
            bench.texts();
            assertEquals(List.of("50", "40"), bench.records(at(50), at(40)).idle().texts());
        }
    }
}
