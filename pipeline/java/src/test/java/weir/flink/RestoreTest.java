package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static weir.flink.Records.answer;
import static weir.flink.Records.control;
import static weir.flink.Records.event;
import static weir.flink.Records.mark;
import static weir.flink.Records.message;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

class RestoreTest {
    private static final int USERS = 60;

    private static OperatorSubtaskState share(OperatorSubtaskState state, int from, int to, int index) {
        return AbstractStreamOperatorTestHarness.repartitionOperatorState(state, Bench.MAX_PARALLELISM, from, to, index);
    }

    private static Bench user(JobStart start, OperatorSubtaskState state) throws Exception {
        return Bench.of(new UserBundler(start), state, 1, 0);
    }

    @Test
    void aWaitingEventKeepsItsPlaceAndTheAnswersItHas() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = user(Bench.arrival(), null)) {
            bench.records(event("ann", 1, 2, "first"), event("ann", 2, 0, "second"), answer("ann", 1, 1, 7.0)).idle();
            state = bench.snapshot();
            assertEquals(List.of(), bench.texts());
        }
        try (Bench bench = user(Bench.arrival(), state)) {
            assertEquals(List.of(), bench.texts());
            bench.records(event("ann", 3, 0, "third"), answer("ann", 1, 0, 6.0)).idle();
            List<Bundle> bundles = bench.bundles();
            assertEquals(List.of("first", "second", "third"), bundles.stream().flatMap(each -> each.texts().stream()).toList());
            assertEquals(List.of(List.of(6.0, 7.0)), bundles.get(0).answers());
            assertEquals(List.of(false), bundles.get(0).missing());
        }
    }

    @Test
    void anAnswerThatCameBeforeItsEventIsKept() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = user(Bench.arrival(), null)) {
            state = bench.records(answer("ann", 1, 0, 6.0)).idle().snapshot();
        }
        try (Bench bench = user(Bench.arrival(), state)) {
            bench.records(event("ann", 1, 1, "a")).idle();
            assertEquals(List.of(List.of(6.0)), bench.bundles().get(0).answers());
        }
    }

    @Test
    void bufferedEventsGoInTheirOrderAfterARestore() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = user(Bench.eventTime(), null)) {
            state = bench.records(event("ann", 3, 0, "3"), event("ann", 1, 0, "1"), event("ann", 2, 0, "2")).idle().snapshot();
        }
        try (Bench bench = user(Bench.eventTime(), state)) {
            bench.records(event("ann", 0, 0, "0")).watermark(2);
            assertEquals(List.of("0", "1", "2"), bench.texts());
        }
    }

    @Test
    void whatARunInEventTimeLeftOverGoesFirstInOrderAndWaitsForItsEntities() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = user(Bench.eventTime(), null)) {
            state = bench.records(event("ann", 3, 0, "3"), event("ann", 1, 1, "1"), event("bob", 2, 0, "2")).idle().snapshot();
        }
        try (Bench bench = user(Bench.arrival(), state)) {
            assertEquals(List.of("2"), bench.idle().texts(), "ann waits for the entity of her first");
            bench.records(event("bob", 9, 1, "9")).at(1_000).idle();
            assertEquals(List.of("9"), bench.texts(), "what comes now waits no longer than ever");
            bench.records(answer("ann", 1, 0, 6.0)).idle();
            assertEquals(List.of("1", "3"), bench.texts());
        }
        try (Bench bench = Bench.of(new EntityBundler(Bench.eventTime()))) {
            bench.records(message("card\0x", 9, 0, new byte[] {1}, "late"), message("card\0x", 8, 0, new byte[] {1}, "early"));
            state = bench.snapshot();
        }
        try (Bench bench = Bench.of(new EntityBundler(Bench.arrival()), state, 1, 0)) {
            List<String> texts = bench.idle().texts();
            assertEquals(List.of("early", "late"), texts.stream().map(text -> text.substring(8)).toList());
        }
    }

    @Test
    void theModeStaysWhatTheMarksOfTheRunMadeIt() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = user(Bench.eventTime(), null)) {
            state = bench.control(mark("r", 0, 0, 5), mark("r", 1, 1, 5)).watermark(5).idle().snapshot();
        }
        try (Bench bench = user(Bench.eventTime(), state)) {
            bench.bundles();
            bench.records(event("ann", 3, 0, "3")).idle();
            assertEquals(List.of("3"), bench.texts());
        }
    }

    @Test
    void whatWaitedAtTheGateGoesOnWhenNothingElseComes() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = user(Bench.start(false, 5, 0, Map.of()), null)) {
            state = bench.records(event("ann", 1, 0, "a")).idle().snapshot();
        }
        try (Bench bench = user(Bench.arrival(), state)) {
            assertEquals(List.of("a"), bench.idle().texts());
        }
    }

    @Test
    void whatHasGoneIsNotInTheNextCheckpoint() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = user(Bench.arrival(), null)) {
            bench.records(event("ann", 1, 1, "a"), event("bob", 2, 1, "b")).idle().snapshot();
            state = bench.records(answer("ann", 1, 0, 6.0)).idle().snapshot();
        }
        try (Bench bench = user(Bench.arrival(), state)) {
            bench.at(100).idle();
            assertEquals(List.of("b"), bench.texts());
        }
    }

    @Test
    void rescaledFromOneToTwoNothingIsLostAndNothingComesTwice() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = user(Bench.arrival(), null)) {
            bench.control(control("release:0000000001", 0));
            for (int i = 0; i < USERS; i++) {
                bench.records(event("u" + i, 10 * i, 1, "first " + i), event("u" + i, 10 * i + 1, 0, "second " + i));
                bench.records(answer("u" + i, 10 * i + 2, 0, i));
            }
            state = bench.snapshot();
        }
        List<String> seen = new ArrayList<>();
        for (int index = 0; index < 2; index++) {
            try (Bench bench = Bench.of(new UserBundler(Bench.arrival()), share(state, 1, 2, index), 2, index)) {
                assertEquals(List.of("release:0000000001"), bench.texts(), "each has the control records");
                List<String> here = bench.at(100).idle().texts();
                assertFalse(here.isEmpty());
                seen.addAll(here);
            }
        }
        assertEachOnceAndInOrder(seen);
    }

    @Test
    void rescaledFromTwoToOneNothingIsLostAndNothingComesTwice() throws Exception {
        OperatorSubtaskState whole;
        try (Bench bench = user(Bench.arrival(), null)) {
            for (int i = 0; i < USERS; i++) {
                bench.records(event("u" + i, 10 * i, 1, "first " + i), event("u" + i, 10 * i + 1, 0, "second " + i));
            }
            whole = bench.snapshot();
        }
        List<OperatorSubtaskState> halves = new ArrayList<>();
        for (int index = 0; index < 2; index++) {
            try (Bench bench = Bench.of(new UserBundler(Bench.arrival()), share(whole, 1, 2, index), 2, index)) {
                halves.add(bench.snapshot());
            }
        }
        OperatorSubtaskState both = AbstractStreamOperatorTestHarness.repackageState(halves.get(0), halves.get(1));
        try (Bench bench = user(Bench.arrival(), share(both, 2, 1, 0))) {
            assertEachOnceAndInOrder(bench.at(100).idle().texts());
        }
    }

    private static void assertEachOnceAndInOrder(List<String> seen) {
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < USERS; i++) {
            expected.add("first " + i);
            expected.add("second " + i);
            assertTrue(seen.indexOf("first " + i) < seen.indexOf("second " + i), "order of user " + i);
        }
        assertEquals(expected.stream().sorted().toList(), seen.stream().sorted().toList());
    }

    @Test
    void bufferedMessagesOfEntitiesAreRescaledToo() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new EntityBundler(Bench.eventTime()))) {
            for (int i = 0; i < USERS; i++) {
                bench.records(message("card\0" + i, i, 0, new byte[] {1}, "message " + i));
            }
            state = bench.snapshot();
        }
        List<String> seen = new ArrayList<>();
        for (int index = 0; index < 2; index++) {
            try (Bench bench = Bench.of(new EntityBundler(Bench.eventTime()), share(state, 1, 2, index), 2, index)) {
                bench.watermark(USERS).texts().forEach(text -> seen.add(text.substring(text.indexOf("message"))));
            }
        }
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < USERS; i++) {
            expected.add("message " + i);
        }
        assertEquals(expected.stream().sorted().toList(), seen.stream().sorted().toList());
    }

    @Test
    void theKeyOfControlBundlesBelongsToItsSubtask() throws Exception {
        for (int index = 0; index < 4; index++) {
            UserBundler bundler = new UserBundler(Bench.arrival());
            try (Bench bench = Bench.of(bundler, null, 4, index)) {
                int group = KeyGroupRangeAssignment.assignToKeyGroup(
                        Row.of(bundler.anyKey()), Bench.MAX_PARALLELISM);
                assertEquals(index, group * 4 / Bench.MAX_PARALLELISM);
            }
        }
    }
}
