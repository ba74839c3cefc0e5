package weir.flink;

import static weir.flink.Records.answer;
import static weir.flink.Records.control;
import static weir.flink.Records.event;
import static weir.flink.Records.label;
import static weir.flink.Records.message;
import static weir.flink.Records.raw;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.util.OperatorSnapshotUtil;

/**
 * State of each bundler as Flink writes it, with rows that wait for whatever they can wait for; kept in the resources as a folder for
 * each version that wrote it, and read back by `GoldenStatesTest`.
 *
 * <p>`write` makes such a folder. Call it from a test with the sources of a version whose state is about to change.
 */
final class GoldenStates {
    private GoldenStates() {}

    /** Writes all states into a folder, which is made. */
    static void write(Path folder) throws Exception {
        Files.createDirectories(folder);
        JobStart unread = Bench.start(false, 5, 0, Map.of());
        try (Bench bench = Bench.of(new UserBundler(Bench.arrival()), null, 1, 0)) {
            bench.control(control("release:0000000001", 0));
            bench.records(event("ann", 1, 2, "first"), event("ann", 2, 0, "second"), answer("ann", 1, 1, 7.0), answer("bob", 5, 0, 5.0));
            keep(bench.idle().snapshot(), folder.resolve("user_waits_for_answers.state"));
        }
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()), null, 1, 0)) {
            bench.records(event("ann", 3, 0, "3"), event("ann", 1, 0, "1"), event("ann", 2, 0, "2"));
            keep(bench.idle().snapshot(), folder.resolve("user_waits_for_the_watermark.state"));
        }
        try (Bench bench = Bench.of(new UserBundler(unread), null, 1, 0)) {
            bench.records(event("ann", 1, 0, "a"), label("customer\0ann", "a label"));
            keep(bench.idle().snapshot(), folder.resolve("user_waits_for_control.state"));
        }
        try (Bench bench = Bench.of(new EntityBundler(Bench.eventTime()), null, 1, 0)) {
            bench.records(message("card\0x", 9, 0, new byte[] {1}, "late"), message("card\0x", 8, 0, new byte[] {1}, "early"));
            keep(bench.idle().snapshot(), folder.resolve("entity_waits_for_the_watermark.state"));
        }
        try (Bench bench = Bench.of(new DecodeBundler(unread), null)) {
            bench.records(raw(0, 7, "held"), raw(1, 3, "too"));
            keep(bench.idle().snapshot(), folder.resolve("decode_waits_for_control.state"));
        }
    }

    /** The state that was kept under a name. */
    static OperatorSubtaskState read(Path folder, String name) throws Exception {
        return OperatorSnapshotUtil.readStateHandle(folder.resolve(name + ".state").toString());
    }

    private static void keep(OperatorSubtaskState state, Path file) throws Exception {
        OperatorSnapshotUtil.writeStateHandle(state, file.toString());
    }
}
