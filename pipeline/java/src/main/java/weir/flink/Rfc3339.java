package weir.flink;

import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads dates with times as RFC 3339 writes them, in exactly the forms that the decoder of the Python side takes: a time that moves no
 * clock here, of an event that is accepted there, would hold up whatever waits for its watermark.
 */
final class Rfc3339 {
    private static final Pattern FORM = Pattern.compile(
            "(\\d{4})-(\\d\\d)-(\\d\\d)[Tt ](\\d\\d):(\\d\\d):(\\d\\d)(?:\\.(\\d+))?(?:[Zz]|([+-])(\\d\\d):?(\\d\\d))");

    private Rfc3339() {}

    /**
     * Milliseconds since the epoch. What is finer than a microsecond is rounded to one, and microseconds are cut off.
     *
     * @throws DateTimeException the text is no such time.
     */
    static long milliseconds(String text) {
        Matcher parts = FORM.matcher(text);
        if (!parts.matches()) {
            throw new DateTimeException("not a time of RFC 3339 with a zone");
        }
        LocalDateTime local = LocalDateTime.of(
                number(parts, 1), number(parts, 2), number(parts, 3), number(parts, 4), number(parts, 5), number(parts, 6));
        return (local.toEpochSecond(ZoneOffset.UTC) - offsetSeconds(parts)) * 1_000 + microseconds(parts.group(7)) / 1_000;
    }

    private static int number(Matcher parts, int group) {
        return Integer.parseInt(parts.group(group));
    }

    private static long offsetSeconds(Matcher parts) {
        if (parts.group(8) == null) {
            return 0;
        }
        int hours = number(parts, 9);
        int minutes = number(parts, 10);
        if (hours > 23 || minutes > 59) {
            throw new DateTimeException("an offset is at most 23:59");
        }
        return (hours * 60L + minutes) * (parts.group(8).equals("-") ? -60 : 60);
    }

    private static long microseconds(String digits) {
        return digits == null ? 0 : Math.round(Double.parseDouble("0." + digits) * 1e6);
    }
}
