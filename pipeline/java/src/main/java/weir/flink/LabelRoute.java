package weir.flink;

import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/**
 * Passes on the labels and facts of one stage: of users under the user's bare id, of further entities under (kind, id).
 *
 * <p>The key of a fact's record has the fact's name behind both: it is no part of whose it is.
 */
public class LabelRoute implements FlatMapFunction<Row, Row> {
    private final String userPrefix;
    private final boolean users;

    public LabelRoute(String userKind, boolean users) {
        this.userPrefix = userKind + Wire.ENTITY_SEPARATOR;
        this.users = users;
    }

    @Override
    public void flatMap(Row row, Collector<Row> out) {
        String key = Rows.key(row);
        boolean ofUser = key.startsWith(userPrefix);
        if (ofUser == users) {
            String name = users ? key.substring(userPrefix.length()) : key;
            out.collect(Rows.of(Rows.tag(row) == Wire.Source.FACT ? entityIn(name) : name, Rows.payload(row), Rows.tag(row)));
        }
    }

    /** A key without its last part; one that has no parts is none, and the stage says so. */
    private static String entityIn(String name) {
        int end = name.lastIndexOf(Wire.ENTITY_SEPARATOR);
        return end < 0 ? name : name.substring(0, end);
    }
}
