package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static weir.flink.Records.answer;
import static weir.flink.Records.control;
import static weir.flink.Records.event;
import static weir.flink.Records.label;
import static weir.flink.Records.model;
import static weir.flink.Records.raw;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

class GateTest {
    private static JobStart behind(long controlEnd, long modelsEnd) {
        return Bench.start(false, controlEnd, modelsEnd, Map.of());
    }

    private static Row stamped(String user, int release, String body) {
        return event(user, 1, body.hashCode(), release, 0, new byte[0], body);
    }

    @Test
    void nothingPassesBeforeControlAndModelsAreReadToTheirEnds() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(behind(3, 2)))) {
            bench.records(stamped("ann", 0, "a"), label("ann", "fraud"), answer("bob", 9, 0, 1.0)).watermark(7);
            bench.control(control("def:aa", 0), control("release:0000000001", 2), model("forest", 0)).idle();
            assertEquals(List.of("def:aa", "release:0000000001", "forest"), bench.texts());
            bench.control(model("trees", 1)).idle();
            List<Object> out = bench.out();
            assertEquals(List.of("trees"), ((Bundle) out.get(0)).texts());
            assertEquals(List.of("a"), ((Bundle) out.get(1)).texts());
            assertEquals(List.of("fraud"), ((Bundle) out.get(2)).texts());
            assertEquals("W7", out.get(3));
        }
    }

    @Test
    void modelsAloneDoNotOpenTheGateOfControl() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(behind(1, 1)))) {
            bench.records(stamped("ann", 0, "a")).control(model("trees", 5)).idle();
            assertEquals(List.of("trees"), bench.texts());
        }
    }

    @Test
    void rawRecordsWaitAtTheGateToo() throws Exception {
        try (Bench bench = Bench.of(new DecodeBundler(behind(1, 0)), null)) {
            bench.records(raw(0, 0, "a"), raw(0, 1, "b")).idle();
            assertEquals(List.of(), bench.texts());
            bench.control(control("def:aa", 0)).idle();
            assertEquals(List.of("def:aa", "a", "b"), bench.texts());
        }
    }

    @Test
    void anEventWaitsForItsReleaseWithEverythingBehindIt() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(behind(0, 0)))) {
            bench.control(control("release:0000000001", 0)).idle();
            bench.bundles();
            bench.records(stamped("ann", 1, "one"), stamped("ann", 2, "two"), stamped("bob", 1, "behind"), label("bob", "fraud")).idle();
            assertEquals(List.of("one"), bench.texts());
            bench.control(control("def:bb", 1)).idle();
            assertEquals(List.of("def:bb"), bench.texts());
            bench.control(control("release:0000000002", 2)).idle();
            List<Bundle> bundles = bench.bundles();
            assertEquals(
                    List.of(List.of("release:0000000002"), List.of("two"), List.of("behind"), List.of("fraud")),
                    bundles.stream().map(Bundle::texts).toList());
            assertEquals(List.of(0, 2, 1, 0), bundles.stream().map(Bundle::release).toList());
        }
    }

    @Test
    void controlRecordsComeInABundleOfTheirOwnBetweenTheEventsAroundThem() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(behind(0, 0)))) {
            bench.records(stamped("ann", 0, "before")).control(control("def:aa", 0)).records(stamped("ann", 0, "after")).idle();
            assertEquals(List.of('E', 'C', 'E'), bench.bundles().stream().map(Bundle::kind).toList());
        }
    }

    @Test
    void afterARestoreTheNewestControlRecordsComeFirstDefinitionsThenReleasesThenModels() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new UserBundler(behind(0, 0)))) {
            bench.control(model("a-model", 0), control("release:0000000002", 1), control("release:0000000001", 0));
            bench.control(control("def:bb", 2), control("def:aa", 3), control("mode:other:0", 4));
            bench.control(Rows.of("def:aa", Records.utf8("newest"), Wire.Source.CONTROL, 0, 5)).idle();
            state = bench.snapshot();
        }
        try (Bench bench = Bench.of(new UserBundler(behind(6, 1)), state, 1, 0)) {
            bench.records(stamped("ann", 2, "event")).idle();
            assertEquals(
                    List.of("newest", "def:bb", "release:0000000001", "release:0000000002", "a-model", "event"), bench.texts());
        }
    }

    @Test
    void aNewSubmissionWaitsForWhatWasPublishedSinceTheCheckpoint() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new UserBundler(behind(0, 0)))) {
            state = bench.control(control("def:aa", 0)).idle().snapshot();
        }
        try (Bench bench = Bench.of(new UserBundler(behind(2, 0)), state, 1, 0)) {
            bench.records(stamped("ann", 0, "event")).idle();
            assertEquals(List.of("def:aa"), bench.texts());
            bench.control(control("def:bb", 1)).idle();
            assertEquals(List.of("def:bb", "event"), bench.texts());
        }
    }

    @Test
    void aJobThatFlinkStartsAgainWaitsForWhatWasPublishedSinceItsSubmission() throws Exception {
        Ends now = (tag, from) -> tag == Wire.Source.CONTROL ? 3 : 2;
        JobStart start = Bench.start(false, 1, 1, now, Map.of());
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new DecodeBundler(Bench.start(false, 1, 1, Map.of())), null)) {
            state = bench.control(control("def:aa", 0), model("forest", 0)).idle().snapshot();
        }
        try (Bench bench = Bench.of(new DecodeBundler(start), state)) {
            bench.bundles();
            bench.records(raw(0, 0, "event")).control(control("def:bb", 1), control("release:0000000002", 2)).idle();
            assertEquals(List.of("def:bb", "release:0000000002"), bench.texts());
            bench.control(model("trees", 1)).idle();
            assertEquals(List.of("trees", "event"), bench.texts());
        }
    }

    @Test
    void theEndsAreLookedForFromWhereTheStateHasReadTo() throws Exception {
        List<String> asked = new ArrayList<>();
        Ends ends = (tag, from) -> {
            asked.add(tag + " " + from);
            return from;
        };
        JobStart start = Bench.start(false, 2, 1, ends, Map.of());
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new UserBundler(start))) {
            state = bench.control(control("def:aa", 7)).idle().snapshot();
        }
        Bench.of(new UserBundler(start), state, 1, 0).close();
        assertEquals(List.of("C 2", "M 1", "C 8", "M 1"), asked);
    }
}
