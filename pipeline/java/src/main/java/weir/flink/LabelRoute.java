package weir.flink;

import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/** Passes on the labels of one stage: of users under the user's bare id, of further entities under (kind, id). */
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
            out.collect(Rows.of(name, Rows.payload(row), Wire.Source.LABEL));
        }
    }
}
