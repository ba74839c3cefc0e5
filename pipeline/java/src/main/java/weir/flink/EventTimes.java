package weir.flink;

import java.io.IOException;
import java.io.Serializable;
import java.time.DateTimeException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;

/** Reads the event time out of the JSON of an event, by a streaming parser that stops once it has it. */
public class EventTimes implements Serializable {
    /** What an event without a readable time has. */
    public static final long NONE = Wire.NO_TIME_MS;

    private static final JsonFactory JSON = new JsonFactory();
    private final String[] path;
    private final String unit;

    /**
     * @param field names the time; dots go into nested objects.
     * @param unit ms, s, us or rfc3339.
     */
    public EventTimes(String field, String unit) {
        this.path = field.split("\\.");
        this.unit = unit;
    }

    /** Milliseconds since the epoch, or NONE. */
    public long read(byte[] bytes, int start, int length) {
        try (JsonParser parser = JSON.createParser(bytes, start, length)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                return NONE;
            }
            int depth = 0;
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                boolean wanted = parser.currentName().equals(path[depth]);
                JsonToken value = parser.nextToken();
                if (!wanted) {
                    parser.skipChildren();
                } else if (depth == path.length - 1) {
                    return milliseconds(parser, value);
                } else if (value == JsonToken.START_OBJECT) {
                    depth++;
                } else {
                    return NONE;
                }
            }
            return NONE;
        } catch (IOException | DateTimeException | ArithmeticException bad) {
            return NONE; // the decode stage finds it again and says what is wrong
        }
    }

    private long milliseconds(JsonParser parser, JsonToken value) throws IOException {
        if (unit.equals("rfc3339")) {
            return value == JsonToken.VALUE_STRING ? Rfc3339.milliseconds(parser.getText()) : NONE;
        }
        if (!value.isNumeric()) {
            return NONE;
        }
        double number = parser.getDoubleValue();
        // Halves go to the even neighbour, as Python rounds.
        double scaled = unit.equals("s") ? number * 1e3 : unit.equals("us") ? Math.floor(number / 1e3) : number;
        return scaled >= 0 && scaled < 4e15 ? (long) Math.rint(scaled) : NONE;
    }
}
