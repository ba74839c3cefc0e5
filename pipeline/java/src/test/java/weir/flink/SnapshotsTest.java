package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static weir.flink.Records.event;
import static weir.flink.Records.goneModel;
import static weir.flink.Records.message;
import static weir.flink.Records.model;
import static weir.flink.Records.raw;
import static weir.flink.Records.stampedWith;

import java.util.List;
import java.util.stream.Collectors;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

class SnapshotsTest {
    /** Waits for an answer where `answers` says so. */
    private static Row waiting(long snapshots, long uid, int answers) {
        return stampedWith(snapshots, event("ann", uid, answers, "at " + uid));
    }

    private static List<Long> positions(List<Bundle> bundles) {
        return bundles.stream().flatMap(bundle -> bundle.positions().stream()).toList();
    }

    /** What Python is told of the topic of models: each key with its position, and those that have gone. */
    private static List<String> said(List<Bundle> bundles) {
        return bundles.stream().filter(bundle -> bundle.kind() == 'C').map(SnapshotsTest::said).collect(Collectors.joining(" ")).lines().toList();
    }

    private static String said(Bundle bundle) {
        StringBuilder said = new StringBuilder();
        for (int i = 0; i < bundle.bodies().size(); i++) {
            String text = bundle.texts().get(i);
            said.append(text.startsWith("M") ? text.substring(3) + " gone" : text + " at " + bundle.positions().get(i)).append('\n');
        }
        return said.toString();
    }

    private static Bench user(OperatorSubtaskState state) throws Exception {
        return Bench.of(new UserBundler(Bench.arrival()), state, 1, 0);
    }

    @Test
    void aRawRecordSaysHowFarTheTopicOfModelsHadBeenReadWhenItCame() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = Bench.of(new DecodeBundler(Bench.arrival()), null)) {
            bench.records(raw(0, 0, "a")).control(model("forest", 4)).records(raw(0, 1, "b")).control(goneModel("trees", 7));
            bench.records(raw(0, 2, "c")).idle();
            assertEquals(List.of(0L, 5L, 5L, 8L), positions(bench.bundles()));
            state = bench.snapshot();
        }
        try (Bench bench = Bench.of(new DecodeBundler(Bench.arrival()), state)) {
            bench.records(raw(0, 3, "d")).idle();
            assertEquals(List.of(5L, 8L), positions(bench.bundles()));
        }
    }

    @Test
    void anEventWaitsForItsSnapshotsWithEverythingBehindIt() throws Exception {
        try (Bench bench = user(null)) {
            bench.control(model("forest", 0)).records(waiting(1, 1, 0), waiting(3, 2, 0), waiting(1, 3, 0)).watermark(9).idle();
            assertEquals(List.of("at 1"), bench.events());
            bench.control(model("trees", 1)).idle();
            assertEquals(List.of(), bench.events());
            bench.control(goneModel("forest", 2)).idle();
            List<Object> out = bench.out();
            assertEquals(List.of("at 2", "at 3"), ((Bundle) out.get(0)).texts());
            assertEquals(List.of(3L, 1L), ((Bundle) out.get(0)).positions(), "one bundle, in which each has its own");
            assertEquals("W9", out.get(1));
        }
    }

    @Test
    void aMessageWaitsForItsSnapshotsToo() throws Exception {
        try (Bench bench = Bench.of(new EntityBundler(Bench.arrival()))) {
            bench.records(stampedWith(1, message("card\0x", 5, 0, new byte[] {1}, "waits"))).idle();
            assertEquals(List.of(), bench.bundles());
            assertEquals(List.of(1L, 1L), positions(bench.control(model("forest", 0)).idle().bundles()));
        }
    }

    @Test
    void aSnapshotThatWasTakenAwayStaysWhileAnEventThatWaitsIsStampedWithAnEarlierPosition() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = user(null)) {
            bench.control(model("forest/1", 0), model("forest/2", 1)).records(waiting(1, 1, 1));
            bench.control(goneModel("forest/1", 2)).idle().out();
            state = bench.snapshot();
            assertEquals(List.of(), said(bench.bundles()));
        }
        try (Bench bench = user(state)) {
            assertEquals(List.of("forest/1 at 1", "forest/2 at 2"), said(bench.bundles()));
            assertEquals(List.of("at 1"), bench.at(100).idle().events());
            state = bench.snapshot();
            assertEquals(List.of("forest/1 gone"), said(bench.bundles()));
        }
        try (Bench bench = user(state)) {
            assertEquals(List.of("forest/2 at 2"), said(bench.bundles()));
        }
    }

    @Test
    void anEventStampedBehindThatDoesNotKeepIt() throws Exception {
        try (Bench bench = user(null)) {
            bench.control(model("forest/1", 0), model("forest/2", 1), goneModel("forest/1", 2)).records(waiting(3, 1, 1)).idle().out();
            bench.records(waiting(Wire.ANY_SNAPSHOTS, 2, 1));
            bench.snapshot();
            assertEquals(List.of("forest/1 gone"), said(bench.bundles()));
        }
    }

    @Test
    void aSnapshotThatIsWrittenAgainStandsWhereItFirstStood() throws Exception {
        OperatorSubtaskState state;
        try (Bench bench = user(null)) {
            bench.control(model("forest", 0), model("forest", 1), Rows.of("trees", Records.utf8("t1"), Wire.Source.MODEL, 0, 2));
            bench.control(Rows.of("trees", Records.utf8("t2"), Wire.Source.MODEL, 0, 3), goneModel("forest", 4), model("forest", 5)).idle();
            state = bench.snapshot();
        }
        try (Bench bench = user(state)) {
            assertEquals(List.of("forest at 1", "t2 at 4"), said(bench.bundles()));
        }
    }
}
