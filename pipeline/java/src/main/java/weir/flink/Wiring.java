package weir.flink;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.operators.SimpleOperatorFactory;
import org.apache.flink.streaming.api.transformations.TwoInputTransformation;
import org.apache.flink.types.Row;

/** What PyFlink has no words for: an operator whose first input is keyed and whose second is broadcast. */
public final class Wiring {
    private Wiring() {}

    /**
     * Puts `bundler` behind `records` and `control`.
     *
     * @param records partitioned by `selector` already, where one is given.
     * @param control broadcast.
     * @param selector null for a bundler without keys.
     */
    public static <OUT> SingleOutputStreamOperator<OUT> bundle(
            DataStream<Row> records,
            DataStream<Row> control,
            Bundler<OUT> bundler,
            TypeInformation<OUT> type,
            KeySelector<Row, Row> selector,
            String uid) {
        StreamExecutionEnvironment environment = records.getExecutionEnvironment();
        TwoInputTransformation<Row, Row, OUT> transformation = new TwoInputTransformation<>(
                records.getTransformation(),
                control.getTransformation(),
                uid,
                SimpleOperatorFactory.of(bundler),
                type,
                environment.getParallelism(),
                false);
        if (selector != null) {
            transformation.setStateKeySelectors(selector, null);
            transformation.setStateKeyType(Rows.KEY);
        }
        transformation.setUid(uid);
        environment.addOperator(transformation);
        return new Bundles<>(environment, transformation);
    }

    /** The stream of an operator that was put together by hand. */
    private static final class Bundles<T> extends SingleOutputStreamOperator<T> {
        Bundles(StreamExecutionEnvironment environment, TwoInputTransformation<?, ?, T> transformation) {
            super(environment, transformation);
        }
    }
}
