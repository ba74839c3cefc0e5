package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static weir.flink.Records.control;
import static weir.flink.Records.raw;

import java.util.List;
import java.util.Map;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

class DecodeBundlerTest {
    private static Bench bench(Map<Integer, Long> backlog) throws Exception {
        return Bench.of(new DecodeBundler(Bench.start(true, 0, 0, backlog)), null);
    }

    private static List<String> names(Bench bench) {
        return bench.marks().stream().map(Rows::key).toList();
    }

    @Test
    void rawRecordsOfOneTurnShareABundle() throws Exception {
        try (Bench bench = bench(Map.of())) {
            bench.records(raw(0, 0, "a"), raw(1, 0, "b")).idle();
            Bundle bundle = bench.bundles().get(0);
            assertEquals('R', bundle.kind());
            assertEquals(List.of("a", "b"), bundle.texts());
        }
    }

    @Test
    void aPartitionIsMarkedOnceAtTheLastRecordOfItsBacklog() throws Exception {
        try (Bench bench = bench(Map.of(0, 3L, 2, 1L))) {
            bench.records(raw(0, 1, "a"), raw(1, 9, "b"));
            assertEquals(List.of(), names(bench));
            bench.records(raw(0, 2, "c"), raw(0, 3, "d"));
            assertEquals(List.of("mode:r:0"), names(bench));
            bench.records(raw(2, 0, "e"), raw(2, 1, "f"));
            assertEquals(List.of("mode:r:0", "mode:r:2"), names(bench));
            assertEquals('Q', Rows.tag(bench.marks().get(0)), "for the control topic");
        }
    }

    @Test
    void aPartitionWhoseLastRecordsAreGoneIsMarkedByTheNextOne() throws Exception {
        try (Bench bench = bench(Map.of(0, 3L))) {
            bench.records(raw(0, 7, "a"));
            assertEquals(List.of("mode:r:0"), names(bench));
        }
    }

    @Test
    void aMarkSaysTheGreatestEventTimeReadSoFar() throws Exception {
        try (Bench bench = bench(Map.of(0, 2L, 1, 2L))) {
            bench.record(raw(0, 0, "a"), 70).record(raw(0, 1, "b"), 60).record(raw(1, 1, "c"), 90);
            assertEquals(List.of("70", "90"), bench.marks().stream().map(mark -> Records.text(Rows.payload(mark))).toList());
        }
    }

    @Test
    void aRecordIsToldTheGreatestTimeThatItsPartitionHadBeforeIt() throws Exception {
        try (Bench bench = bench(Map.of())) {
            bench.record(raw(0, 0, "a"), 70).record(raw(1, 0, "b"), 90).record(raw(0, 1, "c"), 60).record(raw(0, 2, "d"), EventTimes.NONE);
            bench.record(raw(0, 3, "e"), 80).record(raw(1, 1, "f"), 100).idle();
            assertEquals(List.of(EventTimes.NONE, EventTimes.NONE, 70L, 70L, 70L, 90L), bench.bundles().get(0).newest());
        }
    }

    @Test
    void theGreatestTimesOfPartitionsSurviveARestoreAndSoDoThoseToldToHeldRecords() throws Exception {
        JobStart start = Bench.start(false, 1, 0, Map.of());
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new DecodeBundler(start), null)) {
            state = bench.record(raw(0, 0, "a"), 70).record(raw(1, 0, "b"), 90).record(raw(0, 1, "c"), 60).snapshot();
        }
        try (Bench bench = Bench.of(new DecodeBundler(start), state)) {
            bench.record(raw(0, 2, "d"), 50).record(raw(1, 1, "e"), 95).control(control("def:aa", 0)).idle();
            assertEquals(List.of(EventTimes.NONE, EventTimes.NONE, 70L, 70L, 90L), bench.bundles().get(1).newest());
        }
    }

    @Test
    void theMarkGoesBehindTheRecordsThatItSpeaksOf() throws Exception {
        try (Bench bench = bench(Map.of(0, 2L))) {
            bench.records(raw(0, 0, "a"), raw(0, 1, "b"));
            assertEquals(List.of("a", "b"), bench.texts(), "handed over before the task is idle");
            assertEquals(1, bench.marks().size());
        }
    }

    @Test
    void recordsHeldAtTheGateSurviveARestoreInTheirOrder() throws Exception {
        JobStart start = Bench.start(false, 2, 0, Map.of());
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new DecodeBundler(start), null)) {
            bench.control(control("def:aa", 0));
            state = bench.records(raw(0, 0, "a"), raw(0, 1, "b")).idle().snapshot();
            assertEquals(List.of("def:aa"), bench.texts());
        }
        try (Bench bench = Bench.of(new DecodeBundler(start), state)) {
            bench.records(raw(0, 2, "c")).idle();
            assertEquals(List.of("def:aa"), bench.texts());
            bench.control(control("def:bb", 1)).idle();
            assertEquals(List.of("def:bb", "a", "b", "c"), bench.texts());
            state = bench.snapshot();
        }
        try (Bench bench = Bench.of(new DecodeBundler(start), state)) {
            assertEquals(List.of("def:aa", "def:bb"), bench.texts(), "what has gone does not come again");
        }
    }

    @Test
    void aWatermarkDoesNotPassRecordsHeldAtTheGate() throws Exception {
        try (Bench bench = Bench.of(new DecodeBundler(Bench.start(true, 1, 0, Map.of(0, 9L))), null)) {
            bench.records(raw(0, 0, "a")).watermark(100).watermark(200);
            assertEquals(List.of(), bench.out());
            bench.control(control("def:aa", 0)).idle();
            List<Object> out = bench.out();
            assertEquals(List.of("a"), ((Bundle) out.get(1)).texts());
            assertEquals(List.of("W200"), out.subList(2, out.size()));
        }
    }

    @Test
    void inSilenceTheTimeOfTheNewestEventHasComeAlsoOfOneFromBeforeARestart() throws Exception {
        JobStart start = Bench.start(true, 0, 0, Map.of(0, 3L));
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new DecodeBundler(start), null)) {
            state = bench.record(raw(0, 0, "a"), 70).record(raw(1, 0, "b"), 90).snapshot();
        }
        try (Bench bench = Bench.of(new DecodeBundler(start), state)) {
            bench.record(raw(0, 2, "c"), 80).watermark(Wire.END_MS + 79).silence();
            assertEquals(List.of("W" + (Wire.END_MS + 89), "idle"), bench.out().subList(2, 4));
        }
    }

    @Test
    void whatIsSilentAmidItsBacklogSaysNothingOfEventTime() throws Exception {
        try (Bench bench = bench(Map.of(0, 3L))) {
            bench.record(raw(0, 0, "a"), 70).watermark(50).silence();
            assertEquals("idle", bench.out().get(2));
        }
    }
}
