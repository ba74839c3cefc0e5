package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.connector.file.sink.FileSinkCommittable;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.runtime.operators.sink.CommitterOperatorFactory;
import org.apache.flink.streaming.runtime.operators.sink.SinkWriterOperatorFactory;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole files on their way from a stage into folders: there once their checkpoint is complete, and not before. */
class FileImagesTest {
    @TempDir
    private Path root;

    /** The two operators that Flink makes of a sink. */
    private final class Bench implements AutoCloseable {
        final OneInputStreamOperatorTestHarness<Row, CommittableMessage<FileSinkCommittable>> writer;
        final OneInputStreamOperatorTestHarness<CommittableMessage<FileSinkCommittable>, CommittableMessage<FileSinkCommittable>> committer;
        private int handedOver;

        Bench(OperatorSubtaskState written, OperatorSubtaskState committed) throws Exception {
            FileSink<Row> sink = FileImages.sink(root.toUri().toString(), ".parquet");
            writer = new OneInputStreamOperatorTestHarness<>(new SinkWriterOperatorFactory<>(sink));
            committer = new OneInputStreamOperatorTestHarness<>(new CommitterOperatorFactory<>(sink, false, true));
            if (written != null) {
                writer.setRestoredCheckpointId(1);
                committer.setRestoredCheckpointId(1);
                writer.initializeState(written);
                committer.initializeState(committed);
            }
            writer.open();
            committer.open();
        }

        void add(String folder, String file) throws Exception {
            writer.processElement(new StreamRecord<>(Rows.of(folder, Records.utf8(file), 'F')));
        }

        List<OperatorSubtaskState> checkpoint(long number) throws Exception {
            writer.prepareSnapshotPreBarrier(number);
            OperatorSubtaskState written = writer.snapshot(number, number);
            List<CommittableMessage<FileSinkCommittable>> messages = writer.extractOutputValues();
            for (; handedOver < messages.size(); handedOver++) {
                committer.processElement(new StreamRecord<>(messages.get(handedOver)));
            }
            return List.of(written, committer.snapshot(number, number));
        }

        void complete(long number) throws Exception {
            committer.notifyOfCompletedCheckpoint(number);
        }

        @Override
        public void close() throws Exception {
            writer.close();
            committer.close();
        }
    }

    /** Contents of the files that readers see, by folder; those without their name yet begin with a dot. */
    private Map<String, List<String>> files() throws IOException {
        Map<String, List<String>> found = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.filter(Files::isRegularFile).filter(each -> !each.getFileName().toString().startsWith(".")).toList()) {
                assertTrue(path.getFileName().toString().matches("part-.*\\.parquet"), path.toString());
                found.merge(root.relativize(path.getParent()).toString(), List.of(Files.readString(path)), FileImagesTest::both);
            }
        }
        return found;
    }

    private static List<String> both(List<String> some, List<String> others) {
        return Stream.of(some, others).flatMap(List::stream).sorted().toList();
    }

    @Test
    void aFileIsThereOnceItsCheckpointIsCompleteAndNotBefore() throws Exception {
        try (Bench bench = new Bench(null, null)) {
            bench.add("events/day=2026-11-28", "a");
            bench.checkpoint(1);
            assertEquals(Map.of(), files());
            bench.complete(1);
            assertEquals(Map.of("events/day=2026-11-28", List.of("a")), files());
        }
    }

    @Test
    void eachImageIsAFileOfItsOwnInItsFolder() throws Exception {
        try (Bench bench = new Bench(null, null)) {
            bench.add("events/day=2026-11-28", "a");
            bench.add("labels/day=2026-11-28", "b");
            bench.add("events/day=2026-11-28", "c");
            bench.checkpoint(1);
            bench.complete(1);
            assertEquals(Map.of("events/day=2026-11-28", List.of("a", "c"), "labels/day=2026-11-28", List.of("b")), files());
        }
    }

    @Test
    void aCheckpointWithoutImagesMakesNoFile() throws Exception {
        try (Bench bench = new Bench(null, null)) {
            bench.checkpoint(1);
            bench.complete(1);
            assertEquals(Map.of(), files());
        }
    }

    @Test
    void aRestartNamesTheFilesOfItsCheckpointAndNoneOfThoseBehindIt() throws Exception {
        List<OperatorSubtaskState> kept;
        try (Bench bench = new Bench(null, null)) {
            bench.add("events/day=2026-11-28", "a");
            kept = bench.checkpoint(1);
            bench.add("events/day=2026-11-28", "lost");
        }
        try (Bench again = new Bench(kept.get(0), kept.get(1))) {
            assertEquals(Map.of("events/day=2026-11-28", List.of("a")), files());
            again.add("events/day=2026-11-28", "b");
            again.checkpoint(2);
            again.complete(2);
            assertEquals(Map.of("events/day=2026-11-28", List.of("a", "b")), files());
        }
    }
}
