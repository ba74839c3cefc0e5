package weir.flink;

import java.io.IOException;
import org.apache.flink.api.common.serialization.BulkWriter;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.functions.sink.filesystem.BucketAssigner;
import org.apache.flink.streaming.api.functions.sink.filesystem.OutputFileConfig;
import org.apache.flink.streaming.api.functions.sink.filesystem.PartFileInfo;
import org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.SimpleVersionedStringSerializer;
import org.apache.flink.streaming.api.functions.sink.filesystem.rollingpolicies.CheckpointRollingPolicy;
import org.apache.flink.types.Row;

/**
 * A sink of whole files: each row's payload is the image of one, its key the folder below the root.
 *
 * <p>A file gets its name when the checkpoint behind it is complete, and is there once, whatever fails in between.
 */
public final class FileImages {
    private FileImages() {}

    /** @param root such as file:///…, hdfs://host:port/… or s3://bucket/…. */
    public static FileSink<Row> sink(String root, String suffix) {
        return FileSink.forBulkFormat(new Path(root), (BulkWriter.Factory<Row>) Image::new)
                .withBucketAssigner(new Folder())
                .withRollingPolicy(new OneFileEach())
                .withOutputFileConfig(OutputFileConfig.builder().withPartPrefix("part").withPartSuffix(suffix).build())
                .build();
    }

    private static final class Image implements BulkWriter<Row> {
        private final FSDataOutputStream out;

        Image(FSDataOutputStream out) {
            this.out = out;
        }

        @Override
        public void addElement(Row row) throws IOException {
            out.write(Rows.payload(row));
        }

        @Override
        public void flush() throws IOException {
            out.flush();
        }

        @Override
        public void finish() {}
    }

    private static final class Folder implements BucketAssigner<Row, String> {
        @Override
        public String getBucketId(Row row, Context context) {
            return Rows.key(row);
        }

        @Override
        public SimpleVersionedSerializer<String> getSerializer() {
            return SimpleVersionedStringSerializer.INSTANCE;
        }
    }

    private static final class OneFileEach extends CheckpointRollingPolicy<Row, String> {
        @Override
        public boolean shouldRollOnEvent(PartFileInfo<String> part, Row row) throws IOException {
            return part.getSize() > 0;
        }

        @Override
        public boolean shouldRollOnProcessingTime(PartFileInfo<String> part, long nowMs) {
            return false;
        }
    }
}
