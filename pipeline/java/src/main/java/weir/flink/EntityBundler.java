package weir.flink;

import java.nio.ByteBuffer;
import java.util.List;
import org.apache.flink.types.Row;

/** Bundles of messages and labels for the entity stage; it answers each message as soon as its turn comes. */
public class EntityBundler extends KeyedBundler {
    private static final int HEAD = 22;

    public EntityBundler(JobStart start) {
        super(start);
    }

    @Override
    protected boolean atOnce(Row row) {
        if (Rows.tag(row) == Rows.LABEL) {
            writer.add('L', 0, Rows.key(row), Rows.payload(row), 0);
            return true;
        }
        return false;
    }

    @Override
    protected void release(Row row) {
        byte[] payload = Rows.payload(row);
        byte[] key = utf8(Rows.key(row));
        int from = HEAD + order(payload).length;
        ByteBuffer body = Bytes.ofSize(2 + key.length + payload.length - from);
        body.putShort((short) key.length).put(key).put(payload, from, payload.length - from);
        writer.add('K', releaseOf(row), Rows.key(row), body.array(), 0);
    }

    @Override
    protected byte[] order(byte[] payload) {
        byte[] order = new byte[Bytes.of(payload).getShort(HEAD - 2)];
        System.arraycopy(payload, HEAD, order, 0, order.length);
        return order;
    }

    @Override
    protected List<Row> parked() {
        return List.of();
    }
}
