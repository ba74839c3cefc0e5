package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static weir.flink.Records.answer;
import static weir.flink.Records.control;
import static weir.flink.Records.event;
import static weir.flink.Records.mark;
import static weir.flink.Records.message;

import java.util.List;
import java.util.Map;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

class EventTimeModeTest {
    private static Row at(String user, long timeMs, int order, String body) {
        return event(user, timeMs, timeMs * 1_000 + order, 0, 0, new byte[] {(byte) order}, body);
    }

    @Test
    void eventsGoByTimeThenUnsignedOrderThenArrivalOnceTheWatermarkHasPassedThem() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()))) {
            bench.records(at("ann", 30, 1, "30"), at("ann", 20, 0xFF, "20 ff"), at("bob", 20, 0x7F, "20 7f first"));
            bench.records(at("ann", 20, 0x7F, "20 7f second"), at("ann", 10, 1, "10")).idle();
            assertEquals(List.of(), bench.texts());
            bench.watermark(20);
            List<Object> out = bench.out();
            assertEquals(List.of("10", "20 7f first", "20 7f second", "20 ff"), ((Bundle) out.get(0)).texts());
            assertEquals("W20", out.get(1), "the watermark goes behind what it released");
            bench.watermark(30);
            assertEquals(List.of("30"), bench.texts());
        }
    }

    @Test
    void anOrderThatBeginsAnotherGoesFirst() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()))) {
            bench.records(event("u", 5, 1, 0, 0, Records.utf8("ab"), "ab"), event("u", 5, 2, 0, 0, Records.utf8("a"), "a")).watermark(5);
            assertEquals(List.of("a", "ab"), bench.texts());
        }
    }

    @Test
    void messagesOfEntitiesGoByTimeToo() throws Exception {
        try (Bench bench = Bench.of(new EntityBundler(Bench.eventTime()))) {
            bench.records(message("card\0x", 9, 0, new byte[] {1}, "late"), message("card\0x", 8, 0, new byte[] {(byte) 0x80}, "high"));
            bench.records(message("card\0x", 8, 0, new byte[] {2}, "low")).watermark(8);
            assertEquals(List.of("low", "high"), bench.texts().stream().map(text -> text.substring(8)).toList());
        }
    }

    @Test
    void theWatermarkSaysThatAllAnswersHaveCome() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()))) {
            bench.records(event("ann", 1, 1, "with"), event("ann", 2, 1, "without"), answer("ann", 1, 0, 7.0)).watermark(5);
            Bundle bundle = bench.bundles().get(0);
            assertEquals(List.of("with", "without"), bundle.texts());
            assertEquals(List.of(false, true), bundle.missing());
            assertEquals(List.of(List.of(7.0), List.of(Double.NaN)), bundle.answers());
        }
    }

    @Test
    void afterTheMarksOfAllPartitionsTheBacklogGoesInOrderByWatermarkThenEventsGoAsTheyCome() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()))) {
            bench.records(at("ann", 30, 1, "30"), at("ann", 20, 1, "20"));
            bench.control(mark("r", 0, 0, 30), mark("r", 1, 1, 12)).records(at("ann", 10, 1, "10")).watermark(15);
            assertEquals(List.of("10"), bench.events());
            bench.records(at("ann", 25, 1, "25"), at("ann", 35, 1, "35"), at("ann", 33, 1, "33")).watermark(30);
            assertEquals(List.of("20", "25", "30", "33", "35"), bench.events(), "and with the backlog all that is buffered");
            bench.records(at("ann", 50, 1, "50"), at("ann", 40, 1, "40")).idle();
            assertEquals(List.of("50", "40"), bench.events());
        }
    }

    @Test
    void marksOfOnePartitionTwiceOrOfAnotherRunChangeNothing() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()))) {
            bench.control(mark("r", 0, 0, 5), mark("r", 0, 1, 5), mark("other", 1, 2, 5), control("mode:r", 3)).watermark(20);
            bench.records(at("ann", 30, 1, "30")).watermark(29).idle();
            assertEquals(List.of(), bench.events());
        }
    }

    @Test
    void eventsAfterTheBacklogStillHaveTheirTimeForAnswers() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()))) {
            bench.at(1_000).records(event("ann", 10, 1, "backlog"));
            bench.control(mark("r", 0, 0, 10), mark("r", 1, 1, 10));
            bench.records(event("bob", 40, 1, "second"), event("bob", 30, 1, "first")).watermark(20);
            assertEquals(List.of("backlog"), bench.events());
            bench.records(answer("bob", 40, 0, 4.0), answer("bob", 30, 0, 3.0)).idle();
            Bundle bundle = bench.bundles().get(0);
            assertEquals(List.of("first", "second"), bundle.texts());
            assertEquals(List.of(false, false), bundle.missing());
        }
    }

    @Test
    void aWatermarkDoesNotPassEventsThatWaitForTheirRelease() throws Exception {
        try (Bench bench = Bench.of(new EntityBundler(Bench.eventTime()))) {
            bench.records(message("card\0x", 8, 2, new byte[] {1}, "held")).watermark(9);
            assertEquals(List.of(), bench.out());
            bench.control(control("release:0000000002", 0));
            List<Object> out = bench.out();
            assertEquals(List.of('C', 'K'), List.of(((Bundle) out.get(0)).kind(), ((Bundle) out.get(1)).kind()));
            assertEquals("W9", out.get(2));
        }
    }

    @Test
    void silenceDoesNotPassEventsThatWaitForTheirRelease() throws Exception {
        try (Bench bench = Bench.of(new EntityBundler(Bench.eventTime()))) {
            bench.records(message("card\0x", 8, 2, new byte[] {1}, "held")).watermark(9).silence();
            assertEquals(List.of(), bench.out());
            bench.control(control("release:0000000002", 0));
            List<Object> out = bench.out();
            assertEquals(List.of("W9", "idle"), out.subList(2, out.size()));
        }
    }

    @Test
    void aRunWithoutBacklogTakesEventsAsTheyCome() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(Bench.start(true, 0, 0, Map.of())))) {
            bench.records(at("ann", 30, 1, "30"), at("ann", 20, 1, "20")).idle();
            assertEquals(List.of("30", "20"), bench.texts());
        }
    }
}
