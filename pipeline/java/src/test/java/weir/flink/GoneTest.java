package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static weir.flink.Records.control;
import static weir.flink.Records.event;
import static weir.flink.Records.gone;
import static weir.flink.Records.message;

import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

class GoneTest {
    private static final String ONE = "release:0000000001";
    private static final String TWO = "release:0000000002";
    private static final String THREE = "release:0000000003";

    private static Row stamped(long timeMs, int release, int answers) {
        return event("ann", timeMs, timeMs, release, answers, Bytes.ofSize(8).putLong(timeMs).array(), "at " + timeMs);
    }

    /** What Python is told that has gone: the key behind a tag and a length. */
    private static List<String> goneSaid(Bench bench) throws Exception {
        return bench.texts().stream().filter(text -> text.startsWith("C")).map(text -> text.substring(3)).toList();
    }

    @Test
    void whatTheTopicHasTakenAwayGoesBeforeTheNextBarrierAndIsNotInTheCheckpoint() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new UserBundler(Bench.arrival()))) {
            bench.control(control("def:aa", 0), control(ONE, 1), control("def:bb", 2), control(TWO, 3)).idle().out();
            bench.control(gone(ONE, 4), gone("def:aa", 5)).idle();
            assertEquals(List.of(), goneSaid(bench), "an event on its way may carry it");
            state = bench.snapshot();
            assertEquals(List.of(ONE, "def:aa"), goneSaid(bench));
        }
        try (Bench bench = Bench.of(new UserBundler(Bench.arrival()), state, 1, 0)) {
            assertEquals(List.of("def:bb", TWO), bench.texts());
        }
    }

    @Test
    void aReleaseThatAWaitingEventCarriesStaysWithItsDefinitionsAlsoAfterARestore() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new UserBundler(Bench.arrival()))) {
            bench.control(control("def:aa", 0), control(ONE, 1), control(TWO, 2), control(THREE, 3));
            bench.records(stamped(1, 2, 1)).control(gone(ONE, 4), gone(TWO, 5), gone("def:aa", 6)).idle().out();
            state = bench.snapshot();
            assertEquals(List.of(ONE), goneSaid(bench));
        }
        try (Bench bench = Bench.of(new UserBundler(Bench.arrival()), state, 1, 0)) {
            assertEquals(List.of("def:aa", TWO, THREE), bench.texts());
            assertEquals(List.of("at 1"), bench.at(100).idle().events());
            state = bench.snapshot();
            assertEquals(List.of(TWO, "def:aa"), goneSaid(bench));
        }
        try (Bench bench = Bench.of(new UserBundler(Bench.arrival()), state, 1, 0)) {
            assertEquals(List.of(THREE), bench.texts());
        }
    }

    @Test
    void aReleaseThatAMessageInTheOrderOfTimeCarriesStays() throws Exception {
        try (Bench bench = Bench.of(new EntityBundler(Bench.eventTime()))) {
            bench.control(control(ONE, 0), control(TWO, 1)).records(message("card\0x", 5, 1, new byte[] {1}, "waits"));
            bench.control(gone(ONE, 2)).idle().out();
            bench.snapshot();
            assertEquals(List.of(), goneSaid(bench));
            bench.watermark(9).out();
            bench.snapshot();
            assertEquals(List.of(ONE), goneSaid(bench));
        }
    }

    @Test
    void aDefinitionThatIsWrittenAgainStays() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new UserBundler(Bench.arrival()))) {
            bench.control(control("def:aa", 0), control(ONE, 1), gone("def:aa", 2), control("def:aa", 3)).idle().out();
            state = bench.snapshot();
            assertEquals(List.of(), goneSaid(bench));
        }
        try (Bench bench = Bench.of(new UserBundler(Bench.arrival()), state, 1, 0)) {
            assertEquals(List.of("def:aa", ONE), bench.texts());
        }
    }

    @Test
    void theStageThatStampsLetsGoAtABarrierToo() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new DecodeBundler(Bench.arrival()), null)) {
            bench.control(control(ONE, 0), control(TWO, 1), gone(ONE, 2)).idle().out();
            state = bench.snapshot();
        }
        try (Bench bench = Bench.of(new DecodeBundler(Bench.arrival()), state)) {
            assertEquals(List.of(TWO), bench.texts());
        }
    }
}
