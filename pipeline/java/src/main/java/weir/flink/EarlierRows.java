package weir.flink;

import java.nio.ByteBuffer;
import org.apache.flink.types.Row;

/** Rows that earlier versions have left in a checkpoint, in today's layout. */
final class EarlierRows {
    private EarlierRows() {}

    /** The row itself; or an event or message that is stamped with no snapshots, as one that the newest count for. */
    static Row completed(Row row) {
        return switch (Rows.tag(row)) {
            case Wire.Tag.EARLIER_EVENT -> stamped(row, Wire.Tag.EVENT);
            case Wire.Tag.EARLIER_MESSAGE -> stamped(row, Wire.Tag.MESSAGE);
            default -> row;
        };
    }

    private static Row stamped(Row row, char tag) {
        byte[] payload = Rows.payload(row);
        int before = Wire.Stamped.SNAPSHOTS;
        ByteBuffer stamped = Bytes.ofSize(payload.length + Long.BYTES);
        stamped.put(payload, 0, before).putLong(Wire.ANY_SNAPSHOTS).put(payload, before, payload.length - before);
        return Rows.of(Rows.key(row), stamped.array(), tag, Rows.partition(row), Rows.offset(row));
    }
}
