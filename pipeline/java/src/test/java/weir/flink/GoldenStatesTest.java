package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static weir.flink.Records.answer;
import static weir.flink.Records.control;
import static weir.flink.Records.event;
import static weir.flink.Records.raw;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.Test;

/** What waited in a checkpoint of an earlier version goes on as it would have in that version. */
class GoldenStatesTest {
    /** A test of one version's folder. */
    private interface Check {
        void of(Path folder) throws Exception;
    }

    private static void inEachVersion(Check check) throws Exception {
        Path states = Path.of(GoldenStatesTest.class.getResource("/golden_states").toURI());
        try (Stream<Path> versions = Files.list(states)) {
            for (Path version : versions.sorted().toList()) {
                check.of(version);
            }
        }
    }

    private static String withoutKey(String body) {
        return body.substring(body.length() - (body.endsWith("a label") ? 7 : 1));
    }

    private static Bench user(JobStart start, Path folder, String name) throws Exception {
        return Bench.of(new UserBundler(start), GoldenStates.read(folder, name), 1, 0);
    }

    @Test
    void anEventThatWaitedForAnswersHasItsPlaceAndThoseThatHadCome() throws Exception {
        inEachVersion(folder -> {
            try (Bench bench = user(Bench.arrival(), folder, "user_waits_for_answers")) {
                bench.bundles();
                bench.records(event("ann", 3, 0, "third"), answer("ann", 1, 0, 6.0), event("bob", 5, 1, "bob's")).idle();
                List<Bundle> bundles = bench.bundles();
                List<String> events = bundles.stream().flatMap(each -> each.texts().stream()).sorted().toList();
                assertEquals(List.of("bob's", "first", "second", "third"), events, folder.toString());
                assertEquals(
                        List.of(List.of(6.0, 7.0)),
                        bundles.stream().filter(each -> each.texts().contains("first")).findFirst().orElseThrow().answers(),
                        folder.toString());
            }
        });
    }

    @Test
    void eventsThatWaitedForTheWatermarkGoInTheirOrder() throws Exception {
        inEachVersion(folder -> {
            try (Bench bench = user(Bench.eventTime(), folder, "user_waits_for_the_watermark")) {
                bench.records(event("ann", 0, 0, "0")).watermark(2);
                assertEquals(List.of("0", "1", "2"), bench.texts(), folder.toString());
            }
        });
    }

    @Test
    void messagesThatWaitedForTheWatermarkGoInTheirOrder() throws Exception {
        inEachVersion(folder -> {
            OperatorSubtaskState state = GoldenStates.read(folder, "entity_waits_for_the_watermark");
            try (Bench bench = Bench.of(new EntityBundler(Bench.arrival()), state, 1, 0)) {
                List<String> texts = bench.idle().texts();
                assertEquals(List.of("early", "late"), texts.stream().map(text -> text.substring(8)).toList(), folder.toString());
            }
        });
    }

    @Test
    void whatWaitedForTheControlTopicGoesOnOnceItIsRead() throws Exception {
        inEachVersion(folder -> {
            try (Bench bench = user(Bench.arrival(), folder, "user_waits_for_control")) {
                // A label has a time of its own, so that it may go before the event.
                assertEquals(List.of("a", "a label"), bench.idle().texts().stream().map(GoldenStatesTest::withoutKey).sorted().toList());
            }
            OperatorSubtaskState state = GoldenStates.read(folder, "decode_waits_for_control");
            try (Bench bench = Bench.of(new DecodeBundler(Bench.arrival()), state)) {
                bench.control(control("release:0000000002", 9)).records(raw(0, 8, "next")).idle();
                List<String> texts = bench.texts();
                assertEquals(List.of("held", "too", "next"), texts.stream().filter(text -> !text.startsWith("release")).toList());
            }
        });
    }
}
