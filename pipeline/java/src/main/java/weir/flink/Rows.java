package weir.flink;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.types.Row;

/**
 * The one shape of what travels between operators: key, payload, a tag of Wire.Source or Wire.Tag, and for records of Kafka the partition
 * and offset.
 *
 * <p>The key stands first because PyFlink keys a stream by the first field.
 */
public final class Rows {
    public static final TypeInformation<Row> TYPE =
            Types.ROW(Types.STRING, Types.PRIMITIVE_ARRAY(Types.BYTE), Types.INT, Types.INT, Types.LONG);

    /** What a Python stage is given: the key of the first body, and the bundle. */
    public static final TypeInformation<Row> BUNDLE = Types.ROW(Types.STRING, Types.PRIMITIVE_ARRAY(Types.BYTE));

    /** The key as PyFlink has it: a row of one field. */
    public static final TypeInformation<Row> KEY = Types.ROW(Types.STRING);

    private Rows() {}

    public static Row of(String key, byte[] payload, char tag) {
        return Row.of(key, payload, (int) tag, 0, 0L);
    }

    public static Row of(String key, byte[] payload, char tag, int partition, long offset) {
        return Row.of(key, payload, (int) tag, partition, offset);
    }

    public static String key(Row row) {
        return (String) row.getField(0);
    }

    public static byte[] payload(Row row) {
        return (byte[]) row.getField(1);
    }

    public static char tag(Row row) {
        return (char) (int) (Integer) row.getField(2);
    }

    public static int partition(Row row) {
        return (Integer) row.getField(3);
    }

    public static long offset(Row row) {
        return (Long) row.getField(4);
    }
}
