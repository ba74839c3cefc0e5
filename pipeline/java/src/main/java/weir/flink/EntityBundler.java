package weir.flink;

import java.nio.ByteBuffer;
import java.util.List;
import org.apache.flink.types.Row;

/** Bundles of messages, labels and facts for the entity stage; it answers each message as soon as its turn comes. */
public class EntityBundler extends KeyedBundler {
    public EntityBundler(JobStart start) {
        super(start);
    }

    @Override
    protected boolean atOnce(Row row) {
        switch (Rows.tag(row)) {
            case Wire.Source.LABEL -> writer.add(Wire.Kind.LABELS, 0, Rows.key(row), Rows.payload(row), 0);
            case Wire.Source.FACT -> writer.add(Wire.Kind.FACTS, 0, Rows.key(row), Rows.payload(row), 0);
            default -> {
                return false;
            }
        }
        return true;
    }

    @Override
    protected void release(Row row) {
        byte[] payload = Rows.payload(row);
        byte[] key = utf8(Rows.key(row));
        int from = bodyAt(payload);
        ByteBuffer body = Bytes.ofSize(Wire.KeyedBody.SIZE + key.length + payload.length - from);
        Wire.KeyedBody.put(body, key.length).put(key).put(payload, from, payload.length - from);
        writer.add(Wire.Kind.MESSAGES, releaseOf(row), snapshotsOf(row), Rows.key(row), body.array(), 0);
    }

    @Override
    protected int orderAt() {
        return Wire.Message.SIZE;
    }

    @Override
    protected int orderLength(byte[] payload) {
        return Wire.Message.orderLength(Bytes.of(payload));
    }

    @Override
    protected List<Row> parked() {
        return List.of();
    }
}
