package weir.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static weir.flink.Records.label;
import static weir.flink.Records.message;

import java.util.List;
import org.junit.jupiter.api.Test;

class EntityBundlerTest {
    @Test
    void aBodyIsTheLengthOfTheKeyTheKeyAndTheMessageWithoutItsHead() throws Exception {
        try (Bench bench = Bench.of(new EntityBundler(Bench.arrival()))) {
            bench.records(message("c\0é", 1, 0, new byte[] {9, 9, 9}, "xy")).idle();
            Bundle bundle = bench.bundles().get(0);
            assertEquals('K', bundle.kind());
            assertArrayEquals(new byte[] {4, 0, 'c', 0, (byte) 0xC3, (byte) 0xA9, 'x', 'y'}, bundle.bodies().get(0));
        }
    }

    @Test
    void messagesOfTwoReleasesGoInTwoBundles() throws Exception {
        try (Bench bench = Bench.of(new EntityBundler(Bench.arrival()))) {
            bench.control(Records.control("release:0000000002", 0)).idle();
            bench.bundles();
            bench.records(message("k\0a", 1, 1, new byte[0], "a"), message("k\0a", 1, 2, new byte[0], "b")).idle();
            assertEquals(List.of(1, 2), bench.bundles().stream().map(Bundle::release).toList());
        }
    }

    @Test
    void labelsAndFactsPassAtOnceWhileMessagesWaitForTheirWatermark() throws Exception {
        try (Bench bench = Bench.of(new EntityBundler(Bench.eventTime()))) {
            bench.records(message("card\0x", 5, 0, new byte[0], "m"), label("card\0x", "fraud")).idle();
            Bundle bundle = bench.bundles().get(0);
            assertEquals('L', bundle.kind());
            assertEquals(List.of("fraud"), bundle.texts());
            bench.records(Records.fact("card\0x", "verdict")).idle();
            assertEquals('F', bench.bundles().get(0).kind());
            bench.watermark(5);
            assertEquals('K', bench.bundles().get(0).kind());
        }
    }
}
