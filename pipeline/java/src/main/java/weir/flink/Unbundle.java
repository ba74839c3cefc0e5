package weir.flink;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** Splits what a Python stage gave back into its frames: those for later stages and the replies to side outputs, the rest of Kafka's on. */
public class Unbundle extends ProcessFunction<byte[], Row> {
    public static final OutputTag<Row> EVENTS = new OutputTag<>("events", Rows.TYPE);
    public static final OutputTag<Row> MESSAGES = new OutputTag<>("messages", Rows.TYPE);
    public static final OutputTag<Row> ANSWERS = new OutputTag<>("answers", Rows.TYPE);
    public static final OutputTag<Row> REPLIES = new OutputTag<>("replies", Rows.TYPE);

    @Override
    public void processElement(byte[] frames, Context context, Collector<Row> out) {
        ByteBuffer in = Bytes.of(frames);
        while (in.hasRemaining()) {
            char tag = Wire.Frame.tag(in);
            int length = Wire.Frame.keyLength(in);
            int keyAt = in.position() + Wire.Frame.SIZE;
            String key = new String(frames, keyAt, length, StandardCharsets.UTF_8);
            in.position(keyAt + length);
            byte[] payload = new byte[in.getInt()];
            in.get(payload);
            Row row = Rows.of(key, payload, tag);
            switch (tag) {
                case Wire.Tag.EVENT -> context.output(EVENTS, row);
                case Wire.Tag.MESSAGE -> context.output(MESSAGES, row);
                case Wire.Tag.ANSWER -> context.output(ANSWERS, row);
                case Wire.Tag.REPLY -> context.output(REPLIES, row);
                default -> out.collect(row);
            }
        }
    }
}
