package weir.flink;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.flink.types.Row;

/** Rows as the stages before a bundler send them. */
final class Records {
    private Records() {}

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** An event that waits for `answers` answers of one number each; its order is `order`, its body the text. */
    static Row event(String user, long timeMs, long uid, int release, int answers, byte[] order, String body) {
        byte[] text = utf8(body);
        ByteBuffer payload = Bytes.ofSize(Wire.Event.SIZE + order.length + text.length);
        Wire.Event.put(payload, timeMs, uid, release, Wire.ANY_SNAPSHOTS, Double.BYTES * answers, answers, order.length).put(order).put(text);
        return Rows.of(user, payload.array(), Wire.Tag.EVENT);
    }

    static Row event(String user, long uid, int answers, String body) {
        return event(user, uid, uid, 0, answers, Bytes.ofSize(8).putLong(uid).array(), body);
    }

    static Row answer(String user, long uid, int place, double number) {
        ByteBuffer payload = Bytes.ofSize(Wire.Answer.SIZE + Double.BYTES);
        return Rows.of(user, Wire.Answer.put(payload, uid, Double.BYTES * place).putDouble(number).array(), Wire.Tag.ANSWER);
    }

    static Row message(String key, long timeMs, int release, byte[] order, String body) {
        byte[] text = utf8(body);
        ByteBuffer payload = Bytes.ofSize(Wire.Message.SIZE + order.length + text.length);
        Wire.Message.put(payload, timeMs, 0, release, Wire.ANY_SNAPSHOTS, order.length).put(order).put(text);
        return Rows.of(key, payload.array(), Wire.Tag.MESSAGE);
    }

    /** The event or message, stamped with a position in the topic of models. */
    static Row stampedWith(long snapshots, Row row) {
        Bytes.of(Rows.payload(row)).putLong(Wire.Stamped.SNAPSHOTS, snapshots);
        return row;
    }

    static Row label(String key, String body) {
        return Rows.of(key, utf8(body), Wire.Source.LABEL);
    }

    static Row fact(String key, String body) {
        return Rows.of(key, utf8(body), Wire.Source.FACT);
    }

    /** An event as it comes from its topic; a bundle's texts leave out what stands before the body. */
    static Row raw(int partition, long offset, String body) {
        byte[] text = utf8(body);
        byte[] payload = Bytes.ofSize(Wire.RawRecord.SIZE + text.length).position(Wire.RawRecord.SIZE).put(text).array();
        return Rows.of("", payload, Wire.Source.EVENT, partition, offset);
    }

    /** Records of control and models carry their own key as payload, so that a bundle shows which they are. */
    static Row control(String key, long offset) {
        return Rows.of(key, utf8(key), Wire.Source.CONTROL, 0, offset);
    }

    /** Says that a key of the control topic has no record any more. */
    static Row gone(String key, long offset) {
        byte[] name = utf8(key);
        return Rows.of(key, control('C', name, new byte[0]), Wire.Source.CONTROL, 0, offset);
    }

    /** A mark of `run`, as the decode stage's bundler sends it round through the control topic. */
    static Row mark(String run, int partition, long offset, long newestMs) {
        byte[] key = utf8("mode:" + run + ":" + partition);
        byte[] body = control(Wire.Topic.CONTROL, key, utf8(Long.toString(newestMs)));
        return Rows.of(text(key), body, Wire.Source.CONTROL, 0, offset);
    }

    private static byte[] control(char topic, byte[] key, byte[] value) {
        ByteBuffer body = Bytes.ofSize(Wire.ControlRecord.SIZE + key.length + value.length);
        return Wire.ControlRecord.put(body, topic, key.length).put(key).put(value).array();
    }

    /** Says that a key of the topic of models has no record any more. */
    static Row goneModel(String key, long offset) {
        return Rows.of(key, control('M', utf8(key), new byte[0]), Wire.Source.MODEL, 0, offset);
    }

    static Row model(String key, long offset) {
        return Rows.of(key, utf8(key), Wire.Source.MODEL, 0, offset);
    }
}
