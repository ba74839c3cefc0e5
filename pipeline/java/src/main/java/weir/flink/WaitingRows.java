package weir.flink;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.types.Row;

/**
 * Keeps rows that wait in a checkpoint, under their own keys so that they go with them when the job is rescaled.
 *
 * <p>Between checkpoints they live in plain collections: state a row would cost more than all the rest.
 */
final class WaitingRows {
    private final String name;
    private final KeyedStateBackend<Row> backend;
    private final ListState<Row> state;
    private final Set<String> written = new HashSet<>();

    /** @param name of the state; each kind of waiting has its own. */
    WaitingRows(String name, KeyedStateBackend<Row> backend) throws Exception {
        this.name = name;
        this.backend = backend;
        this.state = backend.getPartitionedState(
                VoidNamespace.INSTANCE, VoidNamespaceSerializer.INSTANCE, new ListStateDescriptor<>(name, Rows.TYPE));
    }

    /** The rows of the last checkpoint, each key's in order. */
    List<Row> read() throws Exception {
        List<Row> keys;
        try (Stream<Row> stream = backend.getKeys(name, VoidNamespace.INSTANCE)) {
            keys = stream.collect(Collectors.toList());
        }
        List<Row> rows = new ArrayList<>();
        for (Row key : keys) {
            backend.setCurrentKey(key);
            written.add((String) key.getField(0));
            Iterable<Row> kept = state.get();
            if (kept != null) {
                kept.forEach(rows::add);
            }
        }
        return rows;
    }

    /** Replaces what is kept by `rows`. */
    void write(Iterable<Row> rows) throws Exception {
        Map<String, List<Row>> byKey = new LinkedHashMap<>();
        rows.forEach(row -> byKey.computeIfAbsent(Rows.key(row), key -> new ArrayList<>()).add(row));
        for (String key : written) {
            if (!byKey.containsKey(key)) {
                backend.setCurrentKey(Row.of(key));
                state.clear();
            }
        }
        for (Map.Entry<String, List<Row>> entry : byKey.entrySet()) {
            backend.setCurrentKey(Row.of(entry.getKey()));
            state.update(entry.getValue());
        }
        written.clear();
        written.addAll(byKey.keySet());
    }
}
