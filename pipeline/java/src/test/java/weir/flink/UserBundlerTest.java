package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static weir.flink.Records.answer;
import static weir.flink.Records.event;
import static weir.flink.Records.label;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class UserBundlerTest {
    private static final double NONE = Double.NaN;
    private Bench bench;

    @BeforeEach
    void open() throws Exception {
        bench = Bench.of(new UserBundler(Bench.arrival()));
    }

    @AfterEach
    void close() throws Exception {
        bench.close();
    }

    @Test
    void anEventWithoutExpectedAnswersGoesAtOnce() throws Exception {
        bench.records(event("ann", 1, 0, "a")).idle();
        Bundle bundle = bench.bundles().get(0);
        assertEquals('E', bundle.kind());
        assertEquals(List.of("a"), bundle.texts());
        assertEquals(List.of(false), bundle.missing());
        assertEquals(List.of(List.of()), bundle.answers());
    }

    @Test
    void anEventWaitsForEveryAnswerOfItsOwn() throws Exception {
        bench.records(event("ann", 1, 2, "a"), answer("ann", 1, 1, 7.0), answer("ann", 2, 0, 9.0)).idle();
        assertEquals(List.of(), bench.texts());
        bench.records(answer("ann", 1, 0, 6.0)).idle();
        Bundle bundle = bench.bundles().get(0);
        assertEquals(List.of(List.of(6.0, 7.0)), bundle.answers());
        assertEquals(List.of(false), bundle.missing());
    }

    @Test
    void answersMayComeBeforeTheirEvent() throws Exception {
        bench.records(answer("ann", 1, 0, 6.0), answer("ann", 1, 1, 7.0), event("ann", 1, 2, "a")).idle();
        Bundle bundle = bench.bundles().get(0);
        assertEquals(List.of(List.of(6.0, 7.0)), bundle.answers());
        assertEquals(List.of(false), bundle.missing());
    }

    @Test
    void anEventNeverPassesAnEarlierOneOfItsUserWhileOtherUsersDo() throws Exception {
        bench.records(event("ann", 1, 1, "a1"), event("ann", 2, 1, "a2"), event("ann", 3, 0, "a3"), event("bob", 4, 0, "b"));
        bench.records(answer("ann", 2, 0, 2.0)).idle();
        assertEquals(List.of("b"), bench.texts());
        bench.records(answer("ann", 1, 0, 1.0)).idle();
        assertEquals(List.of("a1", "a2", "a3"), bench.texts());
    }

    @Test
    void anEventGoesWithoutAnAnswerOnceItsEntitiesHadTheirTime() throws Exception {
        bench.at(1_000).records(event("ann", 1, 2, "a"), answer("ann", 1, 1, 7.0));
        bench.at(1_045).idle();
        assertEquals(List.of(), bench.texts());
        bench.at(1_060).idle();
        Bundle bundle = bench.bundles().get(0);
        assertEquals(List.of(List.of(NONE, 7.0)), bundle.answers());
        assertEquals(List.of(true), bundle.missing());
    }

    @Test
    void theEventBehindOneThatExpiresStillHasTheRestOfItsTime() throws Exception {
        bench.at(1_000).records(event("ann", 1, 1, "a1"));
        bench.at(1_030).records(event("ann", 2, 1, "a2"), event("bob", 3, 1, "b"));
        bench.at(1_060).idle();
        assertEquals(List.of("a1"), bench.texts());
        bench.at(1_065).records(answer("ann", 2, 0, 2.0)).idle();
        Bundle bundle = bench.bundles().get(0);
        assertEquals(List.of("a2"), bundle.texts());
        assertEquals(List.of(false), bundle.missing());
        bench.at(1_090).idle();
        assertEquals(List.of(true), bench.bundles().get(0).missing());
    }

    @Test
    void anAnswerAfterItsEventExpiredIsDropped() throws Exception {
        bench.at(1_000).records(event("ann", 1, 1, "a"));
        bench.at(1_060).records(answer("ann", 1, 0, 7.0)).idle();
        assertEquals(List.of("a"), bench.texts());
        for (long timeMs = 2_000; timeMs < 70_000; timeMs += 1_000) {
            bench.at(timeMs).idle();
        }
        assertEquals(List.of(), bench.texts());
        try (Bench restored = Bench.of(new UserBundler(Bench.arrival()), bench.snapshot(), 1, 0)) {
            restored.records(event("ann", 1, 1, "a again")).idle();
            assertEquals(List.of(), restored.texts(), "the old answer is gone");
        }
    }

    @Test
    void labelsPassWhileTheirUserWaits() throws Exception {
        bench.records(event("ann", 1, 1, "a"), label("ann", "fraud")).idle();
        Bundle bundle = bench.bundles().get(0);
        assertEquals('L', bundle.kind());
        assertEquals(List.of("fraud"), bundle.texts());
    }

    @Test
    void bundlesLeaveBeforeABarrierAndBeforeAWatermark() throws Exception {
        bench.records(event("ann", 1, 0, "a")).watermark(5);
        assertEquals(List.of("a"), ((Bundle) bench.out().get(0)).texts());
        bench.records(event("ann", 2, 0, "b"));
        assertEquals(List.of(), bench.texts());
        bench.snapshot();
        assertEquals(List.of("b"), bench.texts());
    }

    @Test
    void aBarrierIsAnnouncedToPythonAfterAllThatCameBeforeIt() throws Exception {
        bench.records(event("ann", 2, 0, "b")).snapshot();
        assertEquals(List.of('E', 'S'), bench.bundles().stream().map(Bundle::kind).toList());
        bench.snapshot();
        assertEquals(List.of('S'), bench.bundles().stream().map(Bundle::kind).toList());
    }

    @Test
    void recordsOfOneTurnShareABundle() throws Exception {
        for (int i = 0; i < 10; i++) {
            bench.records(event("u" + i, i, 0, "x"));
        }
        assertTrue(bench.bundles().isEmpty());
        bench.idle();
        assertEquals(10, bench.bundles().get(0).bodies().size());
    }

    @Test
    void aWatermarkWaitsForTheEventsBeforeItAndForNoLaterOne() throws Exception {
        bench.records(event("ann", 1, 1, "a")).watermark(5);
        bench.records(event("bob", 2, 1, "b"), event("ann", 3, 0, "a2")).idle();
        assertEquals(List.of(), bench.said());
        bench.records(answer("ann", 1, 0, 1.0)).idle();
        assertEquals(List.of("a", "a2", "W5"), bench.said());
    }

    @Test
    void aWatermarkGoesOnBehindAnEventWhoseEntitiesNeverAnswer() throws Exception {
        bench.at(1_000).records(event("ann", 1, 1, "a")).watermark(5).watermark(6);
        bench.at(1_030).records(event("ann", 2, 1, "a2")).watermark(7);
        bench.at(1_060).idle();
        assertEquals(List.of("a", "W6"), bench.said());
        bench.at(1_090).idle();
        assertEquals(List.of("a2", "W7"), bench.said());
        assertEquals(List.of("W8"), bench.watermark(8).said());
    }

    @Test
    void silenceWaitsAsItsWatermarkDoes() throws Exception {
        bench.records(event("ann", 1, 1, "a")).watermark(5).silence();
        assertEquals(List.of(), bench.said());
        bench.records(answer("ann", 1, 0, 1.0)).idle();
        assertEquals(List.of("a", "W5", "idle"), bench.said());
    }
}
